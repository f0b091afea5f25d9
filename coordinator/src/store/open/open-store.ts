import type { Clock, Rng } from "@hearth/platform";
import { openPostgresStore } from "../postgres/open-postgres-store.js";
import { openSqliteStore } from "../sqlite/open-sqlite-store.js";
import type { Store } from "../store.js";
import type { StoreSettings } from "../store-settings.js";

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
export function openStore({ settings, dataDir, clock, rng }: StoreDeps): Promise<Store> {
  const { postgres, maxWaiting } = settings;
  if (postgres === undefined) return openSqliteStore(dataDir, maxWaiting);
  return openPostgresStore(postgres, { clock, rng, maxWaiting });
}
