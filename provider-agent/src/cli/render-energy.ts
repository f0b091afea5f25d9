import type { BusyStatus } from "../local/agent-status.js";
import { formatDuration } from "./duration.js";
import type { Colors } from "./output.js";

type Row = readonly [string, string];

/** How long requests ran, as the machine's owner reads it. */
export function busyRows(busy: BusyStatus | undefined, { yellow }: Colors): readonly Row[] {
  if (busy === undefined) return [];
  const { today_ms, week_ms, total_ms, since, unkept } = busy;
  const times = `${formatDuration(today_ms)} today, ${formatDuration(week_ms)} this week, ${formatDuration(total_ms)} in all`;
  const row: Row = ["Busy", `${times} (counted since ${since.slice(0, 10)}; days of UTC)`];
  return unkept === undefined ? [row] : [row, ["", yellow(`forgotten when the agent ends: ${unkept}`)]];
}
