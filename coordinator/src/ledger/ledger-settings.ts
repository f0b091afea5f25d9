/** The numbers of the ledger. */
export interface LedgerSettings {
  /** A reservation that nobody has renewed for this long has expired. Renewed is it after a third of that. */
  readonly leaseMs: number;
  /** How often expired ones are looked for, and live ones renewed where it is time. */
  readonly sweepMs: number;
  /** Expired ones that are watched at once. */
  readonly sweepAtMost: number;
  /** How long after a failure the store is asked again for what is owed to it. */
  readonly retryMs: number;
  /** Operations that are owed to a store that is away, at most, and bytes of their journal. */
  readonly maxOwed: number;
  readonly maxJournalBytes: number;
  /** The platform's share of what machines earn, ten-thousandths. */
  readonly feeBasisPoints: number;
  /** Below this an account is told that its balance is low; 0 = never. */
  readonly lowBalanceMicroUsd: number;
  /** How long a reservation is kept after it was resolved, with the parts of its work; days. */
  readonly reservationDays: number;
  /** How long a message is kept after it was delivered, and how long one that nobody takes; days. */
  readonly deliveredDays: number;
  readonly undeliveredDays: number;
}

export const DEFAULT_LEDGER: LedgerSettings = {
  leaseMs: 120_000,
  sweepMs: 10_000,
  sweepAtMost: 1_000,
  retryMs: 1_000,
  maxOwed: 20_000,
  maxJournalBytes: 32 * 1024 * 1024,
  feeBasisPoints: 500,
  lowBalanceMicroUsd: 1_000_000,
  reservationDays: 180,
  deliveredDays: 30,
  undeliveredDays: 400,
};
