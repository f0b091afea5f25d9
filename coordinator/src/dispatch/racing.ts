import type { WorkingScope } from "@hearth/protocol";
import { lateAt, moved } from "./attempt-clocks.js";
import { emptied, failed, outOfPatience, settleFor, unavailable } from "./failing.js";
import { PROTOCOL_VIOLATION } from "./failures.js";
import { calledOff, costlyWith, mayOpen, REPLACEMENT, seek, started } from "./seeking.js";
import {
  type AttemptMoment,
  cancelled,
  close,
  commit,
  isRunning,
  lost,
  type Moment,
  type Racing,
  type RunningAttempt,
  replace,
  type Step,
  silenceOf,
  stay,
  timeoutFailure,
} from "./steps.js";
import type {
  AttemptEvent,
  DispatchEffect,
  DispatchInput,
  DispatchPolicy,
  LastHeard,
  RacingAttempt,
  TimerName,
} from "./types.js";

/** No attempt has won yet, so the consumer sees nothing of what happens here. */
export function racing(state: Racing, input: DispatchInput, policy: DispatchPolicy): Step {
  switch (input.type) {
    case "begin":
    case "resumed":
      return stay(state);
    case "abort": {
      const all = state.attempts.map(({ index }) => index);
      return close(all, input.reason, { type: "cancelled", committed: false, reason: input.reason });
    }
    case "timer":
      return timed({ state, now: input.now, policy }, input.timer);
    case "started":
    case "unavailable":
    case "event": {
      const attempt = state.attempts.find((each) => each.index === input.attempt);
      return attempt === undefined ? stay(state) : told({ state, attempt, now: input.now, policy }, input);
    }
  }
}

function told(moment: AttemptMoment, input: Extract<DispatchInput, { readonly attempt: number }>): Step {
  switch (input.type) {
    case "started":
      return started(moment, input);
    case "unavailable":
      return unavailable(moment, input.error);
    case "event":
      return isRunning(moment.attempt)
        ? heard({ ...moment, attempt: moment.attempt }, input.event)
        : stay(moment.state);
  }
}

interface RunningMoment extends Moment {
  readonly attempt: RunningAttempt;
}

function heard(moment: RunningMoment, event: AttemptEvent): Step {
  switch (event.type) {
    case "working":
      return working(moment, event);
    case "preamble":
      return preamble(moment, event);
    case "content":
      return commit(moment, [{ type: "emit", chunks: event.chunks }]);
    case "end":
      return emptied(moment, event.usage);
    case "failed":
      return failed(moment, event.failure);
  }
}

/** Rule 1: a preamble is held, up to a limit; a repeat replaces the one before. Rule 4: it is a sign of life, once. */
function preamble(
  moment: RunningMoment,
  { chunk, repeats = false, echoedBytes = 0 }: Extract<AttemptEvent, { type: "preamble" }>,
): Step {
  const { state, attempt, now, policy } = moment;
  const heldChunks = attempt.heldChunks + (repeats ? 0 : 1);
  const heldBytes = attempt.heldBytes + (repeats ? 0 : chunk.bytes.length - echoedBytes);
  if (heldChunks > policy.heldChunksMax || heldBytes > policy.heldBytesMax) {
    return failed(moment, PROTOCOL_VIOLATION, [cancelled(attempt.index, "stalled")]);
  }
  const next = moved(attempt, { sign: "preamble", scope: "request", now }, policy);
  const hold: DispatchEffect = { type: "hold", attempt: attempt.index, chunk, instead: repeats };
  const [held, effects] = movedTo(state, attempt, { ...next, heldChunks, heldBytes });
  return [held, [...effects, hold]];
}

/** Puts an attempt that has moved into the state. If it was late, the search for a replacement ends. */
function movedTo(state: Racing, before: RunningAttempt, after: RunningAttempt): Step {
  const next = replace(state, after);
  return before.late && !after.late ? calledOff(next) : [next, []];
}

