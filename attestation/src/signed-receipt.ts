import { HASH_BYTES } from "./merkle.js";
import { SIGNATURE_BYTES } from "./p256.js";
import { MAX_BATCH_BLOB_BYTES, MAX_BATCH_RECEIPTS, MAX_PROOF_HASHES, type SignedBlob } from "./signed-blob.js";

/** What is signed for a batch of receipts, and what shows that one receipt is in it. */
export interface BatchProof extends SignedBlob {
  /** The receipt's place in the batch, from 0. */
  readonly index: number;
  /** 32 bytes each, see `MerkleTree.proof`. */
  readonly proof: readonly Uint8Array[];
}

/** A receipt of format 2. */
export interface SignedEntry {
  /** The receipt: JSON in UTF-8, an entry of the batch's tree. */
  readonly blob: Uint8Array;
  readonly batch: BatchProof;
}

/** A receipt of either format: signed by itself, or as one of a batch. */
export type SignedReceipt = SignedBlob | SignedEntry;

/** A receipt of format 2 in text: bytes as unpadded base64url. */
export interface EntryText {
  readonly blob: string;
  readonly batch: {
    readonly blob: string;
    readonly signature: string;
    readonly index: number;
    readonly proof: string[];
  };
}

export function entryText({ blob, batch }: SignedEntry): EntryText {
  const { signature, index, proof } = batch;
  return {
    blob: base64url(blob),
    batch: { blob: base64url(batch.blob), signature: base64url(signature), index, proof: proof.map(base64url) },
  };
}

/** Whether the bytes mean anything is for who verifies them. */
export function entryOf({ blob, batch }: EntryText): SignedEntry {
  const { signature, index, proof } = batch;
  return {
    blob: bytesOf(blob),
    batch: { blob: bytesOf(batch.blob), signature: bytesOf(signature), index, proof: proof.map(bytesOf) },
  };
}

/** u16 length of the blob, u16 index, u8 number of hashes. */
const HEADER_BYTES = 5;

/**
 * A batch's proof in bytes, where it has to fit in one: `u16 n | u16 index | u8 k | blob (n) | signature (64) | k × 32`,
 * big-endian.
 *
 * @throws RangeError for what no batch may have
 */
export function writeBatchProof({ blob, signature, index, proof }: BatchProof): Uint8Array {
  const fits =
    blob.length <= MAX_BATCH_BLOB_BYTES &&
    signature.length === SIGNATURE_BYTES &&
    index < MAX_BATCH_RECEIPTS &&
    proof.length <= MAX_PROOF_HASHES &&
    proof.every(({ length }) => length === HASH_BYTES);
  if (!fits) throw new RangeError("This is no proof of a batch.");
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(blob.length, 0);
  header.writeUInt16BE(index, 2);
  header.writeUInt8(proof.length, 4);
  return Buffer.concat([header, blob, signature, ...proof]);
}

/** @returns `undefined` for bytes that `writeBatchProof` does not make */
export function readBatchProof(bytes: Uint8Array): BatchProof | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const signatureAt = HEADER_BYTES + header.readUInt16BE(0);
  const proofAt = signatureAt + SIGNATURE_BYTES;
  const index = header.readUInt16BE(2);
  const hashes = header.readUInt8(4);
  if (hashes > MAX_PROOF_HASHES || index >= MAX_BATCH_RECEIPTS) return undefined;
  if (signatureAt > HEADER_BYTES + MAX_BATCH_BLOB_BYTES || bytes.length !== proofAt + hashes * HASH_BYTES) {
    return undefined;
  }
  const hashAt = (n: number): Uint8Array => bytes.slice(proofAt + n * HASH_BYTES, proofAt + (n + 1) * HASH_BYTES);
  return {
    blob: bytes.slice(HEADER_BYTES, signatureAt),
    signature: bytes.slice(signatureAt, proofAt),
    index,
    proof: Array.from({ length: hashes }, (_, n) => hashAt(n)),
  };
}

const base64url = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64url");
const bytesOf = (text: string): Uint8Array => Buffer.from(text, "base64url");
