import type { CancelReason } from "@hearth/protocol";
import type {
  AttemptFailure,
  AttemptIndex,
  DispatchEffect,
  DispatchPolicy,
  DispatchResult,
  DispatchState,
  LastHeard,
  RacingAttempt,
} from "./types.js";

export type Racing = Extract<DispatchState, { phase: "racing" }>;
export type Committed = Extract<DispatchState, { phase: "committed" }>;

/** The result of one input: the next state, and what is to be done, in order. */
export type Step = readonly [DispatchState, readonly DispatchEffect[]];

/** The state of a race, with the time and the policy by which it is judged. */
export interface Moment {
  readonly state: Racing;
  readonly now: number;
  readonly policy: DispatchPolicy;
}

/** The same, with the attempt in question. */
export interface AttemptMoment extends Moment {
  readonly attempt: RacingAttempt;
}

/** An attempt that a provider has taken. */
export type RunningAttempt = RacingAttempt & { readonly startedAt: number };

export const stay = (state: DispatchState): Step => [state, []];

export const isRunning = (attempt: RacingAttempt): attempt is RunningAttempt => attempt.startedAt !== undefined;

export function replace(state: Racing, attempt: RacingAttempt): Racing {
  return { ...state, attempts: state.attempts.map((each) => (each.index === attempt.index ? attempt : each)) };
}

export function without(state: Racing, index: AttemptIndex): Racing {
  return { ...state, attempts: state.attempts.filter((each) => each.index !== index) };
}

export const cancelled = (attempt: AttemptIndex, reason: CancelReason): DispatchEffect => ({
  type: "cancel",
  attempt,
  reason,
});

/** Cancels these and ends the request. */
export function close(attempts: readonly AttemptIndex[], reason: CancelReason, result: DispatchResult): Step {
  const cancels = attempts.map((attempt) => cancelled(attempt, reason));
  return [{ phase: "closed" }, [...cancels, { type: "finish", result }]];
}

/** Rule 6: the first attempt with content wins, and all others are cancelled. */
export function commit({ state, attempt, now, policy }: AttemptMoment, then: readonly DispatchEffect[]): Step {
  const losers = state.attempts.filter((each) => each.index !== attempt.index);
  return [
    { phase: "committed", winner: attempt.index, lastContentAt: now, lastSignAt: now },
    [
      ...losers.map(lost),
      { type: "commit", attempt: attempt.index },
      ...then,
      { type: "arm", timer: "gap", at: now + policy.contentGapMs },
    ],
  ];
}

/** Cancels an attempt that has lost the race. */
export const lost = ({ index, late }: RacingAttempt): DispatchEffect =>
  cancelled(index, late ? "deadline" : "lost_race");

/** Rule 5: when an answer that was being written will not come after all, the consumer's patience begins anew. */
export function patienceAnew(state: Racing, now: number, policy: DispatchPolicy): [Racing, DispatchEffect[]] {
  const patienceAt = now + policy.patienceMs;
  return [{ ...state, patienceAt }, [{ type: "arm", timer: "patience", at: patienceAt }]];
}

/** Rule 7: when an answer that has begun counts as silent, and when signs of life alone keep it alive no longer. */
export function silenceOf(
  { lastContentAt, lastSignAt }: LastHeard,
  { contentGapMs, signsAloneMs }: DispatchPolicy,
): { readonly silentAt: number; readonly givenUpAt: number } {
  const givenUpAt = lastContentAt + Math.max(contentGapMs, signsAloneMs);
  return { silentAt: Math.min(lastSignAt + contentGapMs, givenUpAt), givenUpAt };
}

/** A failure by silence: the provider's fault, shown as 504. */
export function timeoutFailure(code: "timeout" | "fell_silent" | "load_timeout" | "stalled"): AttemptFailure {
  return { code, progress: "processed", retryable: true, faulty: true, status: 504 };
}
