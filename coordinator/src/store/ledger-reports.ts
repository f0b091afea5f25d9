import type { MicroUsd } from "../platform/micro-usd.js";
import type { TransferKind, UserPart } from "./ledger-kinds.js";

// What the ledger tells of itself, to accounts, owners and the operator.

interface PartBalance {
  readonly balance: MicroUsd;
  readonly reserved: MicroUsd;
}

export interface Balance {
  readonly credit: PartBalance;
  readonly earned: PartBalance;
  /** Payouts that are under way. */
  readonly pending: MicroUsd;
  /** What can be spent now. */
  readonly available: MicroUsd;
}

/** One movement of one part of an account's money. */
export interface StatementLine {
  /** The cursor of the lines after it. */
  readonly seq: number;
  readonly transferId: string;
  readonly kind: TransferKind;
  readonly part: UserPart;
  readonly amount: MicroUsd;
  readonly balanceAfter: MicroUsd;
  readonly requestId: string | undefined;
  readonly reason: string | undefined;
  readonly actor: string | undefined;
  readonly atMs: number;
}

export interface StatementPage {
  readonly account: string;
  readonly after?: number | undefined;
  readonly limit: number;
}

export type EarningsGroup = "machine" | "model" | "hour" | "day";

export interface EarningsQuery {
  readonly account: string;
  readonly groupBy: readonly EarningsGroup[];
  /** Whole hours: from this one, up to but without that one. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly limit: number;
}

export interface EarningsLine {
  readonly machine: string | undefined;
  readonly model: string | undefined;
  /** The start of the hour or day, UTC. */
  readonly startMs: number | undefined;
  readonly gross: MicroUsd;
  readonly fee: MicroUsd;
  readonly net: MicroUsd;
  readonly requests: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
}

/** Of the windows of a key's budget, those that begin then or later. */
export interface KeySpendQuery {
  readonly keyId: string;
  readonly windowStartMs: number;
  readonly sinceMs: readonly number[];
}

export interface KeySpend {
  /** Spent and set aside in the window that was asked about. */
  readonly taken: MicroUsd;
  /** Spent in those windows, for each time. */
  readonly spent: readonly MicroUsd[];
}

/** Something that does not add up. */
export interface Mismatch {
  readonly check: string;
  readonly subject: string;
  readonly expected: string;
  readonly found: string;
}

export interface Audit {
  readonly transfers: number;
  readonly reservations: number;
  /** As many as were looked for at most. */
  readonly mismatches: readonly Mismatch[];
}
