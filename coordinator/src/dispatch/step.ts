import type { CancelReason, WorkingSign } from "@hearth/protocol";
import type {
  AttemptEvent,
  AttemptFailure,
  AttemptIndex,
  Chunk,
  DispatchEffect,
  DispatchInput,
  DispatchPolicy,
  DispatchResult,
  DispatchState,
  RacingAttempt,
  TimerName,
} from "./types.js";

type Racing = Extract<DispatchState, { phase: "racing" }>;
type Committed = Extract<DispatchState, { phase: "committed" }>;
type Step = readonly [DispatchState, readonly DispatchEffect[]];

/**
 * The dispatch state machine of one request: racing → committed → closed. Pure: it returns what is to be done and
 * does none of it. Inputs that come too late (an event of a cancelled attempt, a timer that is no longer meant)
 * change nothing. `docs/dispatch.md` draws it.
 */
export function step(state: DispatchState, input: DispatchInput, policy: DispatchPolicy): Step {
  switch (state.phase) {
    case "idle":
      return input.type === "begin" ? begin(input.now, policy) : stay(state);
    case "racing":
      return racing(state, input, policy);
    case "committed":
      return committed(state, input, policy);
    case "closed":
      return stay(state);
  }
}

function begin(now: number, policy: DispatchPolicy): Step {
  const empty: Racing = {
    phase: "racing",
    attempts: [],
    opened: 0,
    patienceAt: now + policy.patienceMs,
    hedged: policy.hedgeDelayMs === undefined,
    lastFailure: undefined,
  };
  const [state, effects] = open(empty, "primary", now, policy);
  if (policy.hedgeDelayMs === undefined) return [state, effects];
  return [state, [...effects, { type: "arm", timer: "hedge", at: now + policy.hedgeDelayMs }]];
}

function racing(state: Racing, input: DispatchInput, policy: DispatchPolicy): Step {
  switch (input.type) {
    case "begin":
    case "resumed":
      return stay(state);
    case "started":
      return started(state, input, policy);
    case "abort":
      return close(live(state), input.reason, { type: "cancelled", committed: false, reason: input.reason });
    case "unavailable":
      return unavailable({ state, index: input.attempt }, { type: "unavailable", error: input.error });
    case "timer":
      return input.timer === "hedge" ? hedge(state, input.now, policy) : overdue(state, input.timer, input.now, policy);
    case "event": {
      const attempt = state.attempts.find((each) => each.index === input.attempt);
      return attempt === undefined ? stay(state) : racingEvent({ state, attempt, now: input.now, policy }, input.event);
    }
  }
}

interface RacingContext {
  readonly state: Racing;
  readonly attempt: RacingAttempt;
  readonly now: number;
  readonly policy: DispatchPolicy;
}

function racingEvent(context: RacingContext, event: AttemptEvent): Step {
  switch (event.type) {
    case "working":
      return working(context, event.sign);
    case "preamble":
      return preamble(context, event.chunk);
    case "content":
      return commit(context, [{ type: "emit", chunks: event.chunks }]);
    case "end": {
      // Rule 8: only preamble and a clean end is a valid empty completion.
      const [, effects] = commit(context, []);
      const finish: DispatchEffect = {
        type: "finish",
        result: { type: "success", attempt: context.attempt.index, usage: event.usage },
      };
      return [{ phase: "closed" }, [...effects.filter((effect) => effect.type !== "arm"), finish]];
    }
    case "failed":
      return failed(context, event.failure, []);
  }
}

