import type { ElectricityConfig } from "../config.js";
import type { ElectricityStatus } from "../local/agent-status.js";
import type { BusySums } from "./busy-time.js";
import type { MeasuredDraw } from "./draw-watch.js";

const MS_PER_HOUR = 3_600_000;

/** What the time in which requests ran cost in electricity: an estimate. The owner's watts go before measured ones. */
export function electricityOf(
  { usdPerKwh: usd_per_kwh, extraWatts }: ElectricityConfig,
  busy: BusySums,
  measured: () => MeasuredDraw,
): ElectricityStatus {
  if (extraWatts !== undefined) {
    return { type: "estimated", usd_per_kwh, ...estimate(extraWatts, usd_per_kwh, busy), watts_of: "settings" };
  }
  const draw = measured();
  if (draw.type !== "measured") return { type: "unknown", usd_per_kwh, reason: draw.type };
  return { type: "estimated", usd_per_kwh, ...estimate(draw.extraWatts, usd_per_kwh, busy), watts_of: draw.of };
}

function estimate(watts: number, usdPerKwh: number, { todayMs, weekMs, totalMs }: BusySums) {
  const costOf = (busyMs: number) => {
    const kwh = (watts * busyMs) / MS_PER_HOUR / 1_000;
    return { kwh: roundTo(6, kwh), micro_usd: Math.round(kwh * usdPerKwh * 1e6) };
  };
  return { extra_watts: roundTo(1, watts), today: costOf(todayMs), week: costOf(weekMs), total: costOf(totalMs) };
}

const roundTo = (places: number, value: number): number => Math.round(value * 10 ** places) / 10 ** places;
