import { racing } from "./racing.js";
import { seek } from "./seeking.js";
import { type Committed, close, type Racing, type Step, silenceOf, stay, timeoutFailure } from "./steps.js";
import type { AttemptEvent, DispatchInput, DispatchPolicy, DispatchResult, DispatchState } from "./types.js";

/**
 * The dispatch state machine of one request: racing → committed → closed. Pure: it returns what is to be done and
 * does none of it. Inputs that come too late (an event of a cancelled attempt, an outdated timer) change nothing.
 * `docs/dispatch.md` draws it.
 */
export function step(state: DispatchState, input: DispatchInput, policy: DispatchPolicy): Step {
  switch (state.phase) {
    case "idle": {
      if (input.type !== "begin") return stay(state);
      const [begun, effects] = seek({ state: fresh(policy), policy }, { role: "primary", waits: true });
      return [begun, [...effects, { type: "arm", timer: "patience", at: policy.patienceAt }]];
    }
    case "racing":
      return racing(state, input, policy);
    case "committed":
      return committed(state, input, policy);
    case "closed":
      return stay(state);
  }
}

const fresh = ({ patienceAt }: DispatchPolicy): Racing => ({
  phase: "racing",
  attempts: [],
  opened: 0,
  costly: 0,
  patienceAt,
  hedged: false,
  failures: { rejected: undefined, last: undefined },
  empty: undefined,
});

/** One attempt has won. Its events reach the consumer from here on, so that a failure of it cannot be hidden. */
function committed(state: Committed, input: DispatchInput, policy: DispatchPolicy): Step {
  switch (input.type) {
    case "begin":
    case "started":
    case "unavailable":
      return stay(state);
    case "resumed":
      return [{ ...state, lastContentAt: input.now, lastSignAt: input.now }, []];
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
      return [{ ...state, lastSignAt: now }, []];
    case "preamble":
      return [state, [{ type: "emit", chunks: [event.chunk] }]];
    case "content":
      return [{ ...state, lastContentAt: now, lastSignAt: now }, [{ type: "emit", chunks: event.chunks }]];
    case "end":
      return finish({ type: "success", attempt: state.winner, usage: event.usage });
    case "failed":
      return finish({ type: "failed", committed: true, failure: event.failure });
  }
}

/**
 * Rule 7: ends a stream that was silent for too long, or that sent signs of life without content for too long. The
 * timer is re-armed only when it fires, so that no chunk touches it.
 */
function gap(state: Committed, now: number, policy: DispatchPolicy): Step {
  const { silentAt } = silenceOf(state, policy);
  if (now < silentAt) return [state, [{ type: "arm", timer: "gap", at: silentAt }]];
  return close([state.winner], "stalled", { type: "failed", committed: true, failure: timeoutFailure("stalled") });
}

const finish = (result: DispatchResult): Step => [{ phase: "closed" }, [{ type: "finish", result }]];
