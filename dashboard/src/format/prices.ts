import { NOTHING } from "./amounts.js";

/** Dollars for one token, an exact decimal number, as dollars for a million. */
export function perMillionText(perToken: string | undefined): string {
  if (perToken === undefined) return NOTHING;
  const perMillion = Number(perToken) * 1e6;
  if (perMillion === 0) return "free";
  return `$${perMillion.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 4 })}`;
}
