import { InvalidArgumentError } from "commander";
import { usdText } from "../platform/decimal-text.js";
import { MAX_MICRO_USD, type MicroUsd } from "../platform/micro-usd.js";

const DOLLARS = /^(\d+)(?:\.(\d+))?$/;
const MICRO_PLACES = 6;

/**
 * An amount of money as people write it, in US dollars, exact: `12.5` are 12,500,000 micro-USD.
 *
 * @throws InvalidArgumentError for what is no decimal number, negative, finer than a micro-USD or more than anybody may own
 */
export function dollars(text: string): MicroUsd {
  if (/^-[\d.]/.test(text)) throw new InvalidArgumentError("An amount of money cannot be negative.");
  const [, whole, behind = ""] = DOLLARS.exec(text) ?? [];
  if (whole === undefined) throw new InvalidArgumentError("It must be a number of US dollars, like 12.50.");
  const places = behind.replace(/0+$/, "");
  if (places.length > MICRO_PLACES) {
    throw new InvalidArgumentError("Money is kept in millionths of a dollar: at most six digits behind the point.");
  }
  const amount = BigInt(whole + places.padEnd(MICRO_PLACES, "0"));
  if (amount > MAX_MICRO_USD) throw new InvalidArgumentError(`Nobody may own more than ${usdText(MAX_MICRO_USD)}.`);
  return amount;
}

/** As {@link dollars}, and more than 0. */
export function someDollars(text: string): MicroUsd {
  const amount = dollars(text);
  if (amount === 0n) throw new InvalidArgumentError("It must be more than 0.");
  return amount;
}

/** What takes a limit away. Commander makes an empty text of `null`. */
const NONE = "none";
export type OrNone<T> = T | typeof NONE;

/** A value, or `none`. */
export const orNone =
  <T>(read: (text: string) => T) =>
  (text: string): OrNone<T> =>
    text === NONE ? NONE : read(text);

/** As bodies have it: `null` takes a limit away, what is left out stays. */
export const nullable = <T>(value: OrNone<T> | undefined): T | null | undefined => (value === NONE ? null : value);

/** @throws InvalidArgumentError for what is no whole number; the coordinator says how large it may be */
export function whole(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It must be a whole number.");
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** `90s`, `45m`, `12h`, `30d`, in seconds. @throws InvalidArgumentError */
export function duration(text: string): number {
  const [, count, unit = ""] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (count === undefined) throw new InvalidArgumentError("It must be a length of time, like 90s, 45m, 12h or 30d.");
  return Number(count) * (UNITS[unit] ?? 1);
}

/** Micro-USD of an answer, as dollars. */
export const usd = (microUsd: number): string => usdText(BigInt(microUsd));
