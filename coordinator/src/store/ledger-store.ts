import type { MicroUsd } from "../platform/micro-usd.js";
import type { PayoutState, ReservationState, WorkPayer } from "./ledger-kinds.js";
import type {
  Audit,
  Balance,
  EarningsLine,
  EarningsQuery,
  KeySpend,
  KeySpendQuery,
  StatementLine,
  StatementPage,
} from "./ledger-reports.js";

/** A key's spending within one window of time is held to a limit. */
export interface Budget {
  readonly keyId: string;
  readonly windowStartMs: number;
  readonly limit: MicroUsd;
}

/** Times are wall-clock ms, as all here. */
export interface NewReservation {
  /** One for each request; with what it is asked with it names this reservation for ever. */
  readonly id: string;
  readonly requestId: string;
  /** Who asks. */
  readonly account: string;
  /** Whose money it is. */
  readonly payer: string;
  /** The coordinator that runs the request. */
  readonly node: string;
  readonly max: MicroUsd;
  /** The platform's share of what machines earn by it, ten-thousandths. */
  readonly feeBasisPoints: number;
  readonly budget?: Budget | undefined;
  readonly nowMs: number;
  readonly expiresAtMs: number;
}

/** Why there is not enough: the payer's money, or the key's budget; and how much there is. */
export interface Insufficient {
  readonly type: "insufficient";
  readonly limitedBy: "balance" | "budget";
  readonly available: MicroUsd;
}

/** The id stands for something else already. */
export interface Conflict {
  readonly type: "conflict";
}

export interface Unknown {
  readonly type: "unknown";
}

export type ReserveResult = { readonly type: "reserved" } | Insufficient | Conflict;

/** What one machine has done of a request. */
export interface WorkPart {
  readonly payer: WorkPayer;
  /** Whose machine it is. */
  readonly account: string;
  readonly machine: string;
  readonly model: string;
  readonly attemptId: string;
  /** The price of the work, before the platform's fee. */
  readonly gross: MicroUsd;
  readonly promptTokens: number;
  readonly completionTokens: number;
}

export interface Extension {
  readonly id: string;
  /** The new total. One that is not above the present total changes nothing of it. */
  readonly max: MicroUsd;
  /** What has been delivered until now: what is owed should nobody ever post. */
  readonly used: readonly WorkPart[];
  readonly nowMs: number;
  readonly expiresAtMs: number;
}

export type ExtendResult = { readonly type: "extended" | "closed" } | Insufficient | Unknown;

export interface Posting {
  readonly id: string;
  readonly parts: readonly WorkPart[];
  readonly nowMs: number;
  /** Below this, what the payer has left is told in the outbox. */
  readonly lowBalance?: MicroUsd | undefined;
}

/** `lost`: what the consumer's parts cost beyond the reservation, which the platform has paid. */
export interface Posted {
  readonly type: "posted";
  readonly charged: MicroUsd;
  readonly lost: MicroUsd;
}

/** It was resolved before, in another way. */
export interface Already {
  readonly type: "already";
  readonly state: Exclude<ReservationState, "open">;
  readonly charged: MicroUsd;
}

export type PostResult = Posted | Already | Conflict | Unknown;
export type VoidResult = { readonly type: "voided" } | Already | Unknown;

/** Which open reservations are to be resolved for those who will not do it. */
export type Abandoned =
  | { readonly because: "expiry"; readonly nowMs: number; readonly limit: number }
  | { readonly because: "recovery"; readonly node: string; readonly limit: number };

export interface OpenReservation {
  readonly id: string;
  readonly expiresAtMs: number;
}

export interface Abandonment {
  readonly id: string;
  readonly nowMs: number;
  /**
   * `expiry` holds only of what has expired by then and still does at the time that was seen, `recovery` only of what
   * this node has reserved.
   */
  readonly because:
    | { readonly type: "expiry"; readonly expiresAtMs: number }
    | { readonly type: "recovery"; readonly node: string };
}

/** `kept`: it is resolved by now, or was extended. */
export type AbandonResult = Posted | { readonly type: "voided" | "kept" };

/** Whatever moves money is told by whom and why. */
interface Told {
  readonly id: string;
  readonly amount: MicroUsd;
  readonly reason: string;
  readonly actor: string;
  readonly nowMs: number;
}

export interface Income extends Told {
  readonly account: string;
}

/** The amount may be below 0. */
export interface Correction extends Told {
  readonly account: string;
  readonly part: "credit" | "earned";
}

/** Gives back what a request has cost, or a part of it, at the platform's cost. */
export interface Refund extends Told {
  readonly reservationId: string;
}

