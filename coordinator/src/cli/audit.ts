import { systemRng } from "@hearth/platform";
import type { Config } from "../config.js";
import { systemClock } from "../platform/clock.js";
import type { LedgerStore } from "../store/ledger-store.js";
import { openStoreToRead, type StoreDeps } from "../store/open/open-store.js";
import type { Store } from "../store/store.js";
import { StoreError } from "../store/store-error.js";
import { CommandError, EXIT } from "./exit.js";

/** Mismatches that are listed at most. */
const LISTED = 1_000;

/**
 * `admin audit`: re-adds the whole ledger, in the database.
 *
 * @throws CommandError where a coordinator has the file; what the store throws
 */
export async function auditStore({
  store: settings,
  dataDir,
}: Pick<Config, "store" | "dataDir">): Promise<AuditReport> {
  const store = await openToAudit({ settings, dataDir, clock: systemClock, rng: systemRng });
  return auditLedger(store.ledger).finally(() => store.close());
}

/** @throws CommandError where a coordinator has the file: what to do instead; and what the store throws */
async function openToAudit(deps: StoreDeps): Promise<Store> {
  try {
    return await openStoreToRead(deps);
  } catch (error) {
    if (!(error instanceof StoreError && error.code === "in_use")) throw error;
    const instead = "Stop the coordinator first, or ask it itself: GET /admin/ledger/audit.";
    throw new CommandError(EXIT.config, `${error.message} ${instead}`, { cause: error });
  }
}

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
