import { z } from "zod";

/** Bytes of a blob at most, before base64url. */
export const MAX_BLOB_BYTES = 8 * 1024;

/** Receipts of a batch at most. */
export const MAX_BATCH_RECEIPTS = 1_024;
/** Hashes of a proof at most: as many as the largest batch needs. */
export const MAX_PROOF_HASHES = 10;
/** Bytes of what is signed for a batch, at most. */
export const MAX_BATCH_BLOB_BYTES = 512;

/** Something signed, as it travels: the exact bytes that were signed, and the signature over them. */
export interface SignedBlob {
  /** JSON in UTF-8. Its `type` says what it is, so that a signature over one kind is none over another. */
  readonly blob: Uint8Array;
  /** 64 bytes r ‖ s, see `Verifier`. */
  readonly signature: Uint8Array;
}

const bytes = (length: number) =>
  z.string().regex(new RegExp(`^[A-Za-z0-9_-]{${Math.ceil((length * 8) / 6)}}$`), `${length} bytes as base64url`);
const text = z.string().max(256);
const hash = z.string().regex(/^[0-9a-f]{64}$/, "a SHA-256, 64 hex digits");
const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
/** `null` = not known on this platform. */
const known = z.boolean().nullable();

export const postureSchema = z.object({
  /** System Integrity Protection. */
  sip: known,
  secure_boot: known,
  filevault: known,
  /** The agent runs inside a virtual machine. */
  hypervisor: known,
  /** SHA-256 of the agent's program. */
  binary_hash: hash.nullable(),
  os_version: text,
  chip: text.nullable(),
});

export const attestationSchema = z.object({
  type: z.literal("hearth.attestation.v1"),
  identity_key: bytes(65),
  encryption_key: z.object({ key_id: z.string().min(1).max(128), public_key: bytes(32) }),
  key_storage: z.enum(["software", "secure_enclave"]),
  agent_version: text,
  /** SHA-256 of salt ‖ serial: whoever is told both can check it, and nobody can guess the serial without the salt. */
  serial_hash: bytes(32).nullable(),
  posture: postureSchema,
  /** Used once. */
  nonce: bytes(16),
  /** Wall-clock milliseconds since 1970. */
  issued_at_ms: count,
});

export const postureAnswerSchema = z.object({
  type: z.literal("hearth.posture.v1"),
  /** `challengeNonce` of the challenge that this answers. */
  nonce: bytes(32),
  posture: postureSchema,
  issued_at_ms: count,
});

/** What every receipt says, of either format. */
const receiptMembers = {
  request_id: z.string().min(1).max(128),
  attempt_id: z.string().min(1).max(128),
  model: z.string().min(1).max(128),
  /** As the agent advertised it; `null` = not computed. */
  weights_hash: text.nullable(),
  /** SHA-256 of the request's plaintext as the provider opened it. */
  request_hash: hash,
  /** SHA-256 of the answer's plaintext as the provider sealed it, over all chunks in order. */
  response_hash: hash,
  usage: z.object({
    prompt_tokens: count,
    completion_tokens: count,
    cached_tokens: count.optional(),
    /** The backend has not said: the agent estimates it by the texts. */
    estimated: z.literal(true).optional(),
  }),
  /** Sequence number of the final chunk: no chunk follows it. */
  last_seq: count,
  issued_at_ms: count,
};

/** Format 1: signed by itself. */
export const singleReceiptSchema = z.object({ type: z.literal("hearth.receipt.v1"), ...receiptMembers });

/** Format 2: an entry of a batch, which is signed as a whole. */
export const batchedReceiptSchema = z.object({
  type: z.literal("hearth.receipt.v2"),
  ...receiptMembers,
  /** Random: whoever is shown the hash of another receipt of the batch cannot find out by guessing what is in it. */
  salt: bytes(16),
});

/** What a receipt says, of either format. */
export const receiptSchema = z.discriminatedUnion("type", [singleReceiptSchema, batchedReceiptSchema]);

/** What is signed for a batch of receipts. */
export const receiptBatchSchema = z.object({
  type: z.literal("hearth.receipt_batch.v2"),
  /** Of the Merkle tree (RFC 9162 §2.1, SHA-256) over the receipts. */
  root: bytes(32),
  /** Receipts in the tree. */
  count: z.number().int().min(1).max(MAX_BATCH_RECEIPTS),
  issued_at_ms: count,
});

export type Posture = z.infer<typeof postureSchema>;
export type Attestation = z.infer<typeof attestationSchema>;
export type PostureAnswer = z.infer<typeof postureAnswerSchema>;
export type SingleReceipt = z.infer<typeof singleReceiptSchema>;
export type BatchedReceipt = z.infer<typeof batchedReceiptSchema>;
export type Receipt = z.infer<typeof receiptSchema>;
export type ReceiptBatch = z.infer<typeof receiptBatchSchema>;
/** What a machine says of one answer, whatever the format. */
export type ReceiptFacts = Omit<SingleReceipt, "type">;

interface BlobSchema<T> {
  safeParse(value: unknown): { success: true; data: T } | { success: false };
}

/** @returns `undefined` for bytes that are no such blob */
export function readBlob<T>(schema: BlobSchema<T>, blob: Uint8Array): T | undefined {
  if (blob.length > MAX_BLOB_BYTES) return undefined;
  try {
    const parsed = schema.safeParse(JSON.parse(decoder.decode(blob)));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The bytes to be signed. */
export function writeBlob(content: Attestation | PostureAnswer | Receipt | ReceiptBatch): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(content));
}
