import { HearthError } from "./errors.js";

/** An amount of money: millionths of a US dollar, whole, so that sums are exact. */
export type MicroUsd = bigint;

/** No amount and no balance is further from 0: a billion dollars. A number that is no bigint holds it exactly too. */
export const MAX_MICRO_USD: MicroUsd = 1_000_000_000_000_000n;

/** Which amounts are one: a price may be 0, a deposit may not, a correction may be below. */
export type Sign = "any" | "not_negative" | "positive";

const WHOLE = /^-?\d{1,19}$/;

/**
 * An amount as it comes in: from a body, a column, a file.
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

/** The amount in JSON: a number, which is exact within `MAX_MICRO_USD`. */
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
