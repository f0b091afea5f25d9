import { z } from "zod";
import {
  attestationSchema,
  encryptionKeySchema,
  hardwareSchema,
  modelSchema,
  signedBlobSchema,
  slotSchema,
  usageSchema,
} from "./frame-members.js";
import { base64url, count, fraction, key32, shortText, stream } from "./frame-primitives.js";
import { LIMITS } from "./limits.js";

// Control frames that providers send: JSON text, one object a message, discriminated by `type`, snake_case.

export const registerSchema = z.object({
  type: z.literal("register"),
  versions: z.object({ min: z.number().int().min(1), max: z.number().int().min(1) }),
  token: z.string().min(1).max(1024),
  agent: z.object({ name: shortText.optional(), version: shortText }),
  /** Stable identity of the machine: the SHA-256 of its identity key, or 32 random bytes of one that does not attest. */
  identity: key32,
  encryption_key: encryptionKeySchema,
  attestation: attestationSchema.optional(),
  hardware: hardwareSchema,
  models: z.array(modelSchema).max(LIMITS.modelsPerProvider),
  slots: z.array(slotSchema).max(LIMITS.modelsPerProvider).default([]),
  /** As in heartbeats: it holds before the first one. */
  paused: z.boolean().optional(),
  private_only: z.boolean().optional(),
});

export const THERMAL_STATES = ["nominal", "fair", "serious", "critical"] as const;

export const heartbeatSchema = z.object({
  type: z.literal("heartbeat"),
  slots: z.array(slotSchema).max(LIMITS.modelsPerProvider),
  memory_free_bytes: count.optional(),
  memory_pressure: fraction.optional(),
  cpu_load: fraction.optional(),
  gpu_load: fraction.optional(),
  thermal: z.enum(THERMAL_STATES).optional(),
  /** The owner lends the machine to nobody now: what runs is finished, nothing new is taken. */
  paused: z.boolean().optional(),
  /** Only the owner's own account may use it now. */
  private_only: z.boolean().optional(),
});

export const WORKING_SIGNS = ["loading", "queued", "prefilling", "generating"] as const;

/**
 * A sign of life: something that this request waits for has moved. Told only of what has been read off a counter, never
 * because nothing was heard; and again only when the counter is another one than before.
 */
export const workingSchema = z.object({
  type: z.literal("working"),
  stream,
  sign: z.enum(WORKING_SIGNS),
  /** What moved: answers of a backend that loads, requests ahead in the line, prompt tokens read, tokens written. */
  counter: count,
  /** `server`: what moved cannot be tied to this request. It buys time once; absent = it is this request's own. */
  scope: z.enum(["request", "server"]).optional(),
});

/** The stream ended well; its last data frame carried the final flag. */
export const completeSchema = z.object({ type: z.literal("complete"), stream, usage: usageSchema });

/** What is signed for a batch of receipts, and where in its Merkle tree (RFC 9162 §2.1) one of them is. */
const receiptBatchSchema = signedBlobSchema.extend({
  blob: base64url(2, LIMITS.receiptBatchBytes),
  index: z
    .number()
    .int()
    .min(0)
    .max(LIMITS.receiptsPerBatch - 1),
  /** The hashes beside the receipt's way to the root, nearest first. */
  proof: z.array(key32).max(LIMITS.receiptProofHashes),
});

/** The provider's signed word on what it was asked and what it answered, of a stream that has completed. */
export const receiptSchema = z.object({
  type: z.literal("receipt"),
  stream,
  /** An entry of the batch, exactly as it was hashed. */
  blob: base64url(2, LIMITS.blobBytes),
  batch: receiptBatchSchema,
});

export const PROGRESS = ["not_started", "refused", "processed"] as const;

/** The stream ended badly, or was cancelled (`code: "cancelled"`); `usage` tells what was spent. */
export const errorSchema = z.object({
  type: z.literal("error"),
  stream,
  code: z.enum([
    "backend_error",
    "backend_unreachable",
    "backend_stalled",
    "bad_request",
    "capacity",
    "cancelled",
    "decryption_failed",
    "model_not_found",
    "internal",
  ]),
  /** The backend's HTTP status, or the number inside its wrapped error. */
  status: z.number().int().min(100).max(599).optional(),
  progress: z.enum(PROGRESS),
  usage: usageSchema.optional(),
  /**
   * The backend's own JSON error body, which may quote the prompt: sealed as the stream's next response chunk with
   * the final flag, base64url. Errors are not the hot path; a data frame could not be told from content.
   */
  sealed_body: z
    .string()
    .regex(/^[A-Za-z0-9_-]*$/)
    .max(LIMITS.errorBodyBytes * 2)
    .optional(),
});

export const drainSchema = z.object({ type: z.literal("drain") });

export const modelsUpdateSchema = z.object({
  type: z.literal("models_update"),
  models: z.array(modelSchema).max(LIMITS.modelsPerProvider),
});

/** The answer to `challenge`: fresh posture over a nonce that binds challenge, identity, encryption key and version. */
export const challengeResponseSchema = signedBlobSchema.extend({
  type: z.literal("challenge_response"),
  /** The challenge that is answered. */
  challenge: key32,
});

/** A new encryption key, attested like the one at registration; requests may come under the old one for a moment. */
export const keyUpdateSchema = z.object({
  type: z.literal("key_update"),
  encryption_key: encryptionKeySchema,
  /** Absent only from a machine that did not attest at registration. */
  attestation: attestationSchema.optional(),
});

/** Frames a provider may send after it is registered. */
export const providerFrameSchema = z.discriminatedUnion("type", [
  heartbeatSchema,
  workingSchema,
  completeSchema,
  receiptSchema,
  errorSchema,
  drainSchema,
  modelsUpdateSchema,
  challengeResponseSchema,
  keyUpdateSchema,
]);

export type RegisterFrame = z.infer<typeof registerSchema>;
export type HeartbeatFrame = z.infer<typeof heartbeatSchema>;
export type WorkingFrame = z.infer<typeof workingSchema>;
export type WorkingSign = (typeof WORKING_SIGNS)[number];
export type WorkingScope = NonNullable<WorkingFrame["scope"]>;
export type Progress = (typeof PROGRESS)[number];
export type ErrorFrame = z.infer<typeof errorSchema>;
export type ReceiptFrame = z.infer<typeof receiptSchema>;
/** A receipt with what shows that it was signed for. */
export type ReceiptText = Pick<ReceiptFrame, "blob" | "batch">;
export type ChallengeResponseFrame = z.infer<typeof challengeResponseSchema>;
export type KeyUpdateFrame = z.infer<typeof keyUpdateSchema>;
export type ProviderFrame = z.infer<typeof providerFrameSchema>;