function preamble({ state, attempt, now, policy }: RacingContext, chunk: Chunk): Step {
  const heldChunks = attempt.heldChunks + 1;
  const heldBytes = attempt.heldBytes + chunk.bytes.length;
  if (heldChunks > policy.heldChunksMax || heldBytes > policy.heldBytesMax) {
    return commit({ state, attempt, now, policy }, [{ type: "emit", chunks: [chunk] }]);
  }
  const held: RacingAttempt = {
    ...attempt,
    heldChunks,
    heldBytes,
    preamble: attempt.preamble === "none" ? "seen" : attempt.preamble,
  };
  const hold: DispatchEffect = { type: "hold", attempt: attempt.index, chunk };
  // Past the first deadline, or loaded after `accepted`: from here on it is the short grace that counts.
  const late = held.preamble === "seen" && (now >= attempt.ttftDueAt || attempt.dueAt > attempt.ttftDueAt);
  if (!late) return [replace(state, held), [hold]];
  const [next, effects] = grantGrace(state, held, now, policy);
  return [next, [hold, ...effects]];
}

/** Rule 4: what moves has time, as much as its kind of movement is worth. It is late no longer. */
function working(context: RacingContext, sign: WorkingSign): Step {
  const { state, attempt, now, policy } = context;
  switch (sign) {
    case "loading":
      // What follows the first word of a backend is no loading.
      if (attempt.preamble !== "none") return stay(state);
      return extend(state, attempt, Math.min(now + policy.signExtensionMs, state.patienceAt));
    case "queued":
    case "prefilling": {
      const mostAt = attempt.openedAt + policy.signExtensionsMax * policy.ttftDeadlineMs;
      return extend(state, attempt, Math.min(now + policy.signExtensionMs, mostAt, state.patienceAt));
    }
    case "generating":
      return generating(context);
  }
}

/** Rule 4: the first content of an answer that comes as a whole. It wins the race, and may still fail unseen. */
function generating({ state, attempt, now, policy }: RacingContext): Step {
  const rivals = live(state).filter((index) => index !== attempt.index);
  const alone: Racing = { ...state, attempts: [attempt] };
  const [next, effects] = extend(alone, { ...attempt, generating: true }, now + policy.contentGapMs);
  return [next, [...rivals.map((index): DispatchEffect => cancelled(index, "lost_race")), ...effects]];
}

function extend(state: Racing, attempt: RacingAttempt, untilAt: number): Step {
  const dueAt = Math.max(attempt.dueAt, untilAt);
  const next = replace(state, { ...attempt, late: false, dueAt });
  return [next, [{ type: "arm", timer: `due:${attempt.index}`, at: dueAt }]];
}

type Started = Extract<DispatchInput, { type: "started" }>;

/** Rule 3: somebody has taken the request, and so the place of those that were late with it. */
function started(state: Racing, { attempt: index, now }: Started, policy: DispatchPolicy): Step {
  const attempt = state.attempts.find((each) => each.index === index);
  if (attempt === undefined || attempt.started) return stay(state);
  const late = state.attempts.filter((each) => each.late);
  const attempts = state.attempts.filter((each) => !each.late);
  const lastFailure = late.length > 0 ? timeoutFailure("timeout") : state.lastFailure;
  const [next, effects] = begun({ ...state, attempts, lastFailure }, attempt, now, policy);
  return [next, [...late.map((each) => cancelled(each.index, "deadline")), ...effects]];
}

/** From here on its time runs. */
function begun(state: Racing, attempt: RacingAttempt, now: number, policy: DispatchPolicy): Step {
  const ttftDueAt = Math.min(now + policy.ttftDeadlineMs, state.patienceAt);
  const next: RacingAttempt = { ...attempt, started: true, openedAt: now, dueAt: ttftDueAt, ttftDueAt };
  return [replace(state, next), [{ type: "arm", timer: `due:${attempt.index}`, at: ttftDueAt }]];
}

/** Rule 3: a preamble past the deadline buys time to first content, once an attempt. */
function grantGrace(state: Racing, attempt: RacingAttempt, now: number, policy: DispatchPolicy): Step {
  const dueAt = Math.min(state.patienceAt, Math.max(attempt.ttftDueAt, now + policy.preambleGraceMs));
  const graced: RacingAttempt = { ...attempt, dueAt, preamble: "grace_used" };
  return [replace(state, graced), [{ type: "arm", timer: `due:${attempt.index}`, at: dueAt }]];
}

