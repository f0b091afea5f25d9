import type { LedgerStore } from "../store/ledger-store.js";

/** Mismatches that are listed at most. */
const LISTED = 1_000;

/** What a look at the whole ledger has found, for the operator. */
export interface AuditReport {
  readonly report: string;
  readonly isRight: boolean;
}

/** Re-adds the whole ledger. @throws what the store throws */
export async function auditLedger(ledger: Pick<LedgerStore, "audit">): Promise<AuditReport> {
  const { transfers, reservations, mismatches } = await ledger.audit(LISTED);
  const looked = `${transfers} transfers and ${reservations} reservations`;
  if (mismatches.length === 0) return { report: `The ledger adds up: ${looked}.`, isRight: true };
  const lines = mismatches.map(
    ({ check, subject, expected, found }) => `  ${subject}: ${check}: ${found} instead of ${expected}`,
  );
  const more = mismatches.length === LISTED ? ", at least" : "";
  return {
    report: [`The ledger does not add up: ${mismatches.length} mismatches${more} in ${looked}.`, ...lines].join("\n"),
    isRight: false,
  };
}
