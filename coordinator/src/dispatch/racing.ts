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

/** Nobody has won yet: whatever happens here, the consumer sees nothing of it. */
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

/** Rule 1: held, repeats merged, so many at most. Rule 4: a first word is a movement, once. */
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

/** An attempt that has moved. */
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
  // Rule 4: the first content of an answer that comes as a whole. It wins the race, and may still fail unseen.
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

/** Rule 6: one backup, beside one attempt that runs alone and in time. */
function hedge(moment: Moment): Step {
  const { state, now } = moment;
  const [only, ...others] = state.attempts;
  const slow = only?.hedgeAt !== undefined && now >= only.hedgeAt && !only.late && only.writing === undefined;
  if (!slow || others.length > 0 || state.hedged || !mayOpen(moment)) return stay(state);
  return seek({ ...moment, state: { ...state, hedged: true } }, BACKUP);
}

const BACKUP = { role: "backup", waits: false } as const;

/**
 * Rule 3. The estimate has passed: somebody is looked for, beside one that moves, in the place of one that does not.
 * Nobody is cancelled while nobody else has taken the place.
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
  // Rule 8: whoever was asked once more does not say more in time.
  if (late && state.empty !== undefined) return settleFor(marked.state, state.empty);
  const again = look(late ? now + policy.reseekMs : Math.min(lateAt(attempt), now + policy.reseekMs));
  if (others.some((each) => !each.late)) return [marked.state, [again]];
  if (!mayOpen(moment)) return [marked.state, late ? [] : [look(lateAt(attempt))]];
  const wanted = late ? REPLACEMENT : ({ role: "overtake", waits: false, expectedBefore: attempt.deadlineAt } as const);
  const [next, effects] = seek(marked, wanted);
  return [next, [again, ...effects]];
}

/** Rule 7: an answer that is being written has fallen silent. Alone, it is waited for as long as signs may keep it. */
function writingDue(moment: RunningMoment, writing: LastHeard): Step {
  const { state, attempt, now, policy } = moment;
  const look = lookAgain(attempt);
  const { silentAt, givenUpAt } = silenceOf(writing, policy);
  if (now < silentAt) return [state, [look(silentAt)]];
  if (now >= givenUpAt) return failed(moment, timeoutFailure("stalled"), [cancelled(attempt.index, "stalled")]);
  // Rule 5: nobody's patience runs while an answer is being written.
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
