// What there is in the ledger, by name.

/**
 * The parts of a user's money: `credit` can only be spent, `earned` be spent or paid out, `pending` is on its way out.
 * The platform's own accounts: the `external` world that money comes from and goes to, `grants`, `fees`, `losses`.
 */
export type LedgerAccountKind = UserPart | "external" | "grants" | "fees" | "losses";
export type UserPart = "credit" | "earned" | "pending";

export type TransferKind =
  | "deposit"
  | "grant"
  | "charge"
  | "correction"
  | "refund"
  | "payout_requested"
  | "payout_paid"
  | "payout_failed"
  | "payout_returned";

export type ReservationState = "open" | "posted" | "voided";
/** `paid` is reached from `requested` only, as is `failed`; a payout that was `paid` may come back: `returned`. */
export type PayoutState = "requested" | "paid" | "failed" | "returned";
/** Who pays a machine for a part of the work. */
export type WorkPayer = "consumer" | "platform";
