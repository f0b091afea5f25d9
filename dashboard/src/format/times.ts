import { NOTHING } from "./amounts.js";

/** A stretch of time in the unit that says most: `210 µs`, `740 ms`, `3.2 s`, `4 min 10 s`, `3 h 5 min`, `2 d 4 h`. */
export function durationText(ms: number | null | undefined): string {
  if (ms == null) return NOTHING;
  if (ms > 0 && ms < 1) return `${Math.max(1, Math.round(ms * 1_000))} µs`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${Number((ms / 1_000).toFixed(1))} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 3_600) return pair(Math.floor(seconds / 60), "min", seconds % 60, "s");
  const minutes = Math.round(seconds / 60);
  if (minutes < 1_440) return pair(Math.floor(minutes / 60), "h", minutes % 60, "min");
  const hours = Math.round(minutes / 60);
  return pair(Math.floor(hours / 24), "d", hours % 24, "h");
}

const pair = (whole: number, unit: string, rest: number, smaller: string): string =>
  rest === 0 ? `${whole} ${unit}` : `${whole} ${unit} ${rest} ${smaller}`;

/** As routes tell times: seconds since 1970. */
export type ToldTime = number | null | undefined;

export function dateOf(time: ToldTime): Date | undefined {
  if (time == null) return undefined;
  return new Date(time * 1_000);
}

const DAY_AND_TIME: Intl.DateTimeFormatOptions = { dateStyle: "medium", timeStyle: "short" };

export const timeText = (time: ToldTime): string => dateOf(time)?.toLocaleString("en-GB", DAY_AND_TIME) ?? NOTHING;

export const clockText = (time: ToldTime): string =>
  dateOf(time)?.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" }) ?? NOTHING;

/** How long ago, roughly: `just now`, `5 min ago`. */
export function agoText(time: ToldTime, nowMs: number): string {
  const date = dateOf(time);
  if (date === undefined) return NOTHING;
  const ms = nowMs - date.getTime();
  if (ms < 10_000) return "just now";
  return `${durationText(ms < 60_000 ? Math.floor(ms / 1_000) * 1_000 : coarse(ms))} ago`;
}

const coarse = (ms: number): number => {
  const unit = [86_400_000, 3_600_000, 60_000].find((each) => ms >= each) ?? 60_000;
  return Math.floor(ms / unit) * unit;
};
