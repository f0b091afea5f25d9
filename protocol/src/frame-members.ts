import { z } from "zod";
import { base64url, count, id, key32, shortText } from "./frame-primitives.js";
import { LIMITS } from "./limits.js";

// What frames tell of machines, models and proofs. Objects are read leniently (unknown members are dropped), so that
// additive evolution needs no new version.

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

export type Usage = z.infer<typeof usageSchema>;
export type TrustLevel = (typeof TRUST_LEVELS)[number];
export type SignedBlobText = z.infer<typeof signedBlobSchema>;
export type AttestationProof = z.infer<typeof attestationSchema>;
export type Slot = z.infer<typeof slotSchema>;
export type BackendDialect = (typeof BACKEND_DIALECTS)[number];
export type ModelAdvert = z.infer<typeof modelSchema>;
export type Hardware = z.infer<typeof hardwareSchema>;
