import { HearthError } from "./errors.js";

/** An amount of money in whole millionths of a US dollar, so that sums are exact. */
export type MicroUsd = bigint;

/** Bound of all amounts and balances: a billion dollars, which a `number` holds exactly as well. */
export const MAX_MICRO_USD: MicroUsd = 1_000_000_000_000_000n;

/** The dearest price, micro-USD per million tokens: a dollar a token, and what is meant is far below. */
export const MAX_PER_MILLION = 1_000_000_000_000;

/** The allowed signs of an amount: a price may be 0, a deposit must be positive, a correction may be negative. */
export type Sign = "any" | "not_negative" | "positive";

const WHOLE = /^-?\d{1,19}$/;

/**
 * Reads an amount from a body, a column or a file.
 *
 * @throws HearthError `invalid_request` for what is no whole number, is further from 0 than `MAX_MICRO_USD`, or is not of
 *   this sign
 */
export function microUsd(value: number | bigint | string, sign: Sign = "not_negative"): MicroUsd {
  const amount = wholeOf(value);
  if (amount === undefined || amount > MAX_MICRO_USD || amount < -MAX_MICRO_USD) {
    throw refused("An amount of money is a whole number of micro-USD, at most 10^15.");
  }
  if (sign === "positive" && amount <= 0n) throw refused("This amount of money has to be more than 0.");
  if (sign === "not_negative" && amount < 0n) throw refused("This amount of money cannot be negative.");
  return amount;
}

/** The amount as a JSON number, which is exact within `MAX_MICRO_USD`. */
export function microUsdJson(amount: MicroUsd): number {
  return Number(microUsd(amount, "any"));
}

function wholeOf(value: number | bigint | string): bigint | undefined {
  if (typeof value === "bigint") return value;
  if (typeof value === "string") return WHOLE.test(value) ? BigInt(value) : undefined;
  return Number.isSafeInteger(value) ? BigInt(value) : undefined;
}

function refused(words: string): HearthError {
  return new HearthError("invalid_request", words);
}
