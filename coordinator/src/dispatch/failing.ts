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

/** An attempt is out. Others go on; else another provider is tried; else the request has failed. */
export function failed(moment: AttemptMoment, failure: AttemptFailure, before: readonly DispatchEffect[] = []): Step {
  const { state, now, policy } = moment;
  const [rest, patience] = over(moment, failure);
  const effects = [...before, ...patience];
  const left: Moment = { state: rest, now, policy };
  // Rule 10: two 4xx are the request's, and the first one's words are told.
  const isItsOwn = failure.code === "rejected" && state.failures.rejected !== undefined;
  if (!failure.retryable || isItsOwn) return after(effects, conclude(left, failedAs(told(rest.failures, failure))));
  if (rest.attempts.some((each) => !each.late)) return [rest, effects];
  if (mayOpen(left) && now < rest.patienceAt) {
    // A request that is wrong anywhere is told so at once, rather than that it waits for a second opinion.
    const wanted = failure.code === "rejected" ? SECOND_OPINION : REPLACEMENT;
    return after(effects, seek(left, wanted));
  }
  // The last one is waited for.
  if (rest.attempts.length > 0) return [rest, effects];
  return after(effects, conclude(left, failedAs(told(rest.failures, failure))));
}

const SECOND_OPINION = { role: "retry", waits: false, unlikeTried: true } as const;

/** The race without an attempt that has failed. */
function over({ state, attempt, now, policy }: AttemptMoment, failure: AttemptFailure): [Racing, DispatchEffect[]] {
  const rejected = state.failures.rejected ?? (failure.code === "rejected" ? failure : undefined);
  const failures: SeenFailures = { rejected, last: failure };
  const costly = state.costly + costOf(attempt, now, policy);
  const rest: Racing = { ...without(state, attempt.index), costly, failures };
  return attempt.writing === undefined ? [rest, []] : patienceAnew(rest, now, policy);
}

/** Nobody could take the attempt. A failure that was seen says more to the consumer than "nobody left". */
export function unavailable({ state, attempt, now, policy }: AttemptMoment, error: HearthError): Step {
  if (isRunning(attempt)) return [state, []];
  const rest = forgotten(state, attempt);
  if (rest.attempts.length > 0) return [rest, []];
  const failure = told(rest.failures);
  return conclude({ state: rest, now, policy }, failure ? failedAs(failure) : { type: "unavailable", error });
}

/** Rule 8: a clean end without content is asked for once more where somebody is free, and then it is an answer. */
export function emptied({ state, attempt, now, policy }: AttemptMoment, usage: Usage): Step {
  const empty: EmptyAnswer = { attempt: attempt.index, usage };
  const costly = state.costly + costOf(attempt, now, policy);
  const left: Racing = { ...without(state, attempt.index), costly };
  if (left.attempts.some((each) => isRunning(each) && !each.late))
    return [{ ...left, empty: state.empty ?? empty }, []];
  // Whoever waits for room is nobody who is free.
  const mayAsk = left.attempts.length === 0 && mayOpen({ state: left, policy }) && now < state.patienceAt;
  if (!mayAsk) return settleFor(left, empty);
  return seek({ state: { ...left, empty }, policy }, { role: "retry", waits: false });
}

/** Rule 5: the consumer has waited for as long as it wanted to. An answer that is being written was in time. */
export function outOfPatience({ state, now, policy }: Moment): Step {
  if (now < state.patienceAt) return [state, [{ type: "arm", timer: "patience", at: state.patienceAt }]];
  if (state.attempts.some(({ writing }) => writing)) return [state, []];
  return conclude({ state, now, policy }, failedAs(state.failures.rejected ?? outOfTime(state)));
}

/** Rule 5: why nobody had begun by then. */
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

/** Ends the request: with the empty answer that somebody gave, else with this. Who was late is told so. */
function conclude({ state }: Moment, result: DispatchResult): Step {
  if (state.empty !== undefined) return settleFor(state, state.empty);
  const cancels = state.attempts.map((each) => cancelled(each.index, each.late ? "deadline" : "superseded"));
  return [{ phase: "closed" }, [...cancels, { type: "finish", result }]];
}

/** Rule 8: nobody has more to say, and the empty answer is what the consumer gets. */
export function settleFor(state: Racing, { attempt, usage }: EmptyAnswer): Step {
  const finish: DispatchEffect = { type: "finish", result: { type: "success", attempt, usage } };
  return [{ phase: "closed" }, [...state.attempts.map(lost), { type: "commit", attempt }, finish]];
}

const failedAs = (failure: AttemptFailure): DispatchResult => ({ type: "failed", committed: false, failure });

/** What the consumer is told of all that went wrong: what it can act on first. */
function told({ rejected, last }: SeenFailures): AttemptFailure | undefined;
function told(failures: SeenFailures, otherwise: AttemptFailure): AttemptFailure;
function told({ rejected, last }: SeenFailures, otherwise?: AttemptFailure): AttemptFailure | undefined {
  return rejected ?? last ?? otherwise;
}

const after = (before: readonly DispatchEffect[], [state, effects]: Step): Step => [state, [...before, ...effects]];
