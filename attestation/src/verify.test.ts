import { createHash, randomBytes } from "node:crypto";
import { p256 } from "@noble/curves/nist.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { identityOf } from "./challenge.js";
import { answerChallenge, issueAttestation, issueReceipt } from "./issue.js";
import { SIGNATURE_BYTES, type Verifier, verifierOf, verifySignature, withLowS } from "./p256.js";
import type { Posture, SignedBlob } from "./signed-blob.js";
import { newSoftwareKey, softwareSigner } from "./software-signer.js";
import {
  type AttestationClaims,
  CLOCK_WINDOW_MS,
  verifyAttestation,
  verifyChallengeAnswer,
  verifyReceipt,
} from "./verify.js";

const NOW = 1_700_000_000_000;
const signer = softwareSigner(newSoftwareKey());
const other = softwareSigner(newSoftwareKey());
const verifier = verifierOf(signer.publicKey) as Verifier;
const key = { keyId: "k1", publicKey: randomBytes(32) };
const posture: Posture = {
  sip: null,
  secure_boot: null,
  filevault: null,
  hypervisor: null,
  binary_hash: null,
  os_version: "test",
  chip: null,
};
const facts = {
  encryptionKey: key,
  agentVersion: "1.2.3",
  serialHash: null,
  posture,
  nonce: randomBytes(16),
  nowMs: NOW,
};
const claims: AttestationClaims = {
  identity: identityOf(signer.publicKey),
  identityKey: signer.publicKey,
  encryptionKey: { keyId: "k1", publicKey: key.publicKey.toString("base64url") },
  agentVersion: "1.2.3",
  nowMs: NOW,
};
const failureOf = (signed: SignedBlob, changes: Partial<AttestationClaims> = {}): string => {
  const verdict = verifyAttestation(signed, { ...claims, ...changes });
  return verdict.type === "ok" ? "ok" : verdict.failure;
};

describe("a signature", () => {
  it("is one of the standard's, as another implementation sees it", async () => {
    const message = randomBytes(100);
    const signature = await signer.sign(message);
    expect(p256.verify(signature, message, signer.publicKey, { lowS: true })).toBe(true);
    expect(verifySignature(signer.publicKey, message, signature)).toBe(true);
  });

  it("with the other s is refused, although the curve's equation holds", async () => {
    const message = randomBytes(100);
    const low = await signer.sign(message);
    const s = BigInt(`0x${Buffer.from(low.subarray(32)).toString("hex")}`);
    const high = Buffer.concat([
      low.subarray(0, 32),
      Buffer.from((p256.Point.CURVE().n - s).toString(16).padStart(64, "0"), "hex"),
    ]);
    expect(p256.verify(high, message, signer.publicKey, { lowS: false })).toBe(true);
    expect(verifySignature(signer.publicKey, message, high)).toBe(false);
    expect(Buffer.from(withLowS(high))).toEqual(Buffer.from(low));
  });

  it("is refused after any change of it, of the message or of the key", async () => {
    const message = randomBytes(64);
    const signature = await signer.sign(message);
    const flipped = (bytes: Uint8Array, bit: number): Uint8Array => {
      const copy = Uint8Array.from(bytes);
      copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
      return copy;
    };
    fc.assert(
      fc.property(fc.nat(64 * 8 - 1), fc.nat(65 * 8 - 1), (bit, keyBit) => {
        expect(verifySignature(signer.publicKey, message, flipped(signature, bit))).toBe(false);
        expect(verifySignature(signer.publicKey, flipped(message, bit), signature)).toBe(false);
        expect(verifySignature(flipped(signer.publicKey, keyBit), message, signature)).toBe(false);
      }),
    );
  });

  it.each([
    ["all zeros", new Uint8Array(64)],
    ["of another length", new Uint8Array(63).fill(1)],
    ["in DER", new Uint8Array(70).fill(0x30)],
    [
      "with r of the group's order",
      Buffer.concat([Buffer.from(p256.Point.CURVE().n.toString(16), "hex"), Buffer.alloc(32, 1)]),
    ],
  ])("%s is refused", (_name, signature) => {
    expect(verifySignature(signer.publicKey, randomBytes(8), signature)).toBe(false);
  });

  it("is never longer than its form", async () => {
    for (let at = 0; at < 50; at++) expect(await signer.sign(randomBytes(8))).toHaveLength(SIGNATURE_BYTES);
  });
});

