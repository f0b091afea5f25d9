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

/** How the next attempt is to be started. */
export type Wanted = Pick<StartTerms, "role" | "waits" | "unlikeEarlier" | "expectedBefore">;

/** An attempt in place of one that failed or is late. It may wait for a slot. */
export const REPLACEMENT = { role: "retry", waits: true } as const satisfies Wanted;

/** Opens one more attempt. The caller has asked `mayOpen` whether it may. */
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
 * Rule 2: limits the attempts in all, and those that cost the consumer time. Rule 8: once there is an empty answer, no
 * attempt follows but the one that it led to.
 */
export function mayOpen({ state, policy }: Omit<Moment, "now">): boolean {
  const isLeft = state.opened < policy.maxAttempts && costly(state) < policy.maxCostlyAttempts;
  return isLeft && state.empty === undefined;
}

/** Attempts that have cost time, with those that run and may still do so. */
function costly(state: Racing): number {
  return state.costly + state.attempts.filter(isRunning).length;
}

/** 1 for an attempt that has cost the consumer time: it ran for long, or it had begun to write the answer. */
export function costOf(attempt: RacingAttempt, now: number, { costlyMs }: DispatchPolicy): 0 | 1 {
  return isRunning(attempt) && (attempt.writing !== undefined || now - attempt.startedAt > costlyMs) ? 1 : 0;
}

/** The number of costly attempts, with these that are over now. */
export function costlyWith(
  state: Racing,
  over: readonly RacingAttempt[],
  { now, policy }: Omit<Moment, "state">,
): number {
  return over.reduce((sum, each) => sum + costOf(each, now, policy), state.costly);
}

/**
 * Rule 3: an attempt that was late has moved again. The search for its replacement ends: whoever came now would run
 * beside it, for which there are other rules.
 */
export function calledOff(state: Racing): Step {
  const sought = state.attempts.find((each) => !isRunning(each) && each.role === "retry");
  if (sought === undefined) return [state, []];
  return [forgotten(state, sought), [cancelled(sought.index, "superseded")]];
}

/** Removes an attempt that no provider has taken. It does not count; if it was the last, its number is free again. */
export function forgotten(state: Racing, { index }: RacingAttempt): Racing {
  return { ...without(state, index), opened: index === state.opened - 1 ? index : state.opened };
}

type Started = Extract<DispatchInput, { type: "started" }>;

/** A provider has taken the attempt, whose clocks start now. Late attempts, which it replaces, are cancelled. */
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
