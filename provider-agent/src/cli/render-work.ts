import { GATES, type Gate, type UpdateNotice } from "@hearth/protocol";
import type { WorkStatus } from "../local/agent-status.js";
import { formatDuration } from "./duration.js";
import type { Colors } from "./output.js";

/** What each gate says to the machine's owner, behind "it". */
const REASONS: Readonly<Record<Gate, string>> = {
  allowlist: "was not among the machines that the request named",
  excluded: "had tried the request already",
  not_serving_model: "does not serve the model",
  error_cooldown: "failed lately and was given a rest",
  capacity_cooldown: "refused requests lately and was given a rest",
  offline: "was not connected",
  draining: "was leaving",
  untrusted: "broke the protocol",
  private_only: "was paused or is open to its owner only",
  trust_floor: "is not trusted enough",
  runtime_unverified: "runs what the operator does not list",
  no_encryption_key: "had no encryption key",
  challenge_stale: "has not proved itself for too long",
  version_floor: "runs an agent that is too old",
  template_broken: "has a broken chat template",
  tools: "cannot call tools",
  vision: "takes no images",
  structured_output: "keeps to no JSON schema",
  logprobs: "tells no probabilities of tokens",
  dialect: "does not speak the request's API",
  slot_crashed: "had a backend that crashed",
  slot_reloading: "was loading the model",
  no_headroom: "was full",
  thermal_critical: "was too hot",
  model_too_large: "has too little memory",
  free_memory: "had too little free memory",
  context_exceeded: "has too short a context",
};

/** One line on what came of the machine lately, and one for each reason why it got nothing, the most frequent first. */
export function workRows(work: WorkStatus | undefined): readonly (readonly [string, string])[] {
  if (work === undefined) return [];
  const { picked, lost, rejected, window_ms } = work;
  const reasons = GATES.flatMap((gate) => (rejected[gate] === undefined ? [] : [{ gate, times: rejected[gate] }]));
  reasons.sort((a, b) => b.times - a.times);
  const missed = lost + reasons.reduce((all, { times }) => all + times, 0);
  const lines = reasons.map(({ gate, times }) => `${times} × it ${REASONS[gate]}`);
  if (lost > 0) lines.unshift(`${lost} × another machine was quicker or less busy`);
  const got = picked + missed === 0 ? "no requests came by" : `chosen ${picked} times, passed over ${missed} times`;
  return [["Work", `${got} in the last ${formatDuration(window_ms)}`], ...lines.map((line) => ["", line] as const)];
}

/** A row where there is a newer program. */
export function updateRows(
  update: UpdateNotice | undefined,
  { red, yellow }: Colors,
): readonly (readonly [string, string])[] {
  if (update === undefined) return [];
  const where = update.url === undefined ? "" : `: ${update.url}`;
  const version = `version ${update.latest_version}`;
  const notice = update.required ? red(`${version} is needed to get requests`) : yellow(`${version} is out`);
  return [["Update", `${notice}${where}`]];
}