describe("an identity key", () => {
  it.each([
    ["the point at infinity", new Uint8Array(1)],
    ["the point at infinity, padded", new Uint8Array(65)],
    [
      "a compressed point",
      Uint8Array.from(p256.Point.fromHex(Buffer.from(signer.publicKey).toString("hex")).toBytes(true)),
    ],
    ["a point that is not on the curve", Uint8Array.from([4, ...new Uint8Array(64).fill(1)])],
    ["a key of another curve", Uint8Array.from([4, ...randomBytes(96)])],
    ["nothing", new Uint8Array(0)],
  ])("that is %s is refused", (_name, publicKey) => {
    expect(verifierOf(publicKey)).toBeUndefined();
  });
});

describe("an attestation", () => {
  it("holds for what it says and when it says it", async () => {
    expect(failureOf(await issueAttestation(signer, facts))).toBe("ok");
  });

  it.each<[string, Partial<typeof facts>, string]>([
    ["another encryption key", { encryptionKey: { keyId: "k1", publicKey: randomBytes(32) } }, "mismatch"],
    ["another version", { agentVersion: "9.9.9" }, "mismatch"],
    ["a time too long ago", { nowMs: NOW - CLOCK_WINDOW_MS - 1 }, "outside_window"],
    ["a time too far ahead", { nowMs: NOW + CLOCK_WINDOW_MS + 1 }, "outside_window"],
    ["SIP off", { posture: { ...posture, sip: false } }, "bad_posture"],
    ["Secure Boot off", { posture: { ...posture, secure_boot: false } }, "bad_posture"],
  ])("of %s fails", async (_name, changes, failure) => {
    expect(failureOf(await issueAttestation(signer, { ...facts, ...changes }))).toBe(failure);
  });

  it("of one machine proves nothing of another", async () => {
    const foreign = await issueAttestation(other, facts);
    expect(failureOf(foreign)).toBe("bad_signature");
    expect(failureOf(foreign, { identityKey: other.publicKey })).toBe("mismatch");
    expect(failureOf(await issueAttestation(signer, facts), { identity: identityOf(other.publicKey) })).toBe(
      "mismatch",
    );
  });

  it("is no receipt, no answer to a challenge, and the other way round", async () => {
    const attestation = await issueAttestation(signer, facts);
    expect(verifyReceipt(attestation, verifier)).toEqual({ type: "failed", failure: "malformed" });
    const answer = await answerChallenge(signer, {
      challenge: randomBytes(32),
      encryptionKey: key.publicKey,
      agentVersion: "1.2.3",
      posture,
      nowMs: NOW,
    });
    expect(failureOf(answer)).toBe("malformed");
  });

  it("never throws, whatever is signed", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 9000 }),
          fc.json().map((text) => Buffer.from(text)),
        ),
        async (blob) => {
          expect(failureOf({ blob, signature: await signer.sign(blob) })).toBe("malformed");
        },
      ),
    );
  });
});

describe("an answer to a challenge", () => {
  const challenge = randomBytes(32);
  const given = { challenge, encryptionKey: key.publicKey, agentVersion: "1.2.3", posture, nowMs: NOW };
  const asked = { verifier, challenge, encryptionKey: key.publicKey, agentVersion: "1.2.3", nowMs: NOW };

  it("holds for this challenge, machine, key and version", async () => {
    expect(verifyChallengeAnswer(await answerChallenge(signer, given), asked)).toMatchObject({ type: "ok" });
  });

  it.each<[string, object, string]>([
    ["to another challenge", { challenge: randomBytes(32) }, "wrong_challenge"],
    ["under another encryption key", { encryptionKey: randomBytes(32) }, "wrong_challenge"],
    ["of another version", { agentVersion: "1.2.4" }, "wrong_challenge"],
    ["at another time", { nowMs: NOW - CLOCK_WINDOW_MS - 1 }, "outside_window"],
    ["with SIP off", { posture: { ...posture, sip: false } }, "bad_posture"],
  ])("%s fails", async (_name, changes, failure) => {
    const answer = await answerChallenge(signer, { ...given, ...changes });
    expect(verifyChallengeAnswer(answer, asked)).toEqual({ type: "failed", failure });
  });

  it("by another machine fails", async () => {
    const answer = await answerChallenge(other, given);
    expect(verifyChallengeAnswer(answer, asked)).toEqual({ type: "failed", failure: "bad_signature" });
  });
});

it("a receipt says what was signed", async () => {
  const hash = createHash("sha256").update("x").digest("hex");
  const content = {
    request_id: "req",
    attempt_id: "att",
    model: "m",
    weights_hash: null,
    request_hash: hash,
    response_hash: hash,
    usage: { prompt_tokens: 1, completion_tokens: 2 },
    last_seq: 3,
    issued_at_ms: NOW,
  };
  const receipt = await issueReceipt(signer, content);
  expect(verifyReceipt(receipt, verifier)).toEqual({ type: "ok", value: { type: "hearth.receipt.v1", ...content } });
});
