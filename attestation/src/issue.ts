import { challengeNonce } from "./challenge.js";
import type { IdentitySigner } from "./identity-signer.js";
import { MerkleTree } from "./merkle.js";
import {
  type Attestation,
  MAX_BATCH_RECEIPTS,
  type Posture,
  type PostureAnswer,
  type ReceiptBatch,
  type ReceiptFacts,
  type SignedBlob,
  type SingleReceipt,
  writeBlob,
} from "./signed-blob.js";
import type { SignedEntry } from "./signed-receipt.js";

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

/** Signs a receipt by itself (format 1). */
export function issueReceipt(signer: IdentitySigner, receipt: ReceiptFacts): Promise<SignedBlob> {
  return signed(signer, { type: "hearth.receipt.v1", ...receipt });
}

/**
 * A receipt of format 2, as it goes into a batch.
 *
 * @param salt 16 random bytes
 */
export function receiptEntry(facts: ReceiptFacts, salt: Uint8Array): Uint8Array {
  return writeBlob({ type: "hearth.receipt.v2", ...facts, salt: base64url(salt) });
}

/**
 * Signs receipts together: one signature over the root of their tree. Each comes back with what shows that it is in it,
 * in the order given.
 *
 * @param entries as `receiptEntry` makes them, at least one and at most `MAX_BATCH_RECEIPTS`
 * @param nowMs wall clock
 * @throws RangeError for any other number of them
 */
export async function issueReceiptBatch(
  signer: IdentitySigner,
  entries: readonly Uint8Array[],
  nowMs: number,
): Promise<readonly SignedEntry[]> {
  if (entries.length > MAX_BATCH_RECEIPTS) throw new RangeError(`A batch has ${MAX_BATCH_RECEIPTS} receipts at most.`);
  const tree = new MerkleTree(entries);
  const { blob, signature } = await signed(signer, {
    type: "hearth.receipt_batch.v2",
    root: base64url(tree.root),
    count: entries.length,
    issued_at_ms: Math.round(nowMs),
  });
  return entries.map((entry, index) => ({ blob: entry, batch: { blob, signature, index, proof: tree.proof(index) } }));
}

async function signed(
  signer: IdentitySigner,
  content: Attestation | PostureAnswer | SingleReceipt | ReceiptBatch,
): Promise<SignedBlob> {
  const blob = writeBlob(content);
  return { blob, signature: await signer.sign(blob) };
}

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");
