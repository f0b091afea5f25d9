import type { WorkingScope, WorkingSign } from "@hearth/protocol";
import type { RunningAttempt } from "./steps.js";
import type { DispatchPolicy, RacingAttempt, StartedClocks } from "./types.js";

type Clocks = Pick<RunningAttempt, "startedAt" | "estimateAt" | "deadlineAt" | "extensibleTo">;

/** Rule 3: an attempt's two clocks, from what its provider is expected to need. */
export function clocksOf({ estimateMs }: StartedClocks, now: number, policy: DispatchPolicy): Clocks {
  return {
    startedAt: now,
    estimateAt: now + estimateMs,
    deadlineAt: now + policy.deadlineFactor * estimateMs,
    extensibleTo: now + policy.signExtensionsMax * estimateMs,
  };
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
  if (!tied && attempt.extendedOnce) return attempt;
  const heard = heardOf(attempt, sign);
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
