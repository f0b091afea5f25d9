import type { BudgetReset, KeyLimits } from "../store/account-store.js";
import type { Budget } from "../store/ledger-store.js";

const DAY_MS = 86_400_000;
/** 1970 began on a Thursday: the first Monday was its fifth day. */
const FIRST_MONDAY = 4;

/** What a key may spend, and since when that counts; `undefined` = as much as its account has. */
export function budgetOf(
  { keyId, limits: { budget } }: { readonly keyId: string; readonly limits: Pick<KeyLimits, "budget"> },
  wallMs: number,
): Budget | undefined {
  if (budget === undefined) return undefined;
  return { keyId, windowStartMs: windowStart(budget.reset, wallMs), limit: BigInt(budget.microUsd) };
}

/** When the present period began, wall-clock ms: at 00:00 UTC, weeks on Mondays, months on their first. */
export function windowStart(reset: BudgetReset, wallMs: number): number {
  const day = Math.floor(wallMs / DAY_MS);
  switch (reset) {
    case "never":
      return 0;
    case "daily":
      return day * DAY_MS;
    case "weekly":
      return (day - ((((day - FIRST_MONDAY) % 7) + 7) % 7)) * DAY_MS;
    case "monthly": {
      const date = new Date(wallMs);
      return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
    }
  }
}
