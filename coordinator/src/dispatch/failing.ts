import type { Usage } from "@hearth/protocol";
import type { HearthError } from "../platform/errors.js";
import { mayOpen, seek } from "./seeking.js";
import {
  type AttemptMoment,
  cancelled,
  close,
  commit,
  isRunning,
  type Moment,
  type Racing,
  type Step,
  timeoutFailure,
  without,
} from "./steps.js";
import type { AttemptFailure, DispatchEffect, DispatchResult, SeenFailures } from "./types.js";

/** An attempt is out. Others go on; else another provider is tried; else the request has failed. */
export function failed(moment: AttemptMoment, failure: AttemptFailure, before: readonly DispatchEffect[] = []): Step {
  const { state, now, policy } = moment;
  const [rest, patience] = over(moment, failure);
  const effects = [...before, ...patience];
  const left: Moment = { state: rest, now, policy };
  // Rule 8: two 4xx are the request's, and the first one's words are told.
  const isItsOwn = failure.code === "rejected" && state.failures.rejected !== undefined;
  if (!failure.retryable || isItsOwn) return after(effects, conclude(left, failedAs(told(rest.failures, failure))));
  if (rest.attempts.some((each) => !each.late)) return [rest, effects];
  if (mayOpen(left) && now < rest.patienceAt) {
    const unlikeTried = failure.code === "rejected";
    return after(effects, seek(left, { role: "retry", waits: true, ...(unlikeTried ? { unlikeTried } : {}) }));
  }
  // The last one is waited for.
  if (rest.attempts.length > 0) return [rest, effects];
  return after(effects, conclude(left, failedAs(told(rest.failures, failure))));
}

/** The race without an attempt that is over. Behind an answer that died while it was written patience begins anew. */
function over({ state, attempt, now, policy }: AttemptMoment, failure: AttemptFailure): [Racing, DispatchEffect[]] {
  const cost = isRunning(attempt) && now - attempt.startedAt > policy.costlyMs ? 1 : 0;
  const rejected = state.failures.rejected ?? (failure.code === "rejected" ? failure : undefined);
  const failures: SeenFailures = { rejected, last: failure };
  const rest: Racing = { ...without(state, attempt.index), costly: state.costly + cost, failures };
  if (attempt.generatingAt === undefined) return [rest, []];
  const patienceAt = now + policy.patienceMs;
  return [{ ...rest, patienceAt }, [{ type: "arm", timer: "patience", at: patienceAt }]];
}

/** Nobody could take the attempt. A failure that was seen says more to the consumer than "nobody left". */
export function unavailable({ state, attempt, now, policy }: AttemptMoment, error: HearthError): Step {
  if (isRunning(attempt)) return [state, []];
  const { index } = attempt;
  // It was no try: it leaves its number, and its place among the tries, to the next one.
  const opened = index === state.opened - 1 ? index : state.opened;
  const rest: Racing = { ...without(state, index), opened };
  if (rest.attempts.length > 0) return [rest, []];
  const failure = told(rest.failures);
  return conclude({ state: rest, now, policy }, failure ? failedAs(failure) : { type: "unavailable", error });
}

/** Rule 8: a clean end without content is asked for once more where somebody is free, and then it is an answer. */
export function emptied(moment: AttemptMoment, usage: Usage): Step {
  const { state, attempt, now, policy } = moment;
  if (state.empty !== undefined) return answered(moment, usage);
  const rest: Racing = { ...without(state, attempt.index), empty: { attempt: attempt.index, usage } };
  const left: Moment = { state: rest, now, policy };
  if (rest.attempts.length > 0) return [rest, []];
  if (!mayOpen(left)) return answered(moment, usage);
  return seek(left, { role: "retry", waits: false });
}

function answered(moment: AttemptMoment, usage: Usage): Step {
  const [, effects] = commit(moment, []);
  const finish: DispatchEffect = {
    type: "finish",
    result: { type: "success", attempt: moment.attempt.index, usage },
  };
  return [{ phase: "closed" }, [...effects.filter((effect) => effect.type !== "arm"), finish]];
}

/** Rule 5: the consumer has waited for as long as it wanted to. An answer that is being written was in time. */
export function outOfPatience({ state, now, policy }: Moment): Step {
  if (now < state.patienceAt) return [state, [{ type: "arm", timer: "patience", at: state.patienceAt }]];
  if (state.attempts.some((each) => each.generatingAt !== undefined)) return [state, []];
  return conclude({ state, now, policy }, failedAs(state.failures.rejected ?? outOfTime(state)));
}

/** Rule 12: why nobody had begun by then. */
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
  const cancels = state.attempts.map((each) => cancelled(each.index, each.late ? "deadline" : "superseded"));
  if (state.empty === undefined) return after(cancels, close([], "superseded", result));
  const { attempt, usage } = state.empty;
  const finish: DispatchEffect = { type: "finish", result: { type: "success", attempt, usage } };
  return [{ phase: "closed" }, [...cancels, { type: "commit", attempt }, finish]];
}

const failedAs = (failure: AttemptFailure): DispatchResult => ({ type: "failed", committed: false, failure });

/** What the consumer is told of all that went wrong: what it can act on first. */
function told({ rejected, last }: SeenFailures): AttemptFailure | undefined;
function told(failures: SeenFailures, otherwise: AttemptFailure): AttemptFailure;
function told({ rejected, last }: SeenFailures, otherwise?: AttemptFailure): AttemptFailure | undefined {
  return rejected ?? last ?? otherwise;
}

const after = (before: readonly DispatchEffect[], [state, effects]: Step): Step => [state, [...before, ...effects]];
