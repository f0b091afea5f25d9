import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemRng } from "@hearth/platform";
import { systemClock } from "../../platform/clock.js";
import { openPostgresStore } from "../postgres/open-postgres-store.js";
import { openMemoryStore, openSqliteStore } from "../sqlite/open-sqlite-store.js";
import type { Store } from "../store.js";
import { DEFAULT_MAX_WAITING } from "../store-settings.js";
import { hasPostgres, scratchPostgres } from "./scratch-postgres.js";

/** An empty store of its own. */
export interface StorePlace {
  readonly store: Store;
  /** The same database as another coordinator has it; the same store where there is only one at a time. */
  readonly other: Store;
  /** Once `store` has been closed: leaves nothing of it. */
  clear(): Promise<void>;
}

/** Where a store can be: what holds of one has to hold of all, so a contract runs over each of `STORE_PLACES`. */
export interface StoreEngine {
  readonly name: string;
  /** False = the tests have to be skipped here. */
  readonly isHere: boolean;
  open(maxWaiting?: number): Promise<StorePlace>;
}

const anywhere = { clock: systemClock, rng: systemRng, maxWaiting: DEFAULT_MAX_WAITING };

export const STORE_PLACES: readonly StoreEngine[] = [
  {
    name: "SQLite in memory",
    isHere: true,
    async open(maxWaiting) {
      const store = openMemoryStore(maxWaiting);
      return { store, other: store, clear: async () => {} };
    },
  },
  {
    name: "SQLite in a file",
    isHere: true,
    async open(maxWaiting) {
      const dir = mkdtempSync(join(tmpdir(), "hearth-store-"));
      const store = await openSqliteStore(dir, maxWaiting);
      return { store, other: store, clear: async () => rmSync(dir, { recursive: true }) };
    },
  },
  {
    name: "PostgreSQL",
    isHere: await hasPostgres(),
    async open(maxWaiting = DEFAULT_MAX_WAITING) {
      const scratch = await scratchPostgres();
      const store = await openPostgresStore(scratch, { ...anywhere, maxWaiting });
      const other = await openPostgresStore(scratch, anywhere);
      return {
        store,
        other,
        async clear() {
          await other.close();
          await scratch.clear();
        },
      };
    },
  },
];
