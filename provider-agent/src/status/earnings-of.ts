import type { Earnings } from "@hearth/protocol";
import type { EarningsStatus } from "../local/agent-status.js";
import { utcDayOf, utcWeekOf } from "../platform/utc-days.js";

/**
 * What was told of earnings, as of now: what was earned on a day that is over was not earned today. It is told anew
 * about a minute after midnight, and after a lost connection later.
 *
 * @param nowMs wall clock
 */
export function earningsOf(told: Earnings, nowMs: number): EarningsStatus {
  const { today_micro_usd: today, week_micro_usd: week, total_micro_usd, as_of } = told;
  return {
    today_micro_usd: utcDayOf(as_of) < utcDayOf(nowMs) ? null : today,
    week_micro_usd: utcWeekOf(as_of) < utcWeekOf(nowMs) ? null : week,
    total_micro_usd,
    as_of: new Date(as_of).toISOString(),
  };
}
