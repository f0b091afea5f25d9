import { clocksOf } from "./attempt-clocks.js";
import {
  type AttemptMoment,
  cancelled,
  isRunning,
  type Moment,
  type Racing,
  type Step,
  timeoutFailure,
} from "./steps.js";
import type { DispatchEffect, DispatchInput, DispatchPolicy, RacingAttempt, StartTerms } from "./types.js";

/** What is wanted of the next attempt. */
export type Wanted = Pick<StartTerms, "role" | "waits" | "unlikeTried" | "expectedBefore">;

/** Looks for a provider for one more attempt. Whether there may be one is for `mayOpen` to say. */
export function seek({ state, now, policy }: Moment, wanted: Wanted): Step {
  const index = state.opened;
  const attempt: RacingAttempt = {
    index,
    role: wanted.role,
    startedAt: undefined,
    estimateAt: state.patienceAt,
    deadlineAt: state.patienceAt,
    extensibleTo: state.patienceAt,
    heard: "nothing",
    extendedOnce: false,
    late: false,
    generatingAt: undefined,
    heldChunks: 0,
    heldBytes: 0,
  };
  const opened: Racing = { ...state, attempts: [...state.attempts, attempt], opened: index + 1 };
  const spent = costly(opened, now, policy);
  const last = opened.opened >= policy.maxAttempts || spent + 1 >= policy.maxCostlyAttempts;
  return [opened, [{ type: "open", attempt: index, terms: { ...wanted, until: state.patienceAt, last } }]];
}

/** Rule 2: so many attempts in all, and so many that cost the consumer time. */
export function mayOpen({ state, now, policy }: Moment): boolean {
  return state.opened < policy.maxAttempts && costly(state, now, policy) < policy.maxCostlyAttempts;
}

function costly(state: Racing, now: number, { costlyMs }: DispatchPolicy): number {
  const running = state.attempts.filter((each) => isRunning(each) && now - each.startedAt > costlyMs);
  return state.costly + running.length;
}

type Started = Extract<DispatchInput, { type: "started" }>;

/** Somebody has taken the request, and so the place of those that were late with it. From here on its time runs. */
export function started(moment: AttemptMoment, input: Started): Step {
  const { state, attempt, now, policy } = moment;
  if (isRunning(attempt)) return [state, []];
  const late = state.attempts.filter((each) => each.late);
  const running = { ...attempt, ...clocksOf(input, now, policy) };
  const attempts = state.attempts.filter((each) => !each.late).map((each) => (each === attempt ? running : each));
  const last = late.length > 0 ? timeoutFailure("timeout") : state.failures.last;
  return [
    { ...state, attempts, costly: state.costly + late.length, failures: { ...state.failures, last } },
    [
      ...late.map((each) => cancelled(each.index, "deadline")),
      { type: "arm", timer: `due:${attempt.index}`, at: running.estimateAt },
      ...hedgeAlarm(moment, input),
    ],
  ];
}

/** Rule 7: the first attempt is backed up when it takes long; one that is to show what it can, at once. */
function hedgeAlarm({ state, attempt, now, policy }: AttemptMoment, input: Started): readonly DispatchEffect[] {
  if (state.hedged || policy.hedgeDelayMs === "never") return [];
  if (input.hedgeAtOnce) return [{ type: "arm", timer: "hedge", at: now }];
  if (attempt.role !== "primary") return [];
  const delayMs = policy.hedgeDelayMs === "half_estimate" ? input.estimateMs / 2 : policy.hedgeDelayMs;
  return [{ type: "arm", timer: "hedge", at: now + delayMs }];
}