function working(moment: RunningMoment, { sign, scope }: Extract<AttemptEvent, { type: "working" }>): Step {
  const { state, attempt, now, policy } = moment;
  const next = moved(attempt, { sign, scope, now }, policy);
  const writes = sign === "generating" && scope === ("request" satisfies WorkingScope);
  if (attempt.writing === undefined && !writes) return movedTo(state, attempt, next);
  const lastContentAt = writes ? now : (attempt.writing?.lastContentAt ?? now);
  const writing: LastHeard = { lastContentAt, lastSignAt: now };
  const writer: RacingAttempt = { ...next, writing, late: false };
  const rivals = state.attempts.filter((each) => each !== attempt);
  if (attempt.writing !== undefined && rivals.length === 0) return [replace(state, writer), []];
  // Rule 4: this counts as the first content of an answer that comes as a whole. It wins the race, but until it is here
  // a failure of it can still be hidden from the consumer.
  return [
    { ...state, attempts: [writer], costly: costlyWith(state, rivals, moment) },
    [...rivals.map(lost), { type: "arm", timer: `due:${attempt.index}`, at: silenceOf(writing, policy).silentAt }],
  ];
}

function timed(moment: Moment, timer: TimerName): Step {
  switch (timer) {
    case "hedge":
      return hedge(moment);
    case "patience":
      return outOfPatience(moment);
    case "gap":
      return stay(moment.state);
    default: {
      const attempt = moment.state.attempts.find((each) => timer === `due:${each.index}`);
      if (attempt === undefined || !isRunning(attempt)) return stay(moment.state);
      return attempt.writing === undefined
        ? due({ ...moment, attempt })
        : writingDue({ ...moment, attempt }, attempt.writing);
    }
  }
}

/** Rule 6: one backup at most, and only beside a single attempt that is not late. */
function hedge(moment: Moment): Step {
  const { state, now } = moment;
  const [only, ...others] = state.attempts;
  const slow = only?.hedgeAt !== undefined && now >= only.hedgeAt && !only.late && only.writing === undefined;
  if (!slow || others.length > 0 || state.hedged || !mayOpen(moment)) return stay(state);
  return seek({ ...moment, state: { ...state, hedged: true } }, BACKUP);
}

const BACKUP = { role: "backup", waits: false } as const;

/**
 * Rule 3: the estimate has passed. Another provider is looked for: to run beside an attempt that shows signs of life,
 * or in place of one that does not. A late attempt is cancelled only when another provider has taken the request.
 */
function due(moment: RunningMoment): Step {
  const { state, attempt, now, policy } = moment;
  const look = lookAgain(attempt);
  if (now < attempt.estimateAt) return [state, [look(attempt.estimateAt)]];
  const late = now >= lateAt(attempt);
  const others = state.attempts.filter((each) => each !== attempt);
  if (late && others.some((each) => isRunning(each) && !each.late)) {
    return failed(moment, timeoutFailure("timeout"), [cancelled(attempt.index, "deadline")]);
  }
  const marked: Moment = { ...moment, state: replace(state, { ...attempt, late }) };
  // Rule 8: the provider that was asked after an empty answer is late, so the empty answer stands.
  if (late && state.empty !== undefined) return settleFor(marked.state, state.empty);
  const again = look(late ? now + policy.reseekMs : Math.min(lateAt(attempt), now + policy.reseekMs));
  if (others.some((each) => !each.late)) return [marked.state, [again]];
  if (!mayOpen(moment)) return [marked.state, late ? [] : [look(lateAt(attempt))]];
  const wanted = late ? REPLACEMENT : ({ role: "overtake", waits: false, expectedBefore: attempt.deadlineAt } as const);
  const [next, effects] = seek(marked, wanted);
  return [next, [again, ...effects]];
}

/** Rule 7: an answer that was being written has fallen silent. It may go on until another provider has the request. */
function writingDue(moment: RunningMoment, writing: LastHeard): Step {
  const { state, attempt, now, policy } = moment;
  const look = lookAgain(attempt);
  const { silentAt, givenUpAt } = silenceOf(writing, policy);
  if (now < silentAt) return [state, [look(silentAt)]];
  if (now >= givenUpAt) return failed(moment, timeoutFailure("stalled"), [cancelled(attempt.index, "stalled")]);
  // Rule 5: patience does not run while an answer is being written, so it begins anew now.
  const patienceAt = now + policy.patienceMs;
  const marked: Moment = { ...moment, state: { ...replace(state, { ...attempt, late: true }), patienceAt } };
  const again = look(Math.min(givenUpAt, now + policy.reseekMs));
  if (state.attempts.length > 1 || !mayOpen(moment)) return [marked.state, [again]];
  const [next, effects] = seek(marked, REPLACEMENT);
  return [next, [again, ...effects]];
}

const lookAgain =
  ({ index }: RacingAttempt) =>
  (at: number): DispatchEffect => ({ type: "arm", timer: `due:${index}`, at });
