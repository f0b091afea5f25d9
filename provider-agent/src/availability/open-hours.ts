import type { AvailabilityWindow } from "../config/availability-window.js";

const MINUTE_MS = 60_000;
/** A window opens at least every other week: only a spring that leaves out all of it makes it miss one. */
const HORIZON_MINUTES = 14 * 24 * 60 + 60;

/**
 * Whether one of the windows is open. What counts is what a clock on the wall shows: a window that begins within the
 * hour that spring leaves out is open when that hour has gone by, and one within the hour that autumn repeats is open
 * both times.
 *
 * @param wallMs milliseconds since the epoch, read in the process's time zone
 * @param windows none = always open
 */
export function isOpenAt(windows: readonly AvailabilityWindow[], wallMs: number): boolean {
  if (windows.length === 0) return true;
  const local = new Date(wallMs);
  const day = local.getDay();
  const minute = local.getHours() * 60 + local.getMinutes();
  const dayBefore = (day + 6) % 7;
  return windows.some(({ days, fromMinute, untilMinute }) => {
    if (fromMinute < untilMinute) return days.includes(day) && minute >= fromMinute && minute < untilMinute;
    return (days.includes(day) && minute >= fromMinute) || (days.includes(dayBefore) && minute < untilMinute);
  });
}

/** When a window opens next; `undefined` when none ever does. Looks at each minute, which takes some milliseconds. */
export function nextOpening(windows: readonly AvailabilityWindow[], wallMs: number): number | undefined {
  const first = Math.floor(wallMs / MINUTE_MS) * MINUTE_MS;
  for (let minute = 1; minute <= HORIZON_MINUTES; minute++) {
    const at = first + minute * MINUTE_MS;
    if (isOpenAt(windows, at)) return at;
  }
  return undefined;
}
