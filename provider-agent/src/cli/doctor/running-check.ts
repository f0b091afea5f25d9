import { CLOSE_CODES, closeReason } from "@hearth/protocol";
import type { AgentStatus } from "../../local/agent-status.js";
import { AgentError } from "../../platform/agent-error.js";
import { lockHolder } from "../../supervisor/agent-lock.js";
import { PAUSE_REASONS } from "../render-status.js";
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

function standingOf(named: string, status: AgentStatus): CheckResult {
  const { standing, connection, backend, trust } = status;
  if (standing === undefined) return ok(named);
  switch (standing) {
    case "serving":
      return serving(named, status);
    case "paused":
      return paused(named, status);
    case "no_backend": {
      const problem = backend?.type === "unreachable" ? ` (${backend.problem})` : "";
      return warn(
        `${named}: no backend answers${problem}`,
        "Start your model server: the agent takes it as soon as it is there.",
      );
    }
    case "no_model":
      return missingFrom(status).length === 0
        ? warn(`${named}: no model to serve`, "Load a model in your model server.")
        : warn(`${named}: no model to serve, ${lacks(status)}`, MEND_NAMES);
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
    case "stopped":
      return warn(
        `${named}: no requests come now: ${status.advice?.join(" ") ?? "the coordinator does not say why"}`,
        "If that does not end by itself, do as it says.",
      );
  }
}

const MEND_NAMES = "Load them there, or correct the names of the models in the configuration.";

const missingFrom = ({ backend }: AgentStatus): readonly string[] =>
  backend?.type === "reachable" ? backend.missing : [];

const lacks = (status: AgentStatus): string => `for the backend does not have ${missingFrom(status).join(", ")}`;

/** It serves; but perhaps not all that its owner has named. */
function serving(named: string, status: AgentStatus): CheckResult {
  if (missingFrom(status).length > 0) return warn(`${named}: serving, but not all, ${lacks(status)}`, MEND_NAMES);
  const [down] = status.backend?.type === "reachable" ? status.backend.down : [];
  if (down === undefined) return ok(`${named}, serving`);
  return warn(`${named}: serving, but ${down.name} does not answer (${down.problem})`, "Start it, or take it out.");
}

/** Its owner wants it so, and may have forgotten. */
function paused(named: string, { activity, unkept }: AgentStatus): CheckResult {
  if (activity.type !== "paused") return ok(`${named}, paused`);
  const ends = activity.reason === "owner" ? "; 'hearth-agent resume' ends that" : "";
  const said = `${named}, paused ${PAUSE_REASONS[activity.reason]}${ends}`;
  return unkept === undefined ? ok(said) : warn(`${said}; forgotten when it ends`, `In its data directory, ${unkept}.`);
}