function overdue(state: Racing, timer: TimerName, now: number, policy: DispatchPolicy): Step {
  const attempt = state.attempts.find((each) => timer === `due:${each.index}`);
  if (attempt === undefined || now < attempt.dueAt) return stay(state);
  if (attempt.preamble === "seen" && attempt.dueAt === attempt.ttftDueAt)
    return grantGrace(state, attempt, now, policy);
  const others = state.attempts.filter((each) => each.index !== attempt.index);
  const replaced = others.some((each) => each.started && !each.late);
  if (!replaced && now < state.patienceAt) return late({ state, attempt, now, policy }, others);
  return failed({ state, attempt, now, policy }, timeoutFailure("timeout"), [cancelled(attempt.index, "deadline")]);
}

/** Rule 3: nobody is cancelled while nobody else could take the place. It is asked for again after as long a time. */
function late({ state, attempt, now, policy }: RacingContext, others: readonly RacingAttempt[]): Step {
  const dueAt = Math.min(state.patienceAt, now + policy.ttftDeadlineMs);
  const waiting = replace(state, { ...attempt, late: true, dueAt });
  const arm: DispatchEffect = { type: "arm", timer: `due:${attempt.index}`, at: dueAt };
  const sought = others.some((each) => !each.started);
  if (sought || state.opened >= policy.maxAttempts) return [waiting, [arm]];
  const [next, effects] = open(waiting, "retry", now, policy);
  return [next, [arm, ...effects]];
}

function hedge(state: Racing, now: number, policy: DispatchPolicy): Step {
  const [only, ...others] = state.attempts;
  const silent = only !== undefined && others.length === 0 && !only.generating;
  const possible = !state.hedged && silent && state.opened < policy.maxAttempts;
  return possible ? open({ ...state, hedged: true }, "backup", now, policy) : stay(state);
}

/** An attempt is out. Others go on; else another provider is tried; else the request has failed. */
function failed(context: RacingContext, failure: AttemptFailure, before: readonly DispatchEffect[]): Step {
  const { state, attempt, now, policy } = context;
  const rest: Racing = { ...without(state, attempt.index), lastFailure: failure };
  if (!failure.retryable) {
    const [closed, effects] = close(live(rest), "superseded", { type: "failed", committed: false, failure });
    return [closed, [...before, ...effects]];
  }
  if (rest.attempts.some((each) => !each.late)) return [rest, before];
  if (rest.opened >= policy.maxAttempts || now >= rest.patienceAt) {
    if (rest.attempts.length > 0) return [rest, before];
    return [
      { phase: "closed" },
      [...before, { type: "finish", result: { type: "failed", committed: false, failure } }],
    ];
  }
  const [next, effects] = open(rest, "retry", now, policy);
  return [next, [...before, ...effects]];
}

interface Unavailable {
  readonly state: Racing;
  readonly index: AttemptIndex;
}

/** Nobody could take the attempt. A failure that was seen says more to the consumer than "nobody left". */
function unavailable({ state, index }: Unavailable, result: DispatchResult): Step {
  if (!live(state).includes(index)) return stay(state);
  const rest = without(state, index);
  // A backup that nobody could take was no try: it leaves its number, and its place among the tries, to a retry.
  if (rest.attempts.length > 0) return [index === state.opened - 1 ? { ...rest, opened: index } : rest, []];
  const failure = rest.lastFailure;
  const told: DispatchResult = failure === undefined ? result : { type: "failed", committed: false, failure };
  return [{ phase: "closed" }, [{ type: "finish", result: told }]];
}

/** Rule 7: the first content wins; everyone else is cancelled. */
function commit({ state, attempt, now, policy }: RacingContext, then: readonly DispatchEffect[]): Step {
  const losers = live(state).filter((index) => index !== attempt.index);
  return [
    { phase: "committed", winner: attempt.index, lastContentAt: now },
    [
      ...losers.map((index) => cancelled(index, "lost_race")),
      { type: "commit", attempt: attempt.index },
      ...then,
      { type: "arm", timer: "gap", at: now + policy.contentGapMs },
    ],
  ];
}

