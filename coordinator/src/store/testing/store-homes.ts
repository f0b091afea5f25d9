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
  /** It and the same database as other coordinators have it, as many as it may have at once. */
  readonly stores: () => readonly [Store, ...Store[]];
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
  { isKept = true, others = 0 } = {},
): Promise<StoreHome> {
  const openAll = async (): Promise<readonly [Store, ...Store[]]> => {
    const first = await open();
    return [first, ...(await Promise.all(Array.from({ length: others }, open)))];
  };
  let stores = await openAll();
  const closeAll = async (): Promise<void> => {
    for (const store of stores) await store.close();
  };
  return {
    store: () => stores[0],
    stores: () => stores,
    async reopen() {
      if (!isKept) return;
      await closeAll();
      stores = await openAll();
    },
    async clear() {
      await closeAll();
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
        { isKept: false },
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
        { others: 1 },
      );
    },
  },
];
