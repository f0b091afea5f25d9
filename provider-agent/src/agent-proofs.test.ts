import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  challengeNonce,
  entryOf,
  identityOf,
  postureAnswerSchema,
  readBlob,
  type Verifier,
  verifierOf,
  verifyAttestation,
  verifyReceipt,
} from "@hearth/attestation";
import type { Clock } from "@hearth/platform";
import { type AttestationProof, LIMITS, type ProviderFrame } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import { systemClock, systemWallTime } from "./platform/clock.js";
import { eventually } from "./testing/eventually.js";
import type { AgentLink } from "./testing/scripted-coordinator.js";
import { startSetting } from "./testing/test-agent.js";

const BODY = { model: "m", messages: [], stream: true };
const bytes = (text: string): Buffer => Buffer.from(text, "base64url");

/** The machine's own clock, but for timers as long as that of key rotation, which fire when they are told to. */
class RotationClock implements Clock {
  readonly #held = new Set<() => void>();

  now(): number {
    return systemClock.now();
  }

  wallTime(): number {
    return systemClock.wallTime();
  }

  setTimer(ms: number, fire: () => void): Disposable {
    if (ms !== LIMITS.keyRotationMs) return systemClock.setTimer(ms, fire);
    this.#held.add(fire);
    return { [Symbol.dispose]: () => this.#held.delete(fire) };
  }

  rotate(): void {
    const due = [...this.#held];
    this.#held.clear();
    for (const fire of due) fire();
  }
}

function registerOf(link: AgentLink): NonNullable<AgentLink["register"]> & { attestation: AttestationProof } {
  const { register } = link;
  if (register?.attestation === undefined) throw new Error("it does not attest");
  return { ...register, attestation: register.attestation };
}

const verifierIn = (proof: AttestationProof): Verifier => verifierOf(bytes(proof.identity_key)) as Verifier;

function sent<T extends ProviderFrame["type"]>(link: AgentLink, type: T): Extract<ProviderFrame, { type: T }> {
  const frame = link.frames.findLast((each) => each.type === type);
  if (frame === undefined) throw new Error(`no ${type}`);
  return frame as Extract<ProviderFrame, { type: T }>;
}

describe("what an agent proves", () => {
  it("binds its identity to its encryption key when it registers", async () => {
    await using setting = await startSetting(undefined);
    const { identity, encryption_key: key, attestation, agent } = registerOf(setting.link);
    const verifier = verifierIn(attestation);
    expect(identity).toBe(identityOf(verifier.publicKey));
    const signed = { blob: bytes(attestation.blob), signature: bytes(attestation.signature) };
    const verdict = verifyAttestation(signed, {
      identity,
      identityKey: verifier.publicKey,
      encryptionKey: { keyId: key.key_id, publicKey: key.public_key },
      agentVersion: agent.version,
      nowMs: systemWallTime(),
    });
    expect(verdict.type).toBe("ok");
  });

  it("comes under the same identity after a restart, and under another one from another folder", async () => {
    const identities: string[] = [];
    const dataDir = mkdtempSync(join(tmpdir(), "hearth-agent-"));
    for (const config of [{ dataDir }, { dataDir }, {}]) {
      await using setting = await startSetting(undefined, { config });
      identities.push(registerOf(setting.link).identity);
    }
    rmSync(dataDir, { recursive: true });
    expect(identities[1]).toBe(identities[0]);
    expect(identities[2]).not.toBe(identities[0]);
  });

  it("answers a challenge about the key that it announced", async () => {
    await using setting = await startSetting(undefined);
    const { link } = setting;
    const { encryption_key: key, attestation, agent } = registerOf(link);
    const challenge = Buffer.alloc(32, 9);
    link.send({ type: "challenge", challenge: challenge.toString("base64url") });
    await eventually(() => link.frames.some(({ type }) => type === "challenge_response"));
    const answer = sent(link, "challenge_response");
    const verifier = verifierIn(attestation);
    expect(verifier.verify(bytes(answer.blob), bytes(answer.signature))).toBe(true);
    expect(readBlob(postureAnswerSchema, bytes(answer.blob))?.nonce).toBe(
      challengeNonce(challenge, {
        identityKey: verifier.publicKey,
        encryptionKey: bytes(key.public_key),
        agentVersion: agent.version,
      }),
    );
  });

  it("changes its encryption key every ten minutes, opens what was sealed to the one before, and then no more", async () => {
    const clock = new RotationClock();
    await using setting = await startSetting(undefined, { deps: { clock } });
    const { link } = setting;
    const first = registerOf(link).encryption_key;
    const rotated = async (times: number): Promise<void> => {
      clock.rotate();
      await eventually(() => link.frames.filter(({ type }) => type === "key_update").length === times);
    };
    await rotated(1);
    const { encryption_key: second, attestation } = sent(link, "key_update");
    expect(second.key_id).not.toBe(first.key_id);
    expect(attestation?.identity_key).toBe(registerOf(link).attestation.identity_key);
    expect((await link.request(BODY).end()).type).toBe("complete");
    await rotated(2);
    expect(await link.request(BODY).end()).toMatchObject({ type: "error", code: "decryption_failed" });
  });

  it("signs for what it has answered", async () => {
    await using setting = await startSetting(undefined);
    const { link } = setting;
    const end = await link.request(BODY).end();
    await eventually(() => link.frames.some(({ type }) => type === "receipt"));
    const verdict = verifyReceipt(entryOf(sent(link, "receipt")), verifierIn(registerOf(link).attestation));
    expect(verdict).toMatchObject({ type: "ok", value: { request_id: "request-1", model: "m", usage: end.usage } });
  });
});