/** `repeated`: the same was done before, once. `too_large`: nobody may own that much. */
export type TransferResult =
  | { readonly type: "done" | "repeated" | "too_large" }
  | { readonly type: "insufficient"; readonly available: MicroUsd }
  | Conflict
  | Unknown;

export interface PayoutRequest {
  readonly id: string;
  readonly account: string;
  readonly amount: MicroUsd;
  readonly actor: string;
  readonly nowMs: number;
}

export interface PayoutChange {
  readonly id: string;
  readonly to: Exclude<PayoutState, "requested">;
  readonly reason: string;
  readonly actor: string;
  readonly nowMs: number;
}

export type PayoutChangeResult =
  | { readonly type: "done" | "repeated"; readonly payout: Payout }
  /** From the state it is in there is no way to that one. */
  | { readonly type: "conflict"; readonly state: PayoutState }
  | Unknown;

export interface Payout {
  readonly id: string;
  readonly account: string;
  readonly amount: MicroUsd;
  readonly state: PayoutState;
  readonly reason: string | undefined;
  readonly actor: string;
  readonly requestedAtMs: number;
  readonly changedAtMs: number;
}

/** Something that has happened, to be told to somebody else, at least once. */
export interface OutboxMessage {
  readonly id: string;
  readonly kind: string;
  readonly payload: string;
  readonly createdAtMs: number;
  readonly attempts: number;
}

/** Something to be told that no movement of money comes with. */
export interface NewMessage {
  readonly id: string;
  /** The operator does not hear it: it is there for the account that it is about. */
  readonly isForOwners?: boolean;
  readonly kind: string;
  /** JSON. */
  readonly payload: string;
  /** When it happened, wall-clock ms. */
  readonly nowMs: number;
}

/** Until when each is kept, wall-clock ms. */
export interface LedgerRetention {
  /** Reservations, by when they were resolved, with the parts of their work. */
  readonly resolved: number;
  /** Messages of the outbox, by when they were delivered. */
  readonly delivered: number;
  /** Those that nobody has taken, by when they were written. */
  readonly undelivered: number;
}

/** Rows of each kind that one `prune` removes at most. */
export const LEDGER_PRUNE_BATCH = 1_000;

/**
 * Money. Each call is one transaction, and may be made again: with the same content it answers as the first time, with
 * another it is a `conflict`. docs/ledger.md has the rules.
 *
 * Every call throws HearthError `invalid_request` for amounts that are none, and what the store throws.
 */
export interface LedgerStore {
  reserve(reservation: NewReservation): Promise<ReserveResult>;
  extend(extension: Extension): Promise<ExtendResult>;
  post(posting: Posting): Promise<PostResult>;
  void(id: string, nowMs: number): Promise<VoidResult>;
  /** Open reservations that nobody may resolve any more, those that expire first, first. */
  abandoned(which: Abandoned): Promise<readonly OpenReservation[]>;
  /** Posts what the last extension has told as delivered, or voids. */
  abandon(abandonment: Abandonment): Promise<AbandonResult>;
  deposit(income: Income): Promise<TransferResult>;
  grant(income: Income): Promise<TransferResult>;
  correct(correction: Correction): Promise<TransferResult>;
  refund(refund: Refund): Promise<TransferResult>;
  requestPayout(request: PayoutRequest): Promise<TransferResult>;
  changePayout(change: PayoutChange): Promise<PayoutChangeResult>;
  payouts(page: {
    id?: string;
    account?: string;
    state?: PayoutState;
    limit: number;
    after?: string;
  }): Promise<readonly Payout[]>;
  balance(account: string): Promise<Balance>;
  statement(page: StatementPage): Promise<readonly StatementLine[]>;
  earnings(query: EarningsQuery): Promise<readonly EarningsLine[]>;
  /**
   * Forgets what is older, at most `LEDGER_PRUNE_BATCH` of each: nothing of a balance, a statement or what was earned.
   *
   * @returns the most it has forgotten of one kind
   */
  prune(before: LedgerRetention): Promise<number>;
  /** What a key has spent while it had a budget. */
  keySpend(query: KeySpendQuery): Promise<KeySpend>;
  /** Re-adds everything. @param limit of mismatches that are listed */
  audit(limit: number): Promise<Audit>;
  /** Puts a message into the outbox; one whose id is there already changes nothing. */
  addMessage(message: NewMessage): Promise<void>;
  dueMessages(nowMs: number, limit: number): Promise<readonly OutboxMessage[]>;
  /** Settles an attempt to deliver a message: it is delivered, or to be tried again then. */
  messageTried(id: string, end: { deliveredAtMs: number } | { nextAtMs: number }): Promise<void>;
}
