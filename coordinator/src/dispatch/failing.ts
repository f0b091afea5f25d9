import type { Usage } from "@hearth/protocol";
import type { HearthError } from "../platform/errors.js";
import { costOf, forgotten, mayOpen, REPLACEMENT, seek } from "./seeking.js";
import {
  type AttemptMoment,
  cancelled,
  isRunning,
  lost,
  type Moment,
  patienceAnew,
  type Racing,
  type Step,
  timeoutFailure,
  without,
} from "./steps.js";
import type { AttemptFailure, DispatchEffect, DispatchResult, EmptyAnswer, SeenFailures } from "./types.js";

/** An attempt has failed. Others go on; if none is left, another provider is tried; else the request has failed. */
export function failed(moment: AttemptMoment, failure: AttemptFailure, before: readonly DispatchEffect[] = []): Step {
  const { state, now, policy } = moment;
  const [rest, patience] = over(moment, failure);
  const effects = [...before, ...patience];
  const left: Moment = { state: rest, now, policy };
  // Rule 10: a second 4xx shows that the request itself is wrong. The consumer gets the first one's message.
  const isItsOwn = failure.code === "rejected" && state.failures.rejected !== undefined;
  if (!failure.retryable || isItsOwn) return after(effects, conclude(left, failedAs(told(rest.failures, failure))));
  if (rest.attempts.some((each) => !each.late)) return [rest, effects];
  if (mayOpen(left) && now < rest.patienceAt) {
    // A second opinion on a 4xx is not worth waiting for a slot.
    const wanted = failure.code === "rejected" ? SECOND_OPINION : REPLACEMENT;
    return after(effects, seek(left, wanted));
  }
  // No more attempts may start, and those that run may still succeed.
  if (rest.attempts.length > 0) return [rest, effects];
  return after(effects, conclude(left, failedAs(told(rest.failures, failure))));
}

const SECOND_OPINION = { role: "retry", waits: false, unlikeEarlier: true } as const;

/** The race without an attempt that has failed. */
function over({ state, attempt, now, policy }: AttemptMoment, failure: AttemptFailure): [Racing, DispatchEffect[]] {
  const rejected = state.failures.rejected ?? (failure.code === "rejected" ? failure : undefined);
  const failures: SeenFailures = { rejected, last: failure };
  const costly = state.costly + costOf(attempt, now, policy);
  const rest: Racing = { ...without(state, attempt.index), costly, failures };
  return attempt.writing === undefined ? [rest, []] : patienceAnew(rest, now, policy);
}

/** No provider could take the attempt. An earlier failure tells the consumer more than "nobody left". */
export function unavailable({ state, attempt, now, policy }: AttemptMoment, error: HearthError): Step {
  if (isRunning(attempt)) return [state, []];
  const rest = forgotten(state, attempt);
  if (rest.attempts.length > 0) return [rest, []];
  const failure = told(rest.failures);
  return conclude({ state: rest, now, policy }, failure ? failedAs(failure) : { type: "unavailable", error });
}

/** Rule 8: after a clean end without content another free provider is asked once; a second such end is the answer. */
export function emptied({ state, attempt, now, policy }: AttemptMoment, usage: Usage): Step {
  const empty: EmptyAnswer = { attempt: attempt.index, usage };
  const costly = state.costly + costOf(attempt, now, policy);
  const left: Racing = { ...without(state, attempt.index), costly };
  if (left.attempts.some((each) => isRunning(each) && !each.late))
    return [{ ...left, empty: state.empty ?? empty }, []];
  // Only a free provider is asked, and an attempt that still waits for a slot shows that there is none.
  const mayAsk = left.attempts.length === 0 && mayOpen({ state: left, policy }) && now < state.patienceAt;
  if (!mayAsk) return settleFor(left, empty);
  return seek({ state: { ...left, empty }, policy }, { role: "retry", waits: false });
}

/** Rule 5: the consumer's patience is over. It does not end an answer that is being written. */
export function outOfPatience({ state, now, policy }: Moment): Step {
  if (now < state.patienceAt) return [state, [{ type: "arm", timer: "patience", at: state.patienceAt }]];
  if (state.attempts.some(({ writing }) => writing)) return [state, []];
  return conclude({ state, now, policy }, failedAs(state.failures.rejected ?? outOfTime(state)));
}

/** Rule 5: the error for a request whose patience ended before any answer had begun. */
function outOfTime(state: Racing): AttemptFailure {
  const running = state.attempts.filter(isRunning);
  if (running.some(({ heard }) => heard === "begun")) return timeoutFailure("fell_silent");
  if (running.some(({ heard }) => heard === "loading")) return timeoutFailure("load_timeout");
  if (running.length > 0) return timeoutFailure("timeout");
  return state.failures.last ?? NO_ROOM;
}

const NO_ROOM: AttemptFailure = {
  code: "no_room",
  progress: "not_started",
  retryable: false,
  faulty: false,
  status: 429,
};

/** Ends the request with the empty answer if there is one, else with `result`. Late attempts are cancelled as late. */
function conclude({ state }: Moment, result: DispatchResult): Step {
  if (state.empty !== undefined) return settleFor(state, state.empty);
  const cancels = state.attempts.map((each) => cancelled(each.index, each.late ? "deadline" : "superseded"));
  return [{ phase: "closed" }, [...cancels, { type: "finish", result }]];
}

/** Rule 8: no other answer is to be had, so the consumer gets the empty one. */
export function settleFor(state: Racing, { attempt, usage }: EmptyAnswer): Step {
  const finish: DispatchEffect = { type: "finish", result: { type: "success", attempt, usage } };
  return [{ phase: "closed" }, [...state.attempts.map(lost), { type: "commit", attempt }, finish]];
}

const failedAs = (failure: AttemptFailure): DispatchResult => ({ type: "failed", committed: false, failure });

/** Which failure the consumer is told: a rejection of its request first, since it can act on that. */
function told({ rejected, last }: SeenFailures): AttemptFailure | undefined;
function told(failures: SeenFailures, otherwise: AttemptFailure): AttemptFailure;
function told({ rejected, last }: SeenFailures, otherwise?: AttemptFailure): AttemptFailure | undefined {
  return rejected ?? last ?? otherwise;
}

const after = (before: readonly DispatchEffect[], [state, effects]: Step): Step => [state, [...before, ...effects]];
