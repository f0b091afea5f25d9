import { committed } from "./committed.js";
import { racing } from "./racing.js";
import { seek } from "./seeking.js";
import { type Racing, type Step, stay } from "./steps.js";
import type { DispatchInput, DispatchPolicy, DispatchState } from "./types.js";

/**
 * The dispatch state machine of one request: racing → committed → closed. Pure: it returns what is to be done and
 * does none of it. Inputs that come too late (an event of a cancelled attempt, a timer that is no longer meant)
 * change nothing. `docs/dispatch.md` draws it.
 */
export function step(state: DispatchState, input: DispatchInput, policy: DispatchPolicy): Step {
  switch (state.phase) {
    case "idle":
      return input.type === "begin" ? begin(policy) : stay(state);
    case "racing":
      return racing(state, input, policy);
    case "committed":
      return committed(state, input, policy);
    case "closed":
      return stay(state);
  }
}

function begin(policy: DispatchPolicy): Step {
  const empty: Racing = {
    phase: "racing",
    attempts: [],
    opened: 0,
    costly: 0,
    patienceAt: policy.patienceAt,
    hedged: false,
    failures: { rejected: undefined, last: undefined },
    empty: undefined,
  };
  const [state, effects] = seek({ state: empty, policy }, { role: "primary", waits: true });
  return [state, [...effects, { type: "arm", timer: "patience", at: policy.patienceAt }]];
}
