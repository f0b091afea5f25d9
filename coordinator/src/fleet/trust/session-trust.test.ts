import { randomBytes } from "node:crypto";
import {
  answerChallenge,
  identityOf,
  issueAttestation,
  newSoftwareKey,
  type Posture,
  serialHash,
  softwareSigner,
} from "@hearth/attestation";
import { FakeClock } from "@hearth/platform/testing";
import { type AttestationProof, type ChallengeResponseFrame, LIMITS } from "@hearth/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import { sessionRounds } from "../session-rounds.js";
import { AttestationVerifier, type DeviceVerdict, type Proof } from "./attestation-verifier.js";
import { SessionTrust } from "./session-trust.js";

const VERSION = "1.0.0";
const SERIAL = { value: "C02TEST", salt: Buffer.alloc(16, 3) };
const posture: Posture = {
  sip: true,
  secure_boot: true,
  filevault: true,
  hypervisor: false,
  binary_hash: "a".repeat(64),
  os_version: "15.1",
  chip: "Apple M4",
};

let clock: FakeClock;
let events: string[];
let challenges: string[];
let device: DeviceVerdict;
let verifier: AttestationVerifier;
const software = softwareSigner(newSoftwareKey());
const key = { keyId: "k", publicKey: randomBytes(32) };

/** The same key, said to be in a Secure Enclave: nobody here can tell. */
const enclave = { ...software, kind: "secure_enclave" as const };
const claims = {
  identity: identityOf(software.publicKey),
  encryptionKey: { keyId: "k", publicKey: key.publicKey.toString("base64url") },
  agentVersion: VERSION,
};

beforeEach(() => {
  clock = new FakeClock();
  events = [];
  challenges = [];
  device = { type: "rejected" };
  verifier = new AttestationVerifier(clock, () => device);
});

async function proofOf(signer: typeof enclave | typeof software, certificates?: string[]): Promise<AttestationProof> {
  const { blob, signature } = await issueAttestation(signer, {
    encryptionKey: key,
    agentVersion: VERSION,
    serialHash: serialHash(SERIAL.value, SERIAL.salt),
    posture,
    nonce: randomBytes(16),
    nowMs: clock.wallTime(),
  });
  return {
    blob: Buffer.from(blob).toString("base64url"),
    signature: Buffer.from(signature).toString("base64url"),
    identity_key: Buffer.from(signer.publicKey).toString("base64url"),
    serial: { value: SERIAL.value, salt: SERIAL.salt.toString("base64url") },
    ...(certificates === undefined ? {} : { certificates }),
  };
}

async function answerTo(challenge: string, changes: Partial<Posture> = {}): Promise<ChallengeResponseFrame> {
  const { blob, signature } = await answerChallenge(software, {
    challenge: Buffer.from(challenge, "base64url"),
    encryptionKey: key.publicKey,
    agentVersion: VERSION,
    posture: { ...posture, ...changes },
    nowMs: clock.wallTime(),
  });
  return {
    type: "challenge_response",
    challenge,
    blob: Buffer.from(blob).toString("base64url"),
    signature: Buffer.from(signature).toString("base64url"),
  };
}

async function trusted(given: AttestationProof): Promise<SessionTrust> {
  const verdict = verifier.check(claims, given);
  if (verdict.type === "failed") throw new Error(verdict.failure);
  const proof: Proof = verdict.value;
  const first = Buffer.alloc(32, 9).toString("base64url");
  const passed = { challenge: first, encryptionKey: claims.encryptionKey.publicKey, signed: proof.signed };
  const content = { type: "hearth.posture.v1", nonce: first, posture, issued_at_ms: 0 } as const;
  return new SessionTrust(
    {
      clock,
      verifier,
      newChallenge: () => randomBytes(32),
      rounds: sessionRounds(clock).challenges,
      hooks: {
        challenge: (challenge) => challenges.push(challenge),
        passed: () => events.push("passed"),
        missed: (inARow) => events.push(`missed ${inARow}`),
        failed: (failure) => events.push(`failed ${failure}`),
      },
    },
    claims,
    proof,
    { ...passed, content },
  );
}

