import type { BusyStatus, ElectricityStatus } from "../local/agent-status.js";
import { formatDuration } from "./duration.js";
import type { Colors } from "./output.js";
import { dollars } from "./render-money.js";

type Row = readonly [string, string];

/** How long requests ran, as the machine's owner reads it. */
export function busyRows(busy: BusyStatus | undefined, { yellow }: Colors): readonly Row[] {
  if (busy === undefined) return [];
  const { today_ms, week_ms, total_ms, since, unkept } = busy;
  const times = `${formatDuration(today_ms)} today, ${formatDuration(week_ms)} this week, ${formatDuration(total_ms)} in all`;
  const row: Row = ["Busy", `${times} (counted since ${since.slice(0, 10)}; days of UTC)`];
  return unkept === undefined ? [row] : [row, ["", yellow(`forgotten when the agent ends: ${unkept}`)]];
}

/** Where the watts of an estimate come from, here and on the page. */
export const WATTS_WORDS: Readonly<Record<Extract<ElectricityStatus, { type: "estimated" }>["watts_of"], string>> = {
  settings: "as you set it",
  gpu: "measured, of the GPU only",
  cpu: "measured, of the processor only",
  "gpu+cpu": "measured, of GPU and processor only",
};

/** Why nothing is known of the watts, here and on the page. */
export const UNKNOWN_WORDS: Readonly<Record<Extract<ElectricityStatus, { type: "unknown" }>["reason"], string>> = {
  no_meter: "nothing here measures watts that the agent may read",
  too_few_readings: "its watts have been measured too little yet",
};

/** An estimate of what that cost, with all that it is made of; none where no price is set. */
export function electricityRows(electricity: ElectricityStatus | undefined, { yellow }: Colors): readonly Row[] {
  if (electricity === undefined) return [];
  if (electricity.type === "unknown") {
    const why = UNKNOWN_WORDS[electricity.reason];
    return [["Electricity", `${yellow("not known")}: ${why} (or set electricity.extra_watts)`]];
  }
  const { today, week, total, extra_watts, watts_of, usd_per_kwh } = electricity;
  const costs = `${estimated(today.micro_usd)} today, ${estimated(week.micro_usd)} this week, ${estimated(total.micro_usd)} in all`;
  const energy = [today, week, total].map(({ kwh }) => amount(kwh)).join(", ");
  return [
    ["Electricity", `estimate: ${costs} (${energy} kWh)`],
    [
      "",
      `${extra_watts} W more while busy (${WATTS_WORDS[watts_of]}) × busy time × ${dollars(usd_per_kwh * 1e6)} a kWh`,
    ],
  ];
}

/** Cents, or parts of them where it is less than ten: more digits than the estimate is worth say nothing. */
function estimated(microUsd: number): string {
  if (microUsd > 0 && microUsd < 50) return "under $0.0001";
  return `$${(microUsd / 1e6).toFixed(microUsd > 0 && microUsd < 100_000 ? 4 : 2)}`;
}

/** Two digits, or all before the point. */
function amount(kwh: number): string {
  return kwh >= 10 ? kwh.toFixed(0) : String(Number(kwh.toPrecision(2)));
}
