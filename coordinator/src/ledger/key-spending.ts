import type { Clock } from "@hearth/platform";
import type { MicroUsd } from "../platform/micro-usd.js";
import type { KeyLimits } from "../store/account-store.js";
import type { LedgerStore } from "../store/ledger-store.js";
import type { UsageStore } from "../store/usage-store.js";
import { budgetOf, windowStart } from "./budget-window.js";

export interface KeySpendingDeps {
  readonly clock: Clock;
  readonly ledger: Pick<LedgerStore, "keySpend">;
  /** With what still waits to be written. */
  readonly usage: Pick<UsageStore, "spent">;
}

export interface SpendingKey {
  readonly account: string;
  readonly keyId: string;
  readonly limits: Pick<KeyLimits, "budget">;
}

/** What a key has spent, micro-USD: in all, and in the present day, week (from Monday) and month of UTC. */
export interface KeySpending {
  readonly total: number;
  readonly daily: number;
  readonly weekly: number;
  readonly monthly: number;
  /** What is neither spent nor set aside of its budget; `undefined` = it has none. */
  readonly remaining: number | undefined;
}

/**
 * What a key has spent, and may spend yet. The ledger knows it of the time in which a key had a budget; the records of
 * usage know it of each key, and may have been lost in a crash or deleted. Neither says too much, so more is closer.
 */
export async function keySpending(deps: KeySpendingDeps, key: SpendingKey): Promise<KeySpending> {
  const now = deps.clock.wallTime();
  const { keyId, account } = key;
  const budget = budgetOf(key, now);
  const sinceMs = (["never", "daily", "weekly", "monthly"] as const).map((reset) => windowStart(reset, now));
  const [ofLedger, ofRecords] = await Promise.all([
    deps.ledger.keySpend({ keyId, windowStartMs: budget?.windowStartMs ?? 0, sinceMs }),
    deps.usage.spent({ account, keyId, sinceMs }),
  ]);
  const [total = 0, daily = 0, weekly = 0, monthly = 0] = sinceMs.map((_, n) =>
    Math.max(ofRecords[n] ?? 0, Number(ofLedger.spent[n] ?? 0n)),
  );
  const left = budget === undefined ? undefined : leftOf(budget.limit - ofLedger.taken);
  return { total, daily, weekly, monthly, remaining: left };
}

/** A budget may have been made smaller than what was spent of it. */
const leftOf = (left: MicroUsd): number => (left > 0n ? Number(left) : 0);
