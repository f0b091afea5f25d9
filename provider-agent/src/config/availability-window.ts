/** Weekdays as `Date` counts them: 0 is Sunday. */
const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;

/** When the machine is available, in its local time. It goes over midnight when it ends before it begins. */
export interface AvailabilityWindow {
  /** The days on which it begins; 0 = Sunday. */
  readonly days: readonly number[];
  /** Minutes after midnight. */
  readonly fromMinute: number;
  /** Minutes after midnight, at most 1440; it ends before this minute. */
  readonly untilMinute: number;
}

const FORM = /^(\S+)\s+(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})$/;

/**
 * Reads `mon-fri 22:00-07:00`, `sat,sun 00:00-24:00`, `daily 9:00-17:00`.
 *
 * @returns what is wrong with it, if something is
 */
export function parseWindow(text: string): AvailabilityWindow | { readonly problem: string } {
  const match = FORM.exec(text.trim().toLowerCase());
  if (match === null) return { problem: 'must look like "mon-fri 22:00-07:00"' };
  const [, dayText = "", fromHour, fromMin, untilHour, untilMin] = match;
  const days = parseDays(dayText);
  if (days === undefined) return { problem: `"${dayText}" names no weekdays: say mon, mon-fri, sat,sun or daily` };
  const fromMinute = minuteOf(fromHour, fromMin);
  const untilMinute = minuteOf(untilHour, untilMin);
  if (fromMinute === undefined || fromMinute === 1440) return { problem: "must begin between 00:00 and 23:59" };
  if (untilMinute === undefined) return { problem: "must end between 00:00 and 24:00" };
  if (fromMinute === untilMinute) return { problem: "begins when it ends: for a whole day say 00:00-24:00" };
  return { days, fromMinute, untilMinute };
}

function minuteOf(hour: string | undefined, minute: string | undefined): number | undefined {
  const total = Number(hour) * 60 + Number(minute);
  return Number(minute) < 60 && total <= 1440 ? total : undefined;
}

function parseDays(text: string): readonly number[] | undefined {
  if (text === "daily") return [0, 1, 2, 3, 4, 5, 6];
  const days = new Set<number>();
  for (const part of text.split(",")) {
    const [first, last = first] = part.split("-").map((day) => (DAYS as readonly string[]).indexOf(day));
    if (first === undefined || last === undefined || first < 0 || last < 0) return undefined;
    if (part.split("-").length > 2) return undefined;
    for (let day = first; ; day = (day + 1) % 7) {
      days.add(day);
      if (day === last) break;
    }
  }
  return [...days].sort((a, b) => a - b);
}
