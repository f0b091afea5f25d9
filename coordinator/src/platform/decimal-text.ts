import type { MicroUsd } from "./micro-usd.js";

/**
 * A whole number of parts as an exact decimal number without trailing zeros: 1,200 millionths are `0.0012`.
 *
 * @param places decimal places of one part: 6 for millionths
 */
export function decimalText(parts: bigint, places: number): string {
  const digits = parts.toString().padStart(places + 1, "0");
  const behind = digits.slice(digits.length - places).replace(/0+$/, "");
  const before = digits.slice(0, digits.length - places);
  return behind === "" ? before : `${before}.${behind}`;
}

/** An amount of money in US dollars. */
export const dollarText = (amount: MicroUsd): string => decimalText(amount, 6);

/** An amount of money as people read it: exact, with cents at least, as in `$12.50` and `$0.000038`. */
export function usdText(amount: MicroUsd): string {
  const [whole = "", behind = ""] = dollarText(amount).split(".");
  return `$${whole}.${behind.padEnd(2, "0")}`;
}
