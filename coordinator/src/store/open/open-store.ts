import type { Clock, Rng } from "@hearth/platform";
import { openPostgresStore, openPostgresToRead } from "../postgres/open-postgres-store.js";
import { openSqliteStore, openSqliteToRead } from "../sqlite/open-sqlite-store.js";
import type { Store } from "../store.js";
import type { StoreSettings } from "../store-settings.js";

/** One statement of a look at everything may take this long, ms. */
const READ_TIMEOUT_MS = 600_000;

export interface StoreDeps {
  readonly settings: StoreSettings;
  readonly dataDir: string;
  readonly clock: Clock;
  readonly rng: Rng;
}

/**
 * Opens the coordinator's database: PostgreSQL where it is set, otherwise SQLite in the data directory.
 *
 * @throws StoreError
 */
export function openStore({ settings, dataDir }: StoreDeps): Promise<Store> {
  const { postgres, maxWaiting } = settings;
  if (postgres === undefined) return openSqliteStore(dataDir, maxWaiting);
  return openPostgresStore(postgres, { maxWaiting });
}

/**
 * Opens what `openStore` does, for looking only. SQLite's file can be looked at while no coordinator has it open;
 * PostgreSQL at any time.
 *
 * @throws StoreError
 */
export async function openStoreToRead({ settings, dataDir, clock, rng }: StoreDeps): Promise<Store> {
  const { postgres, maxWaiting } = settings;
  if (postgres === undefined) return openSqliteToRead(dataDir);
  return openPostgresToRead({ ...postgres, statementTimeoutMs: READ_TIMEOUT_MS }, { clock, rng, maxWaiting });
}
