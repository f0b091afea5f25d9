import { clocksOf } from "./attempt-clocks.js";
import {
  type AttemptMoment,
  cancelled,
  isRunning,
  type Moment,
  patienceAnew,
  type Racing,
  type Step,
  timeoutFailure,
  without,
} from "./steps.js";
import type { DispatchEffect, DispatchInput, DispatchPolicy, RacingAttempt, StartTerms } from "./types.js";

/** What is wanted of the next attempt. */
export type Wanted = Pick<StartTerms, "role" | "waits" | "unlikeTried" | "expectedBefore">;

/** Somebody in the place of one that failed or is late: worth waiting for. */
export const REPLACEMENT = { role: "retry", waits: true } as const satisfies Wanted;

/** Looks for a provider for one more attempt. Whether there may be one is for `mayOpen` to say. */
export function seek({ state, policy }: Omit<Moment, "now">, wanted: Wanted): Step {
  const index = state.opened;
  const attempt: RacingAttempt = {
    index,
    role: wanted.role,
    startedAt: undefined,
    estimateAt: state.patienceAt,
    hedgeAt: undefined,
    deadlineAt: state.patienceAt,
    extensibleTo: state.patienceAt,
    heard: "nothing",
    extendedOnce: false,
    late: false,
    writing: undefined,
    heldChunks: 0,
    heldBytes: 0,
  };
  const opened: Racing = { ...state, attempts: [...state.attempts, attempt], opened: index + 1 };
  const last = opened.opened >= policy.maxAttempts || costly(opened) + 1 >= policy.maxCostlyAttempts;
  return [opened, [{ type: "open", attempt: index, terms: { ...wanted, until: state.patienceAt, last } }]];
}

/**
 * Rule 2: so many attempts in all, and so many that cost the consumer time. Rule 8: none but the one that asks once more
 * when there is an empty answer already.
 */
export function mayOpen({ state, policy }: Omit<Moment, "now">): boolean {
  const isLeft = state.opened < policy.maxAttempts && costly(state) < policy.maxCostlyAttempts;
  return isLeft && state.empty === undefined;
}

/** Attempts that have cost time, and those that run and may come to. */
function costly(state: Racing): number {
  return state.costly + state.attempts.filter(isRunning).length;
}

/** What an attempt that is over has cost: the time that the consumer has waited for it, or what it had begun to write. */
export function costOf(attempt: RacingAttempt, now: number, { costlyMs }: DispatchPolicy): 0 | 1 {
  return isRunning(attempt) && (attempt.writing !== undefined || now - attempt.startedAt > costlyMs) ? 1 : 0;
}

/** What the consumer has paid by now, with these that are over. */
export function costlyWith(
  state: Racing,
  over: readonly RacingAttempt[],
  { now, policy }: Omit<Moment, "state">,
): number {
  return over.reduce((sum, each) => sum + costOf(each, now, policy), state.costly);
}

/**
 * Rule 3: an attempt that was late moves again. Nobody is looked for in its place any more: who came now would run beside
 * it, and not by the rules for that.
 */
export function calledOff(state: Racing): Step {
  const sought = state.attempts.find((each) => !isRunning(each) && each.role === "retry");
  if (sought === undefined) return [state, []];
  return [forgotten(state, sought), [cancelled(sought.index, "superseded")]];
}

/** Without one that nobody has taken: it was no try, and leaves its number and its place among the tries to the next. */
export function forgotten(state: Racing, { index }: RacingAttempt): Racing {
  return { ...without(state, index), opened: index === state.opened - 1 ? index : state.opened };
}

type Started = Extract<DispatchInput, { type: "started" }>;

/** Somebody has taken the request, and so the place of those that were late with it. From here on its time runs. */
export function started({ state, attempt, now, policy }: AttemptMoment, start: Started): Step {
  if (isRunning(attempt)) return [state, []];
  const running = { ...attempt, ...clocksOf({ ...start, role: attempt.role }, policy) };
  const alarms: DispatchEffect[] = [{ type: "arm", timer: `due:${attempt.index}`, at: running.estimateAt }];
  if (running.hedgeAt !== undefined && !state.hedged) {
    alarms.push({ type: "arm", timer: "hedge", at: running.hedgeAt });
  }
  const late = state.attempts.filter((each) => each.late);
  const attempts = state.attempts.filter((each) => !each.late).map((each) => (each === attempt ? running : each));
  const costly = costlyWith(state, late, { now, policy });
  const last = late.length > 0 ? timeoutFailure("timeout") : state.failures.last;
  const next: Racing = { ...state, attempts, costly, failures: { ...state.failures, last } };
  const cancels = late.map((each) => cancelled(each.index, "deadline"));
  const [patient, patience] = late.some(({ writing }) => writing) ? patienceAnew(next, now, policy) : [next, []];
  return [patient, [...cancels, ...alarms, ...patience]];
}
