import { CLOSE_CODES, closeReason } from "@hearth/protocol";
import type { AgentStatus } from "../../local/agent-status.js";
import { AgentError } from "../../platform/agent-error.js";
import { lockHolder } from "../../supervisor/agent-lock.js";
import { RunningAgent } from "../running-agent.js";
import { type Check, type CheckResult, ok, skipped, warn } from "./check.js";

/** Whether an agent of this name runs, and what it says of itself. */
export const runningCheck: Check = {
  id: "running",
  title: "Running agent",
  async run({ settings, clock }, signal) {
    if (settings === undefined) return skipped("the configuration is invalid");
    const holder = lockHolder(settings.dataDir, settings.name);
    if (holder === undefined) return ok(`none named '${settings.name}'`);
    const named = `'${settings.name}', process ${holder.pid}`;
    try {
      return standingOf(named, await RunningAgent.find(settings, clock).status(signal));
    } catch (error) {
      // Its page may be switched off; that it runs is known.
      if (error instanceof AgentError) return ok(named);
      throw error;
    }
  },
};

const REPLACED = closeReason(CLOSE_CODES.replaced);

function standingOf(named: string, { standing, connection, backend, trust }: AgentStatus): CheckResult {
  if (standing === undefined) return ok(named);
  switch (standing) {
    case "serving":
      return ok(`${named}, serving`);
    case "paused":
      return ok(`${named}, paused`);
    case "no_backend": {
      const problem = backend?.type === "unreachable" ? ` (${backend.problem})` : "";
      return warn(
        `${named}: no backend answers${problem}`,
        "Start your model server: the agent takes it as soon as it is there.",
      );
    }
    case "no_model":
      return warn(`${named}: no model to serve`, "Load a model in your model server.");
    case "not_connected": {
      const problem = connection.type === "waiting" ? connection.problem : null;
      if (problem === REPLACED) {
        const fix = "Stop one of the two, or give it a data directory of its own: both have this machine's identity.";
        return warn(`${named}: not connected, another agent has taken its place`, fix);
      }
      return warn(
        `${named}: not connected${problem === null ? "" : ` (${problem})`}`,
        "It tries again by itself; 'hearth-agent logs' says more.",
      );
    }
    case "fenced": {
      const what = trust.mismatches.map(({ component, model }) =>
        model === undefined ? component : `${component} of ${model}`,
      );
      return what.length > 0
        ? warn(
            `${named}: fenced, the operator does not accept its ${what.join(", ")}`,
            "Ask the operator which versions are listed.",
          )
        : warn(`${named}: fenced, no chat template renders`, "'hearth-agent models check' says which line fails.");
    }
  }
}
