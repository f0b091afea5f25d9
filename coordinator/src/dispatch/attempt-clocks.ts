import type { WorkingScope, WorkingSign } from "@hearth/protocol";
import type { RunningAttempt } from "./steps.js";
import type { AttemptRole, DispatchPolicy, RacingAttempt, StartedClocks } from "./types.js";

type Clocks = Pick<RunningAttempt, "startedAt" | "estimateAt" | "hedgeAt" | "deadlineAt" | "extensibleTo">;

/** An attempt that a provider has just taken: its role, the provider's estimate, and the moment. */
export interface Start extends StartedClocks {
  readonly role: AttemptRole;
  readonly now: number;
}

/** Rule 3: when a backup may start and when the deadline passes, from what the provider is expected to need. */
export function clocksOf(start: Start, policy: DispatchPolicy): Clocks {
  const { estimateMs, now } = start;
  return {
    startedAt: now,
    estimateAt: now + estimateMs,
    hedgeAt: hedgeAt(start, policy),
    deadlineAt: now + policy.deadlineFactor * estimateMs,
    extensibleTo: now + policy.signExtensionsMax * estimateMs,
  };
}

/**
 * Rule 6: a provider of unknown quality is backed up at once. Otherwise only the first attempt is, after the hedge
 * delay, where that ends before the estimate.
 */
function hedgeAt({ estimateMs, hedgeAtOnce, role, now }: Start, { hedgeDelayMs }: DispatchPolicy): number | undefined {
  if (hedgeDelayMs === "never") return undefined;
  if (hedgeAtOnce) return now;
  const delayMs = hedgeDelayMs === "half_estimate" ? estimateMs / 2 : hedgeDelayMs;
  return role === "primary" && delayMs < estimateMs ? now + delayMs : undefined;
}

/** Rule 3: an attempt without a sign of life is late at its estimate, one with any at its deadline. */
export function lateAt(attempt: RacingAttempt): number {
  return attempt.heard === "nothing" ? attempt.estimateAt : attempt.deadlineAt;
}

/** One sign of life. */
export interface Movement {
  readonly sign: WorkingSign | "preamble";
  readonly scope: WorkingScope;
  readonly now: number;
}

/** Rule 4: a sign of life extends the deadline by what its kind is worth. A late attempt is then no longer late. */
export function moved(attempt: RunningAttempt, { sign, scope, now }: Movement, policy: DispatchPolicy): RunningAttempt {
  const tied = scope === "request" && sign !== "preamble";
  const heard = heardOf(attempt, sign);
  if (!tied && attempt.extendedOnce) return heard === attempt.heard ? attempt : { ...attempt, heard };
  const most = heard === "loading" ? attempt.startedAt + policy.loadingMaxMs : attempt.extensibleTo;
  const deadlineAt = Math.max(attempt.deadlineAt, Math.min(now + policy.signExtensionMs, most));
  return {
    ...attempt,
    heard,
    extendedOnce: attempt.extendedOnce || !tied,
    deadlineAt,
    late: attempt.late && deadlineAt <= now,
  };
}

const HEARD = {
  queued: "waiting",
  loading: "loading",
  preamble: "begun",
  prefilling: "begun",
  generating: "begun",
} as const;

/** Signs of waiting or loading that come after the answer has begun change nothing. */
function heardOf(attempt: RunningAttempt, sign: Movement["sign"]): RacingAttempt["heard"] {
  return attempt.heard === "begun" ? "begun" : HEARD[sign];
}
