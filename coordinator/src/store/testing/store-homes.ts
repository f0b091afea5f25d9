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

/** A store that can be let go of and opened again, as after a crash. */
export interface StoreHome {
  readonly store: () => Store;
  reopen(): Promise<void>;
  clear(): Promise<void>;
}

export interface HomeEngine {
  readonly name: string;
  readonly isHere: boolean;
  open(): Promise<StoreHome>;
}

async function homeOf(
  open: () => Promise<Store>,
  clear: () => void | Promise<void>,
  isKept = true,
): Promise<StoreHome> {
  let store = await open();
  return {
    store: () => store,
    async reopen() {
      if (!isKept) return;
      await store.close();
      store = await open();
    },
    async clear() {
      await store.close();
      await clear();
    },
  };
}

export const STORE_HOMES: readonly HomeEngine[] = [
  {
    name: "SQLite in memory",
    isHere: true,
    open: () =>
      homeOf(
        async () => openMemoryStore(),
        () => {},
        false,
      ),
  },
  {
    ...{ name: "SQLite in a file", isHere: true },
    async open() {
      const dir = mkdtempSync(join(tmpdir(), "hearth-ledger-"));
      return homeOf(
        () => openSqliteStore(dir),
        () => rmSync(dir, { recursive: true }),
      );
    },
  },
  {
    ...{ name: "PostgreSQL", isHere: await hasPostgres() },
    async open() {
      const scratch = await scratchPostgres();
      const deps = { clock: systemClock, rng: systemRng, maxWaiting: DEFAULT_MAX_WAITING };
      return homeOf(
        () => openPostgresStore({ ...scratch, connections: 4 }, deps),
        () => scratch.clear(),
      );
    },
  },
];
