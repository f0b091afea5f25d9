import { challengeNonce, identityOf } from "./challenge.js";
import { rootOf } from "./merkle.js";
import { type Verifier, verifierOf } from "./p256.js";
import {
  type Attestation,
  attestationSchema,
  batchedReceiptSchema,
  MAX_BATCH_BLOB_BYTES,
  type Posture,
  type PostureAnswer,
  postureAnswerSchema,
  type Receipt,
  type ReceiptBatch,
  readBlob,
  receiptBatchSchema,
  type SignedBlob,
  singleReceiptSchema,
} from "./signed-blob.js";
import type { SignedEntry, SignedReceipt } from "./signed-receipt.js";

/** How far a signed time may be from the verifier's clock, either way, ms. */
export const CLOCK_WINDOW_MS = 120_000;

/** Why a proof is not accepted: a closed vocabulary, for close reasons and counters. */
export type ProofFailure =
  /** The identity key is no point of P-256. */
  | "bad_key"
  | "bad_signature"
  /** Signed, but not what it should be. */
  | "malformed"
  /** It speaks of another identity, encryption key or version than its frame. */
  | "mismatch"
  /** Its time is too far from ours. */
  | "outside_window"
  /** Its nonce was used before. */
  | "replayed"
  /** Signed for another challenge. */
  | "wrong_challenge"
  /** The machine says itself that it is not what it must be. */
  | "bad_posture"
  /** The serial beside it is not the one that it commits to. */
  | "serial_mismatch"
  /** The certificate chain does not hold. */
  | "bad_chain"
  /** More proofs than anybody needs. */
  | "too_often";

export type Verdict<T> =
  | { readonly type: "ok"; readonly value: T }
  | { readonly type: "failed"; readonly failure: ProofFailure };

const failed = (failure: ProofFailure): Verdict<never> => ({ type: "failed", failure });

/** What an attestation must agree with. */
export interface AttestationClaims {
  /** As in `identityOf`. */
  readonly identity: string;
  readonly identityKey: Uint8Array;
  readonly encryptionKey: { readonly keyId: string; readonly publicKey: string };
  readonly agentVersion: string;
  /** The verifier's wall clock, ms; absent = its age does not matter (it is looked at long after). */
  readonly nowMs?: number;
}

export interface VerifiedAttestation {
  readonly content: Attestation;
  readonly verifier: Verifier;
}

/** Checks an attestation against what its frame claims. Whether its nonce is new is for the caller to know. */
export function verifyAttestation(signed: SignedBlob, claims: AttestationClaims): Verdict<VerifiedAttestation> {
  const verifier = verifierOf(claims.identityKey);
  if (verifier === undefined) return failed("bad_key");
  if (!verifier.verify(signed.blob, signed.signature)) return failed("bad_signature");
  const content = readBlob(attestationSchema, signed.blob);
  if (content === undefined) return failed("malformed");
  if (!agrees(content, claims)) return failed("mismatch");
  if (claims.nowMs !== undefined && !isFresh(content.issued_at_ms, claims.nowMs)) return failed("outside_window");
  const weakness = postureWeakness(content.posture);
  if (weakness !== undefined) return failed("bad_posture");
  return { type: "ok", value: { content, verifier } };
}

function agrees(content: Attestation, claims: AttestationClaims): boolean {
  return (
    identityOf(claims.identityKey) === claims.identity &&
    content.identity_key === Buffer.from(claims.identityKey).toString("base64url") &&
    content.encryption_key.key_id === claims.encryptionKey.keyId &&
    content.encryption_key.public_key === claims.encryptionKey.publicKey &&
    content.agent_version === claims.agentVersion
  );
}

/** What an answer to a challenge must agree with. */
export interface ChallengeClaims {
  readonly verifier: Verifier;
  /** 32 bytes, as sent. */
  readonly challenge: Uint8Array;
  /** 32 bytes. */
  readonly encryptionKey: Uint8Array;
  readonly agentVersion: string;
  readonly nowMs: number;
}

/** Checks the answer to a challenge. */
export function verifyChallengeAnswer(signed: SignedBlob, claims: ChallengeClaims): Verdict<PostureAnswer> {
  const { verifier, challenge, encryptionKey, agentVersion } = claims;
  if (!verifier.verify(signed.blob, signed.signature)) return failed("bad_signature");
  const content = readBlob(postureAnswerSchema, signed.blob);
  if (content === undefined) return failed("malformed");
  const nonce = challengeNonce(challenge, { identityKey: verifier.publicKey, encryptionKey, agentVersion });
  if (content.nonce !== nonce) return failed("wrong_challenge");
  if (!isFresh(content.issued_at_ms, claims.nowMs)) return failed("outside_window");
  if (postureWeakness(content.posture) !== undefined) return failed("bad_posture");
  return { type: "ok", value: content };
}

/**
 * Checks a receipt's signature and form, of either format. Whether its hashes are those of an exchange is for whoever has
 * the bytes.
 */
export function verifyReceipt(receipt: SignedReceipt, verifier: Verifier): Verdict<Receipt> {
  if ("batch" in receipt) return new BatchVerifier(verifier).verify(receipt);
  if (!verifier.verify(receipt.blob, receipt.signature)) return failed("bad_signature");
  const content = readBlob(singleReceiptSchema, receipt.blob);
  return content === undefined ? failed("malformed") : { type: "ok", value: content };
}

/** Batches of which the signature is known to hold. They come one after another. */
const MAX_KNOWN_BATCHES = 16;

/** Checks receipts of one machine's batches: the signature of each batch once, its receipts by their place in it. */
export class BatchVerifier {
  readonly #verifier: Verifier;
  readonly #known = new Map<string, ReceiptBatch>();

  constructor(verifier: Verifier) {
    this.#verifier = verifier;
  }

  verify({ blob, batch }: SignedEntry): Verdict<Receipt> {
    const signed = this.#batch(batch);
    if (signed.type === "failed") return signed;
    const { root, count } = signed.value;
    const found = rootOf(blob, { index: batch.index, size: count, proof: batch.proof });
    if (found === undefined || base64url(found) !== root) return failed("bad_signature");
    const content = readBlob(batchedReceiptSchema, blob);
    return content === undefined ? failed("malformed") : { type: "ok", value: content };
  }

  #batch({ blob, signature }: SignedBlob): Verdict<ReceiptBatch> {
    if (blob.length > MAX_BATCH_BLOB_BYTES) return failed("malformed");
    // All of the signature is in the name: what was never verified is never found.
    const name = `${base64url(blob)}.${base64url(signature)}`;
    const known = this.#known.get(name);
    if (known !== undefined) return { type: "ok", value: known };
    if (!this.#verifier.verify(blob, signature)) return failed("bad_signature");
    const content = readBlob(receiptBatchSchema, blob);
    if (content === undefined) return failed("malformed");
    const [oldest] = this.#known.keys();
    if (oldest !== undefined && this.#known.size >= MAX_KNOWN_BATCHES) this.#known.delete(oldest);
    this.#known.set(name, content);
    return { type: "ok", value: content };
  }
}

const base64url = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64url");

/** What a machine says of itself that nobody's prompts should go to; what it does not know is no weakness. */
export function postureWeakness(posture: Posture): "sip" | "secure_boot" | undefined {
  if (posture.sip === false) return "sip";
  if (posture.secure_boot === false) return "secure_boot";
  return undefined;
}

function isFresh(issuedAtMs: number, nowMs: number): boolean {
  return Math.abs(nowMs - issuedAtMs) <= CLOCK_WINDOW_MS;
}
