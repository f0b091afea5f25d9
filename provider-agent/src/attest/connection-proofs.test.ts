import {
  challengeNonce,
  newSoftwareKey,
  type Posture,
  postureAnswerSchema,
  readBlob,
  softwareSigner,
  verifyAttestation,
} from "@hearth/attestation";
import { KeyRing } from "@hearth/e2e";
import type { ControlFrame } from "@hearth/protocol";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { createLogger } from "../platform/logger.js";
import { ConnectionProofs, MAX_OPEN_CHALLENGES } from "./connection-proofs.js";
import { Prover } from "./prover.js";

const posture: Posture = {
  sip: null,
  secure_boot: null,
  filevault: null,
  hypervisor: null,
  binary_hash: null,
  os_version: "test",
  chip: null,
};
const CHALLENGE = Buffer.alloc(32, 1).toString("base64url");
const signer = softwareSigner(newSoftwareKey());

let keys: KeyRing;
let proofs: ConnectionProofs;
let sent: ControlFrame[];
let outlet: { send(frame: ControlFrame): void };
let hold: Promise<void>;

beforeEach(() => {
  keys = new KeyRing();
  hold = Promise.resolve();
  const prover = new Prover({
    signer,
    posture: () => hold.then(() => posture),
    agentVersion: "1.0.0",
    evidence: undefined,
    wallTime: () => 1_000_000,
  });
  proofs = new ConnectionProofs(prover, keys, createLogger("silent"));
  sent = [];
  outlet = { send: (frame) => sent.push(frame) };
});

/** Until everything that waits for nothing but promises has happened. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}

/** The key that an answer is about. */
function keyOf(frame: ControlFrame | undefined, candidates: readonly Uint8Array[]): Uint8Array | undefined {
  if (frame?.type !== "challenge_response") return undefined;
  const nonce = readBlob(postureAnswerSchema, Buffer.from(frame.blob, "base64url"))?.nonce;
  const challenge = Buffer.from(CHALLENGE, "base64url");
  return candidates.find(
    (encryptionKey) =>
      challengeNonce(challenge, { identityKey: signer.publicKey, encryptionKey, agentVersion: "1.0.0" }) === nonce,
  );
}

describe("the proofs of a connection", () => {
  it("introduce the machine with its current key", async () => {
    const { identity, encryption_key: key, attestation } = await proofs.introduce(outlet);
    const signed = {
      blob: Buffer.from(attestation?.blob ?? "", "base64url"),
      signature: Buffer.from(attestation?.signature ?? "", "base64url"),
    };
    const claims = {
      identity,
      identityKey: signer.publicKey,
      encryptionKey: { keyId: key.key_id, publicKey: key.public_key },
      agentVersion: "1.0.0",
      nowMs: 1_000_000,
    };
    expect(key.key_id).toBe(keys.current.keyId);
    expect(verifyAttestation(signed, claims).type).toBe("ok");
  });

  it("do not answer challenges that come thicker than they can be signed, and answer again later", async () => {
    await proofs.introduce(outlet);
    let release = (): void => {};
    hold = new Promise((resolve) => {
      release = resolve;
    });
    for (let each = 0; each < 1_000; each++) proofs.answer(CHALLENGE, outlet);
    release();
    await vi.waitFor(() => expect(sent).toHaveLength(MAX_OPEN_CHALLENGES));
    proofs.answer(CHALLENGE, outlet);
    await vi.waitFor(() => expect(sent).toHaveLength(MAX_OPEN_CHALLENGES + 1));
  });

  it("announce a key once, and not to those who know it", async () => {
    await proofs.introduce(outlet);
    proofs.announce(outlet);
    await quiet();
    expect(sent).toEqual([]);
    keys.rotate();
    proofs.announce(outlet);
    proofs.announce(outlet);
    await quiet();
    expect(sent.map(({ type }) => type)).toEqual(["key_update"]);
  });

  it("answer about the key that was announced before the answer goes out, however slow the signing is", async () => {
    await proofs.introduce(outlet);
    const before = keys.current.publicKey;
    const after = keys.rotate().publicKey;
    let release = (): void => {};
    hold = new Promise((resolve) => {
      release = resolve;
    });
    proofs.answer(CHALLENGE, outlet);
    proofs.announce(outlet);
    proofs.answer(CHALLENGE, outlet);
    release();
    await quiet();
    expect(sent.map(({ type }) => type)).toEqual(["challenge_response", "key_update", "challenge_response"]);
    expect(keyOf(sent[0], [before, after])).toBe(before);
    expect(keyOf(sent[2], [before, after])).toBe(after);
  });

  it("go on after one that could not be made", async () => {
    await proofs.introduce(outlet);
    hold = Promise.reject(new Error("no posture"));
    proofs.answer(CHALLENGE, outlet);
    await quiet();
    hold = Promise.resolve();
    proofs.answer(CHALLENGE, outlet);
    await quiet();
    expect(sent).toHaveLength(1);
  });

  it("say nothing on a connection that was never introduced", async () => {
    proofs.answer(CHALLENGE, outlet);
    proofs.announce(outlet);
    await quiet();
    expect(sent).toEqual([]);
  });
});
