import { z } from "zod";
import { eligibilitySchema } from "./eligibility.js";
import { BACKEND_DIALECTS, TRUST_LEVELS } from "./frame-members.js";
import { count, id, key32, shortText, stream, traceparent } from "./frame-primitives.js";
import { GATES, type Gate } from "./gates.js";
import { MAX_U32 } from "./ids.js";
import { LIMITS } from "./limits.js";
import { machinePauseSchema } from "./machine-pause.js";
import { reputationSchema } from "./reputation.js";

// Control frames that coordinators send.

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

const microUsd = z.number().int().min(-Number.MAX_SAFE_INTEGER).max(Number.MAX_SAFE_INTEGER);

/**
 * What a machine has earned, millionths of a dollar after the operator's fee. Days are those of UTC, weeks begin on
 * Monday. A correction can take an amount below zero.
 */
export const earningsSchema = z.object({
  today_micro_usd: microUsd,
  week_micro_usd: microUsd,
  total_micro_usd: microUsd,
  /** When that was so, by the coordinator's clock, ms since 1970: it says which day and week are meant. */
  as_of: count.max(8.64e15),
});

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
  /** Absent = as told before on this connection; until it has been told, nothing is known. */
  earnings: earningsSchema.optional(),
  /** Absent = as told before on this connection; until it has been told, nothing is known. */
  reputation: reputationSchema.optional(),
  /** Of each model, or as many as are looked at. Absent = as told before on this connection. */
  eligibility: z.array(eligibilitySchema).max(LIMITS.modelsPerProvider).optional(),
  /** Its owner has paused it at the coordinator; absent = he has not. */
  paused: machinePauseSchema.optional(),
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
  /** Of the attempt's span, for the backend (W3C Trace Context). Absent = nobody traces the request. */
  traceparent: traceparent.optional(),
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

export type RuntimeStatusFrame = z.infer<typeof runtimeStatusSchema>;
export type RuntimeMismatch = RuntimeStatusFrame["mismatches"][number];
export type HeartbeatAckFrame = z.infer<typeof heartbeatAckSchema>;
export type Rejections = z.infer<typeof rejectionsSchema>;
export type Earnings = z.infer<typeof earningsSchema>;
export type UpdateNotice = NonNullable<HeartbeatAckFrame["update"]>;
export type SealingContextFrame = z.infer<typeof sealingContextSchema>;
export type RequestFrame = z.infer<typeof requestSchema>;
export type CancelReason = (typeof CANCEL_REASONS)[number];
export type CoordinatorFrame = z.infer<typeof coordinatorFrameSchema>;
