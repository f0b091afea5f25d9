import { missedWords, type UpdateNotice } from "@hearth/protocol";
import type { WorkStatus } from "../local/agent-status.js";
import { formatDuration } from "./duration.js";
import type { Colors } from "./output.js";

/** One line on what came of the machine lately, and one for each reason why it got nothing, the most frequent first. */
export function workRows(work: WorkStatus | undefined): readonly (readonly [string, string])[] {
  if (work === undefined) return [];
  const { picked, lost, rejected, window_ms } = work;
  const missed = Object.values(rejected).reduce<number>((all, times) => all + (times ?? 0), lost);
  const lines = missedWords(work);
  const got = picked + missed === 0 ? "no requests came by" : `chosen ${picked} times, passed over ${missed} times`;
  return [["Work", `${got} in the last ${formatDuration(window_ms)}`], ...lines.map((line) => ["", line] as const)];
}

/** Why it gets requests or none, a line for each model and for what the operator does not list. */
export function adviceRows(advice: readonly string[] = []): readonly (readonly [string, string])[] {
  return advice.map((line, index) => [index === 0 ? "Outlook" : "", line] as const);
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
