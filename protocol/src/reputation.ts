import { z } from "zod";
import { count } from "./frame-primitives.js";

/** What counts against a machine, the gravest first. Readers drop what they do not know. */
export const REPUTATION_REASONS = [
  "false_receipt",
  "false_usage",
  "failed_after_content",
  "false_capability",
  "failed_before_content",
  "late",
  "connection_lost",
  "lost_race",
] as const;

export type ReputationReason = (typeof REPUTATION_REASONS)[number];

/** How often something was seen since it last counted for nothing, and what it comes to now, ms in the score. */
export const reputationMarkSchema = z.object({ count, ms: count });

/** How a machine stands by its record. */
export const reputationSchema = z.object({
  /** 100 = nothing is held against it, 0 = as much as can be. */
  score: z.number().int().min(0).max(100),
  /** What counts against it now; absent = nothing of that kind. */
  reasons: z.object(
    Object.fromEntries(REPUTATION_REASONS.map((reason) => [reason, reputationMarkSchema.optional()])) as Record<
      ReputationReason,
      z.ZodOptional<typeof reputationMarkSchema>
    >,
  ),
});

export type Reputation = z.infer<typeof reputationSchema>;
