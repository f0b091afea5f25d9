import { z } from "zod";
import { GATES, type Gate } from "./gates.js";
import { MAX_U32 } from "./ids.js";
import { LIMITS } from "./limits.js";

// Control frames: JSON text, one object a message, discriminated by `type`, snake_case.
// Objects are read leniently (unknown members are dropped), so that additive evolution needs no new version.

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const fraction = z.number().min(0).max(1);
const shortText = z.string().max(256);
const id = z.string().min(1).max(128);
const stream = z.number().int().min(1).max(MAX_U32);
const key32 = z.string().regex(/^[A-Za-z0-9_-]{43}$/, "32 bytes as unpadded base64url");
const base64url = (minBytes: number, maxBytes: number) =>
  z
    .string()
    .regex(/^[A-Za-z0-9_-]*$/, "unpadded base64url")
    .min(Math.ceil((minBytes * 4) / 3))
    .max(Math.ceil((maxBytes * 4) / 3));

/** Bytes that were signed with the machine's identity key, exactly as they were signed: JSON whose `type` says what. */
export const signedBlobSchema = z.object({
  blob: base64url(2, LIMITS.blobBytes),
  /** ECDSA P-256 with SHA-256 over the blob: r ‖ s, with the lower s. */
  signature: base64url(64, 64),
});

/** What an OpenAI-style `usage` says, in tokens. */
export const usageSchema = z.object({
  prompt_tokens: count,
  completion_tokens: count,
  /** Part of `prompt_tokens` that the backend took from its cache. */
  cached_tokens: count.optional(),
  /** The backend has not said: the agent estimates it by the texts. */
  estimated: z.literal(true).optional(),
});

export const SLOT_STATES = ["running", "idle", "idle_shutdown", "reloading", "crashed"] as const;

/** One model's serving state on one machine. */
export const slotSchema = z.object({
  model: id,
  state: z.enum(SLOT_STATES),
  running: count,
  queued: count,
  /** Requests the backend serves at once; absent = not known. */
  max_concurrency: z.number().int().min(1).max(4096).optional(),
  /** Token budget of the backend, where it has one. */
  budget_max: count.optional(),
  budget_used: count.optional(),
  /** Observed rates, tokens per second (EWMA). */
  decode_tps: z.number().min(0).max(1e7).optional(),
  prefill_tps: z.number().min(0).max(1e7).optional(),
});

/**
 * Backend APIs that a request's body may be written for. The plaintext of the response's data frames is complete
 * server-sent events as the backend sent them, one that no frame can take cut into several, except for `embeddings`:
 * there, the plaintexts of all frames put together are the backend's one JSON body, cut anywhere, the last part in the
 * frame with the final flag, at most `LIMITS.responseBodyBytes`. Credit is counted in plaintext bytes either way.
 */
export const BACKEND_DIALECTS = ["chat_completions", "completions", "embeddings", "responses", "messages"] as const;

/** What a model does where it is served, each only by evidence: absent = not known, `false` = refused or dropped. */
const capabilitiesSchema = z
  .object({
    tools: z.boolean(),
    vision: z.boolean(),
    embeddings: z.boolean(),
    /** Answers follow a JSON schema that the request brings. */
    structured_output: z.boolean(),
    /** Answers carry the probabilities of their tokens where a request asks for them. */
    logprobs: z.boolean(),
    /** The model thinks before it answers, or may be told to. */
    reasoning: z.boolean(),
  })
  .partial();

export const modelSchema = z.object({
  id,
  context_length: z.number().int().min(1).max(1e9).optional(),
  /** Bytes of weights in memory. */
  weights_bytes: count.optional(),
  weights_hash: shortText.optional(),
  quantization: shortText.optional(),
  capabilities: capabilitiesSchema.default({}),
  /** Dialects that the backend speaks for this model; absent = chat completions only. */
  dialects: z.array(z.enum(BACKEND_DIALECTS)).max(8).optional(),
  /** The program that serves it. Another version of it is another program. */
  backend: z.object({ kind: shortText, version: shortText.optional() }).optional(),
  /** SHA-256 of the model's chat template. */
  template_hash: shortText.optional(),
  /** `false`: the backend itself refuses every conversation. `true`: its chat template renders. Absent = not known. */
  template_render_ok: z.boolean().optional(),
  /** The chat template takes no tools whose schemas lack a string `type`; the agent mends them. Absent = not known. */
  needs_string_types: z.boolean().optional(),
  /** Whether a system message reaches the model after another, and after the first turn. Absent = not known. */
  system_anywhere: z.boolean().optional(),
  /** Whether a user's message may follow another, and the result of a tool. Absent = not known. */
  turns_anywhere: z.boolean().optional(),
});

