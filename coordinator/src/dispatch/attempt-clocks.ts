import type { WorkingScope, WorkingSign } from "@hearth/protocol";
import type { RunningAttempt } from "./steps.js";
import type { AttemptRole, DispatchPolicy, RacingAttempt, StartedClocks } from "./types.js";

type Clocks = Pick<RunningAttempt, "startedAt" | "estimateAt" | "hedgeAt" | "deadlineAt" | "extensibleTo">;

/** What an attempt has become when a provider takes it, and when that was. */
export interface Start extends StartedClocks {
  readonly role: AttemptRole;
  readonly now: number;
}

/** Rule 3: an attempt's two clocks, from what its provider is expected to need. */
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
 * Rule 6: the first attempt is backed up when it takes long, and less long than was expected; one that is to show what
 * it can, at once.
 */
function hedgeAt({ estimateMs, hedgeAtOnce, role, now }: Start, { hedgeDelayMs }: DispatchPolicy): number | undefined {
  if (hedgeDelayMs === "never") return undefined;
  if (hedgeAtOnce) return now;
  const delayMs = hedgeDelayMs === "half_estimate" ? estimateMs / 2 : hedgeDelayMs;
  return role === "primary" && delayMs < estimateMs ? now + delayMs : undefined;
}

/** Rule 3: a silent one is late at its estimate; one that has moved has its deadline. */
export function lateAt(attempt: RacingAttempt): number {
  return attempt.heard === "nothing" ? attempt.estimateAt : attempt.deadlineAt;
}

/** One movement. */
export interface Movement {
  readonly sign: WorkingSign | "preamble";
  readonly scope: WorkingScope;
  readonly now: number;
}

/** Rule 4: what moves has time, as much as its kind of movement is worth. What it does late makes it late no longer. */
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

/** Waiting or loading behind a first word is none. */
function heardOf(attempt: RunningAttempt, sign: Movement["sign"]): RacingAttempt["heard"] {
  return attempt.heard === "begun" ? "begun" : HEARD[sign];
}
