import { challengeNonce } from "./challenge.js";
import type { IdentitySigner } from "./identity-signer.js";
import {
  type Attestation,
  type Posture,
  type PostureAnswer,
  type Receipt,
  type SignedBlob,
  writeBlob,
} from "./signed-blob.js";

/** What a machine says of itself when it attests. */
export interface AttestationFacts {
  readonly encryptionKey: { readonly keyId: string; readonly publicKey: Uint8Array };
  readonly agentVersion: string;
  /** As in `serialHash`; `null` = the machine's serial is nobody's business, or not known. */
  readonly serialHash: string | null;
  readonly posture: Posture;
  /** 16 random bytes. */
  readonly nonce: Uint8Array;
  /** Wall clock, ms. */
  readonly nowMs: number;
}

/** Signs what binds a machine's identity to its encryption key. */
export function issueAttestation(signer: IdentitySigner, facts: AttestationFacts): Promise<SignedBlob> {
  return signed(signer, {
    type: "hearth.attestation.v1",
    identity_key: base64url(signer.publicKey),
    encryption_key: { key_id: facts.encryptionKey.keyId, public_key: base64url(facts.encryptionKey.publicKey) },
    key_storage: signer.kind,
    agent_version: facts.agentVersion,
    serial_hash: facts.serialHash,
    posture: facts.posture,
    nonce: base64url(facts.nonce),
    issued_at_ms: Math.round(facts.nowMs),
  });
}

/** What a machine says when it is challenged. */
export interface AnswerFacts {
  /** 32 bytes, as they came. */
  readonly challenge: Uint8Array;
  /** The key that was announced last. */
  readonly encryptionKey: Uint8Array;
  readonly agentVersion: string;
  readonly posture: Posture;
  readonly nowMs: number;
}

/** Signs the answer to a challenge. */
export function answerChallenge(signer: IdentitySigner, facts: AnswerFacts): Promise<SignedBlob> {
  const { challenge, encryptionKey, agentVersion, posture, nowMs } = facts;
  const nonce = challengeNonce(challenge, { identityKey: signer.publicKey, encryptionKey, agentVersion });
  return signed(signer, { type: "hearth.posture.v1", nonce, posture, issued_at_ms: Math.round(nowMs) });
}

/** Signs a receipt. */
export function issueReceipt(signer: IdentitySigner, receipt: Omit<Receipt, "type">): Promise<SignedBlob> {
  return signed(signer, { type: "hearth.receipt.v1", ...receipt });
}

async function signed(signer: IdentitySigner, content: Attestation | PostureAnswer | Receipt): Promise<SignedBlob> {
  const blob = writeBlob(content);
  return { blob, signature: await signer.sign(blob) };
}

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");