export const hardwareSchema = z.object({
  platform: shortText,
  arch: shortText,
  chip: shortText.optional(),
  cpu_cores: z.number().int().min(1).max(65_536),
  memory_bytes: count,
});

export const encryptionKeySchema = z.object({ key_id: id, public_key: key32 });

/** From least to most: unproved, proved by the machine's own word, vouched for by its hardware. */
export const TRUST_LEVELS = ["none", "self_attested", "hardware"] as const;

/** Proof of who the machine is and of what it runs, binding its identity key to its encryption key. */
export const attestationSchema = signedBlobSchema.extend({
  /** The P-256 identity key, an uncompressed point. The frame's `identity` is its SHA-256. */
  identity_key: base64url(65, 65),
  /** The device's serial, for the coordinator only: the blob, which anybody may see, holds SHA-256(salt ‖ serial). */
  serial: z.object({ value: z.string().min(1).max(64), salt: base64url(16, 16) }).optional(),
  /** Apple Managed Device Attestation: DER certificates, the device's first. */
  certificates: z.array(base64url(1, LIMITS.certificateBytes)).max(LIMITS.certificates).optional(),
});

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

export const heartbeatSchema = z.object({
  type: z.literal("heartbeat"),
  slots: z.array(slotSchema).max(LIMITS.modelsPerProvider),
  memory_free_bytes: count.optional(),
  memory_pressure: fraction.optional(),
  cpu_load: fraction.optional(),
  gpu_load: fraction.optional(),
  thermal: z.enum(["nominal", "fair", "serious", "critical"]).optional(),
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

/** Asks the machine to prove anew that it holds its keys and is what it was. */
export const challengeSchema = z.object({ type: z.literal("challenge"), challenge: key32 });

export const RUNTIME_COMPONENTS = ["binary", "version", "template", "weights"] as const;

/** Whether what the machine runs is on the operator's list; while it is not, no requests come. */
export const runtimeStatusSchema = z.object({
  type: z.literal("runtime_status"),
  verified: z.boolean(),
  /** What is not on the list, and what would be. */
  mismatches: z
    .array(
      z.object({
        component: z.enum(RUNTIME_COMPONENTS),
        /** The model, for `template` and `weights`. */
        model: id.optional(),
        expected: z.array(shortText).max(64),
        actual: shortText.optional(),
      }),
    )
    .max(LIMITS.modelsPerProvider * 2 + 2),
});

export const registeredSchema = z.object({
  type: z.literal("registered"),
  version: z.number().int().min(1),
  provider_id: id,
  heartbeat_interval_ms: z.number().int().min(100).max(600_000),
  /** How far the coordinator trusts the machine, for its owner to see. */
  trust_level: z.enum(TRUST_LEVELS).optional(),
});

/** How often each gate kept a machine from a request. Absent = never; a gate that the reader does not know is dropped. */
export const rejectionsSchema = z.object(
  Object.fromEntries(GATES.map((gate) => [gate, count.optional()])) as Record<Gate, z.ZodOptional<typeof count>>,
);

/**
 * Answers `heartbeat`: what came of the machine since the last answer. Every attempt at a request looks at all machines
 * when it comes; where it has to wait, who is rejected afterwards does not count again.
 */
export const heartbeatAckSchema = z.object({
  type: z.literal("heartbeat_ack"),
  /** Attempts that this machine got. */
  picked: count,
  /** Nothing was against it, and another machine was the better choice. */
  lost: count,
  rejected: rejectionsSchema,
  /** A newer program than the machine's; absent = none that the operator speaks of. */
  update: z
    .object({
      latest_version: z.string().regex(/^[0-9A-Za-z.+-]{1,64}$/),
      /** Where to get it. Printable ASCII: it is shown on terminals. */
      url: z
        .string()
        .regex(/^https:\/\/[\x21-\x7e]+$/)
        .max(1_024)
        .optional(),
      /** Until then no requests come. */
      required: z.boolean(),
    })
    .optional(),
});

/**
 * Sets up an HPKE context, from which the keys of many attempts are exported. It goes before the first request under it,
 * on the same connection. A context lives as long as the provider's key, unless another one replaces it.
 */
export const sealingContextSchema = z.object({
  type: z.literal("sealing_context"),
  /** New on this connection. */
  context_id: id,
  /** Which of the provider's keys it is set up to, and the HPKE encapsulated key. */
  key_id: id,
  encapsulated_key: key32,
  /** No request comes under that one any more. */
  replaces: id.optional(),
});

/**
 * Opens a stream. The sealed body follows at once in binary frames of kind `request`, in sequence, the last one
 * with the final flag; nothing else comes between on that stream.
 */
export const requestSchema = z.object({
  type: z.literal("request"),
  stream,
  request_id: id,
  attempt_id: id,
  model: id,
  /** What the sealed body is, and so which backend endpoint it goes to. */
  dialect: z.enum(BACKEND_DIALECTS),
  delivery: z.enum(["interactive", "whole"]),
  /** The context that the keys of this attempt are exported from. */
  context_id: id,
  /** Plaintext bytes of the body. */
  body_bytes: z.number().int().min(0).max(LIMITS.forwardedBodyBytes),
});

export const CANCEL_REASONS = ["consumer_gone", "lost_race", "deadline", "stalled", "shutdown", "superseded"] as const;

/** Stop working on a stream. The agent answers with `error` (`code: "cancelled"`) unless it had ended already. */
export const cancelSchema = z.object({ type: z.literal("cancel"), stream, reason: z.enum(CANCEL_REASONS) });

/** Flow control: the agent may send this many more plaintext bytes on the stream. */
export const creditSchema = z.object({
  type: z.literal("credit"),
  stream,
  bytes: z.number().int().min(1).max(MAX_U32),
});

/** The coordinator is leaving: finish what runs, take nothing new, reconnect after the delay. */
export const goAwaySchema = z.object({
  type: z.literal("go_away"),
  reason: shortText,
  reconnect_after_ms: z.number().int().min(0).max(600_000),
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

/** Frames a coordinator may send. */
export const coordinatorFrameSchema = z.discriminatedUnion("type", [
  registeredSchema,
  heartbeatAckSchema,
  sealingContextSchema,
  requestSchema,
  cancelSchema,
  creditSchema,
  goAwaySchema,
  challengeSchema,
  runtimeStatusSchema,
]);

export type Usage = z.infer<typeof usageSchema>;
export type TrustLevel = (typeof TRUST_LEVELS)[number];
export type SignedBlobText = z.infer<typeof signedBlobSchema>;
export type AttestationProof = z.infer<typeof attestationSchema>;
export type WorkingSign = (typeof WORKING_SIGNS)[number];
export type WorkingScope = NonNullable<WorkingFrame["scope"]>;
export type WorkingFrame = z.infer<typeof workingSchema>;
export type Slot = z.infer<typeof slotSchema>;
export type BackendDialect = (typeof BACKEND_DIALECTS)[number];
export type ModelAdvert = z.infer<typeof modelSchema>;
export type Hardware = z.infer<typeof hardwareSchema>;
export type Progress = (typeof PROGRESS)[number];
export type CancelReason = (typeof CANCEL_REASONS)[number];
export type RuntimeStatusFrame = z.infer<typeof runtimeStatusSchema>;
export type RuntimeMismatch = RuntimeStatusFrame["mismatches"][number];
export type ChallengeResponseFrame = z.infer<typeof challengeResponseSchema>;
export type KeyUpdateFrame = z.infer<typeof keyUpdateSchema>;
export type RegisterFrame = z.infer<typeof registerSchema>;
export type HeartbeatFrame = z.infer<typeof heartbeatSchema>;
export type HeartbeatAckFrame = z.infer<typeof heartbeatAckSchema>;
export type Rejections = z.infer<typeof rejectionsSchema>;
export type UpdateNotice = NonNullable<HeartbeatAckFrame["update"]>;
export type ErrorFrame = z.infer<typeof errorSchema>;
export type ReceiptFrame = z.infer<typeof receiptSchema>;
/** A receipt with what shows that it was signed for. */
export type ReceiptText = Pick<ReceiptFrame, "blob" | "batch">;
export type SealingContextFrame = z.infer<typeof sealingContextSchema>;
export type RequestFrame = z.infer<typeof requestSchema>;
export type ProviderFrame = z.infer<typeof providerFrameSchema>;
export type CoordinatorFrame = z.infer<typeof coordinatorFrameSchema>;
/** Everything that travels as JSON text. */
export type ControlFrame = RegisterFrame | ProviderFrame | CoordinatorFrame;
