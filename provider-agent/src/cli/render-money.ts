import type { AgentStatus } from "../local/agent-status.js";

/** What the machine has earned, as its owner reads it. */
export function earnedText({ earnings, earned_micro_usd: inAll }: AgentStatus): string {
  if (earnings === undefined) return inAll === null ? "not told by the coordinator" : `${dollars(inAll)} in all`;
  const { today_micro_usd: today, week_micro_usd: week, total_micro_usd: total, as_of } = earnings;
  const asOf = `${as_of.slice(0, 10)} ${as_of.slice(11, 16)}`;
  return `${part(today, "today")}, ${part(week, "this week")}, ${dollars(total)} in all (as of ${asOf} UTC)`;
}

const part = (microUsd: number | null, when: string): string =>
  microUsd === null ? `not told yet of ${when}` : `${dollars(microUsd)} ${when}`;

/** From millionths, with cents at least. */
export function dollars(microUsd: number): string {
  const text = (Math.abs(microUsd) / 1e6).toFixed(6).replace(/(\.\d\d\d*?)0+$/, "$1");
  return `${microUsd < 0 ? "-" : ""}$${text}`;
}