describe("a session's trust", () => {
  it("is challenged every five minutes, and each answer counts for sixteen", async () => {
    using trust = await trusted(await proofOf(software));
    for (let round = 1; round <= 3; round++) {
      clock.advance(LIMITS.challengeIntervalMs);
      expect(challenges).toHaveLength(round);
      trust.answer(await answerTo(challenges.at(-1) as string));
      expect(trust.freshUntil).toBe(clock.now() + LIMITS.proofLifetimeMs);
    }
    expect(events).toEqual(["passed", "passed", "passed"]);
  });

  it("does not last longer for a pause of ours, and is asked for anew soon after it", async () => {
    using trust = await trusted(await proofOf(software));
    clock.advance(60_000);
    clock.pause(LIMITS.proofLifetimeMs - 60_001);
    expect(trust.freshUntil).toBe(clock.now() + 1);
    clock.pause(1);
    expect(trust.freshUntil).toBe(clock.now());
    clock.advance(5_000);
    expect(challenges).toHaveLength(1);
    trust.answer(await answerTo(challenges.at(-1) as string));
    expect(trust.freshUntil).toBe(clock.now() + LIMITS.proofLifetimeMs);
    clock.advance(LIMITS.challengeIntervalMs - 1);
    expect(challenges).toHaveLength(1);
  });

  it("does not last longer for a wall clock that is set back", async () => {
    using trust = await trusted(await proofOf(software));
    clock.pause(-3_600_000);
    clock.advance(LIMITS.challengeIntervalMs);
    expect(challenges).toHaveLength(1);
    expect(trust.freshUntil).toBe(LIMITS.proofLifetimeMs);
  });

  it("ends at the third challenge in a row that is missed, not before, and comes back with an answer", async () => {
    using trust = await trusted(await proofOf(software));
    clock.advance(2 * LIMITS.challengeIntervalMs + LIMITS.challengeTimeoutMs);
    expect(events).toEqual(["missed 1", "missed 2"]);
    expect(trust.freshUntil).toBeGreaterThan(clock.now());
    clock.advance(LIMITS.challengeIntervalMs);
    expect(events.at(-1)).toBe("missed 3");
    expect(trust.freshUntil).toBeLessThanOrEqual(clock.now());
    clock.advance(LIMITS.challengeIntervalMs - LIMITS.challengeTimeoutMs);
    trust.answer(await answerTo(challenges.at(-1) as string));
    expect(trust.freshUntil).toBe(clock.now() + LIMITS.proofLifetimeMs);
    clock.advance(LIMITS.challengeIntervalMs + LIMITS.challengeTimeoutMs);
    expect(events.at(-1)).toBe("missed 1");
  });

  it("takes a late answer as an answer, and one to the challenge before the last as nothing", async () => {
    using trust = await trusted(await proofOf(software));
    clock.advance(LIMITS.challengeIntervalMs + LIMITS.challengeTimeoutMs + 1);
    const late = challenges.at(-1) as string;
    trust.answer(await answerTo(late));
    expect(events).toEqual(["missed 1", "passed"]);
    clock.advance(2 * LIMITS.challengeIntervalMs);
    const [, overdue] = challenges;
    trust.answer(await answerTo(overdue as string));
    expect(events.filter((event) => event.startsWith("failed"))).toEqual([]);
    expect(events.filter((event) => event === "passed")).toHaveLength(1);
  });

  it("takes the answers of a machine that was slow for long as nothing, but for the last", async () => {
    using trust = await trusted(await proofOf(software));
    clock.advance(4 * LIMITS.challengeIntervalMs);
    expect(challenges).toHaveLength(4);
    for (const challenge of challenges) trust.answer(await answerTo(challenge));
    expect(events).toEqual(["missed 1", "missed 2", "missed 3", "passed"]);
  });

  it("takes a few new keys between two challenges, and no flood of them", async () => {
    using trust = await trusted(await proofOf(software));
    const rotate = async () => trust.rotate(claims.encryptionKey, await proofOf(software));
    for (let n = 0; n < 20; n++) expect(await rotate()).toBeUndefined();
    expect(await rotate()).toBe("too_often");
    clock.advance(LIMITS.challengeIntervalMs);
    expect(await rotate()).toBeUndefined();
  });

  it.each<[string, Partial<Posture>, string]>([
    ["SIP is off", { sip: false }, "bad_posture"],
    ["another program runs", { binary_hash: "b".repeat(64) }, "mismatch"],
    ["the program's hash is gone", { binary_hash: null }, "mismatch"],
  ])("fails at once when %s", async (_name, changes, failure) => {
    using trust = await trusted(await proofOf(software));
    clock.advance(LIMITS.challengeIntervalMs);
    trust.answer(await answerTo(challenges[0] as string, changes));
    expect(events).toEqual([`failed ${failure}`]);
  });

  it("fails for an answer that was given before", async () => {
    using trust = await trusted(await proofOf(software));
    clock.advance(LIMITS.challengeIntervalMs);
    const answer = await answerTo(challenges[0] as string);
    trust.answer(answer);
    trust.answer(answer);
    expect(events).toEqual(["passed", "failed replayed"]);
  });

  it("leaves no timer behind", async () => {
    const trust = await trusted(await proofOf(software));
    clock.advance(LIMITS.challengeIntervalMs);
    trust[Symbol.dispose]();
    expect(clock.pending).toBe(0);
  });
});

describe("a trust level", () => {
  const CHAIN = [Buffer.from("a chain").toString("base64url")];

  it("is hardware with an enclave's key, a posture without doubt and a chain for this serial, until the chain ends", async () => {
    device = { type: "verified", serial: SERIAL.value, expiresAtMs: 60_000 };
    using trust = await trusted(await proofOf(enclave, CHAIN));
    expect(trust.level).toBe("hardware");
    clock.advance(60_000);
    expect(trust.level).toBe("self_attested");
  });

  it("of a software key never exceeds self_attested, whatever else is shown", async () => {
    device = { type: "verified", serial: SERIAL.value, expiresAtMs: 60_000 };
    using trust = await trusted(await proofOf(software, CHAIN));
    expect(trust.level).toBe("self_attested");
  });

  it("without a chain, or with one that has expired, is self_attested", async () => {
    using without = await trusted(await proofOf(enclave));
    expect(without.level).toBe("self_attested");
    device = { type: "expired" };
    using expired = await trusted(await proofOf(enclave, CHAIN));
    expect(expired.level).toBe("self_attested");
  });

  it("is none at all with a chain for another serial, or one that does not hold", async () => {
    device = { type: "verified", serial: "ANOTHER", expiresAtMs: 60_000 };
    await expect(trusted(await proofOf(enclave, CHAIN))).rejects.toThrow("serial_mismatch");
    device = { type: "rejected" };
    await expect(trusted(await proofOf(enclave, CHAIN))).rejects.toThrow("bad_chain");
  });
});
