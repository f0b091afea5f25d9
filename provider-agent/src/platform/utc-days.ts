/** A day of UTC, ms. */
export const DAY_MS = 86_400_000;
/** The epoch was a Thursday. */
const EPOCH_SINCE_MONDAY_MS = 3 * DAY_MS;
const WEEK_MS = 7 * DAY_MS;

/** When the day of UTC began in which a time lies, ms since the epoch. */
export const utcDayOf = (wallMs: number): number => Math.floor(wallMs / DAY_MS) * DAY_MS;

/** When the week began in which a time lies: on Monday, 00:00 UTC, ms since the epoch. */
export const utcWeekOf = (wallMs: number): number =>
  Math.floor((wallMs + EPOCH_SINCE_MONDAY_MS) / WEEK_MS) * WEEK_MS - EPOCH_SINCE_MONDAY_MS;
