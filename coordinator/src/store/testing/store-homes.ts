import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemRng } from "@hearth/platform";
import { systemClock } from "../../platform/clock.js";
import { storeOn } from "../operations/store-on.js";
import { openPostgresEngine } from "../postgres/open-postgres-engine.js";
import { GroupedEngine } from "../sqlite/grouped-engine.js";
import { openDatabase } from "../sqlite/open-database.js";
import { openMemoryStore } from "../sqlite/open-sqlite-store.js";
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

/** In the thread of the test: a history opens its store anew many times, and a thread of its own takes long to start. */
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
        async () => storeOn(new GroupedEngine(openDatabase(dir), DEFAULT_MAX_WAITING)),
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
        async () => storeOn(await openPostgresEngine({ ...scratch, connections: 4 }, deps, "to use")),
        () => scratch.clear(),
        { others: 1 },
      );
    },
  },
];
