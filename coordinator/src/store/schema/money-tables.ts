import type { ColumnType, Generated } from "kysely";
import type { LedgerAccountKind, PayoutState, ReservationState, TransferKind, WorkPayer } from "../ledger-kinds.js";

/** The tables of money. An amount is written as a bigint and read as a number, which its bound keeps exact. */
export interface MoneyTables {
  readonly ledger_accounts: LedgerAccountRow;
  readonly transfers: TransferRow;
  readonly entries: EntryRow;
  readonly reservations: ReservationRow;
  readonly key_spend: KeySpendRow;
  readonly work_parts: WorkPartRow;
  readonly earnings: EarningsRow;
  readonly payouts: PayoutRow;
  readonly outbox: OutboxRow;
  readonly folded_work: FoldedWorkRow;
}

type Amount = ColumnType<number, bigint, bigint>;

interface LedgerAccountRow {
  readonly id: string;
  readonly owner: string | null;
  readonly kind: LedgerAccountKind;
  readonly balance: Amount;
  readonly reserved: Amount;
}

interface TransferRow {
  readonly id: string;
  readonly kind: TransferKind;
  readonly account: string;
  readonly amount: Amount;
  readonly request_id: string | null;
  readonly reason: string | null;
  readonly actor: string | null;
  readonly created_at_ms: number;
}

interface EntryRow {
  readonly seq: Generated<number>;
  readonly transfer_id: string;
  readonly ledger_account: string;
  readonly amount: Amount;
  readonly balance_after: Amount;
}

export interface ReservationRow {
  readonly id: string;
  readonly request_id: string;
  readonly account: string;
  readonly payer: string;
  readonly node: string;
  readonly key_id: string | null;
  readonly window_start_ms: number | null;
  readonly budget_limit: ColumnType<number | null, bigint | null, bigint | null>;
  readonly fee_basis_points: number;
  readonly state: ReservationState;
  readonly asked: Amount;
  readonly reserved_credit: Amount;
  readonly reserved_earned: Amount;
  readonly used: Amount;
  readonly used_parts: string;
  readonly posted: Amount;
  readonly refunded: Amount;
  readonly resolved_by: "caller" | "expiry" | "recovery" | null;
  readonly created_at_ms: number;
  readonly expires_at_ms: number;
  readonly resolved_at_ms: number | null;
}

interface KeySpendRow {
  readonly key_id: string;
  readonly window_start_ms: number;
  readonly spent: Amount;
  readonly reserved: Amount;
}

interface WorkPartRow {
  readonly reservation_id: string;
  readonly n: number;
  readonly payer: WorkPayer;
  readonly account: string;
  readonly machine: string;
  readonly model: string;
  readonly attempt_id: string;
  readonly hour_ms: number;
  readonly gross: Amount;
  readonly fee: Amount;
  readonly net: Amount;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
}

interface EarningsRow {
  readonly account: string;
  readonly machine: string;
  readonly model: string;
  readonly hour_ms: number;
  readonly gross: Amount;
  readonly fee: Amount;
  readonly net: Amount;
  readonly requests: number;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
}

interface PayoutRow {
  readonly id: string;
  readonly account: string;
  readonly amount: Amount;
  readonly state: PayoutState;
  readonly reason: string | null;
  readonly actor: string;
  readonly requested_at_ms: number;
  readonly changed_at_ms: number;
}

interface OutboxRow {
  readonly id: string;
  readonly kind: string;
  readonly payload: string;
  readonly created_at_ms: number;
  readonly delivered_at_ms: number | null;
  readonly attempts: number;
  readonly next_at_ms: number;
}

/** One row, once something was folded. */
interface FoldedWorkRow {
  readonly id: 0;
  readonly before_ms: number;
}
