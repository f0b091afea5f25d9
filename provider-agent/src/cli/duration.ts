import { AgentError } from "../platform/agent-error.js";

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const LONGEST_MS = 366 * 86_400_000;

/**
 * Reads `90s`, `45m`, `2h`, `1d`, `1h30m`.
 *
 * @returns ms
 * @throws AgentError `config_invalid`
 */
export function parseDuration(text: string): number {
  const parts = [...text.toLowerCase().matchAll(/(\d+(?:\.\d+)?)([smhd])/g)];
  const ms = parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNITS[unit ?? ""] ?? 0), 0);
  const isWhole = parts.map(([part]) => part).join("") === text.toLowerCase().replaceAll(" ", "");
  if (isWhole && ms > 0 && ms <= LONGEST_MS) return ms;
  throw new AgentError("config_invalid", `"${text.slice(0, 32)}" is no length of time: say 45m, 2h or 1h30m.`);
}

/** `2 h 5 min`: the two largest units. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  const units = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3_600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ] as const;
  const first = units.findIndex(([count]) => count > 0);
  if (first === -1) return "0 s";
  const shown = units.slice(first, first + 2).filter(([count]) => count > 0);
  return shown.map(([count, unit]) => `${count} ${unit}`).join(" ");
}