function committed(state: Committed, input: DispatchInput, policy: DispatchPolicy): Step {
  switch (input.type) {
    case "begin":
    case "started":
    case "unavailable":
      return stay(state);
    case "resumed":
      return [{ ...state, lastContentAt: input.now }, []];
    case "abort":
      return close([state.winner], input.reason, { type: "cancelled", committed: true, reason: input.reason });
    case "timer":
      return input.timer === "gap" ? gap(state, input.now, policy) : stay(state);
    case "event":
      return input.attempt === state.winner ? winnerEvent(state, input.event, input.now) : stay(state);
  }
}

function winnerEvent(state: Committed, event: AttemptEvent, now: number): Step {
  switch (event.type) {
    case "working":
      // A whole answer that is still being written is no silence.
      return event.sign === "generating" ? [{ ...state, lastContentAt: now }, []] : stay(state);
    case "preamble":
      return [state, [{ type: "emit", chunks: [event.chunk] }]];
    case "content":
      return [{ ...state, lastContentAt: now }, [{ type: "emit", chunks: event.chunks }]];
    case "end":
      return finish({ type: "success", attempt: state.winner, usage: event.usage });
    case "failed":
      return finish({ type: "failed", committed: true, failure: event.failure });
  }
}

/** Rule 6. The timer is armed once and moved only when it fires: no timer is touched per chunk. */
function gap(state: Committed, now: number, policy: DispatchPolicy): Step {
  const dueAt = state.lastContentAt + policy.contentGapMs;
  if (now < dueAt) return [state, [{ type: "arm", timer: "gap", at: dueAt }]];
  return close([state.winner], "stalled", { type: "failed", committed: true, failure: timeoutFailure("stalled") });
}

function open(state: Racing, role: "primary" | "retry" | "backup", now: number, policy: DispatchPolicy): Step {
  const index = state.opened;
  const attempt: RacingAttempt = {
    index,
    openedAt: now,
    started: false,
    late: false,
    generating: false,
    dueAt: state.patienceAt,
    ttftDueAt: state.patienceAt,
    preamble: "none",
    heldChunks: 0,
    heldBytes: 0,
  };
  const opened: Racing = { ...state, attempts: [...state.attempts, attempt], opened: index + 1 };
  const asked: DispatchEffect = { type: "open", attempt: index, role };
  // A retry may have to wait for a slot; the others are there at once or not at all.
  if (role === "retry") return [opened, [asked, { type: "arm", timer: `due:${index}`, at: state.patienceAt }]];
  const [next, effects] = begun(opened, attempt, now, policy);
  return [next, [asked, ...effects]];
}

function close(attempts: readonly AttemptIndex[], reason: CancelReason, result: DispatchResult): Step {
  const cancels = attempts.map((attempt) => cancelled(attempt, reason));
  return [{ phase: "closed" }, [...cancels, { type: "finish", result }]];
}

const finish = (result: DispatchResult): Step => [{ phase: "closed" }, [{ type: "finish", result }]];
const cancelled = (attempt: AttemptIndex, reason: CancelReason): DispatchEffect => ({
  type: "cancel",
  attempt,
  reason,
});
const stay = (state: DispatchState): Step => [state, []];
const live = (state: Racing): readonly AttemptIndex[] => state.attempts.map((attempt) => attempt.index);

function replace(state: Racing, attempt: RacingAttempt): Racing {
  return { ...state, attempts: state.attempts.map((each) => (each.index === attempt.index ? attempt : each)) };
}

function without(state: Racing, index: AttemptIndex): Racing {
  return { ...state, attempts: state.attempts.filter((each) => each.index !== index) };
}

/** Silence is the provider's fault, and 504-shaped. */
function timeoutFailure(code: "timeout" | "stalled"): AttemptFailure {
  return { code, progress: "processed", retryable: true, faulty: true, status: 504 };
}
