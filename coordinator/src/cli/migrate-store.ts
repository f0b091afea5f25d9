import { statSync } from "node:fs";
import { join } from "node:path";
import { type Clock, type Rng, systemRng } from "@hearth/platform";
import { type Config, ConfigError } from "../config.js";
import { JOURNAL_FILE } from "../ledger/journal.js";
import { systemClock } from "../platform/clock.js";
import { type CopiedTable, type CopyStore, copyStore } from "../store/copy/copy-store.js";
import { openStoreToRead } from "../store/open/open-store.js";
import { StoreError } from "../store/store-error.js";
import { type AuditReport, auditLedger } from "./audit.js";

/** How often a long table tells how far it is, ms. */
const TELL_MS = 1_000;

export interface MigrateStore {
  readonly config: Pick<Config, "dataDir" | "store">;
  /** Says a line on stderr. */
  readonly say: (line: string) => void;
  readonly clock?: Clock;
  readonly rng?: Rng;
}

/**
 * `admin migrate-store`: copies `hearth.db` into the PostgreSQL of `DATABASE_URL`, all of it or nothing, and re-adds the
 * ledger there.
 *
 * @throws ConfigError, StoreError where nothing was copied
 */
export async function migrateStore(options: MigrateStore): Promise<AuditReport> {
  const { config, say, clock = systemClock, rng = systemRng } = options;
  const { store: settings, dataDir } = config;
  const { postgres } = settings;
  if (postgres === undefined) {
    throw new ConfigError(["DATABASE_URL: is not set; it names the PostgreSQL that hearth.db is copied to"]);
  }
  requireNothingOwed(dataDir);
  const copied = await copiedStore({ dataDir, postgres, progress: progressOn(say, clock) });
  say("Copied. Re-adding the ledger there …");
  const store = await openStoreToRead({ settings, dataDir, clock, rng });
  const { report, isRight } = await auditLedger(store.ledger).finally(() => store.close());
  const rows = copied.reduce((sum, table) => sum + table.rows, 0);
  const whole = `Copied ${inWords(rows)} rows of ${copied.length} tables: as many are there as here.`;
  const next = isRight ? NEXT : WRONG;
  return { report: [whole, report, next(join(dataDir, "hearth.db"))].join("\n"), isRight };
}

const NEXT = (path: string): string =>
  `Now start every coordinator with this DATABASE_URL, on the data directory that it has: its secrets stay there. ${path} is as it was and is not used any more; keep it as a backup.`;
const WRONG = (path: string): string =>
  `${path} is as it was: run "admin audit" without DATABASE_URL, which says whether it does not add up there either. Start no coordinator with this DATABASE_URL before that is clear.`;

/** One line for each table when it is there, and one a second for those that take longer. */
function progressOn(say: (line: string) => void, clock: Clock): CopyStore["progress"] {
  let toldMs = clock.now();
  return (table, rows, of) => {
    if (rows < of && clock.now() - toldMs < TELL_MS) return;
    toldMs = clock.now();
    say(`${table}: ${rows < of ? `${inWords(rows)} of ` : ""}${inWords(of)} ${of === 1 ? "row" : "rows"}`);
  };
}

const inWords = (count: number): string => count.toLocaleString("en-US");

async function copiedStore(options: CopyStore): Promise<readonly CopiedTable[]> {
  try {
    return await copyStore(options);
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== "schema_older") throw error;
    // Whoever starts it as it is set now brings the other database up to date.
    throw new StoreError("schema_older", `${error.message} Without DATABASE_URL, that is.`, { cause: error });
  }
}

/** What a coordinator owes to its store is told to that one. */
function requireNothingOwed(dataDir: string): void {
  const path = join(dataDir, JOURNAL_FILE);
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size === 0) return;
  throw new StoreError(
    "refused",
    `${path} has entries that hearth.db has not taken yet: start the coordinator once without DATABASE_URL, which makes them, and stop it.`,
  );
}
