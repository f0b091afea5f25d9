import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemRng } from "@hearth/platform";
import { afterAll, beforeAll, beforeEach } from "vitest";
import { systemClock } from "../../platform/clock.js";
import type { OperationName } from "../operations/registry.js";
import { storeOn } from "../operations/store-on.js";
import { openPostgresStore } from "../postgres/open-postgres-store.js";
import { openMemoryStore } from "../sqlite/open-sqlite-store.js";
import type { Store } from "../store.js";
import { DEFAULT_MAX_WAITING } from "../store-settings.js";
import { EngineThread } from "../thread/engine-thread.js";
import { asOwner, hasPostgres, scratchPostgres } from "./scratch-postgres.js";

/** An empty store of its own. */
export interface StorePlace {
  readonly store: Store;
  /** The same database as another coordinator has it; the same store where there is only one at a time. */
  readonly other: Store;
  /** Forgets all that is in it. It stays open. */
  empty(): Promise<void>;
  /** Closes it, and leaves nothing of it. */
  clear(): Promise<void>;
}

/** Where a store can be: what holds of one has to hold of all, so a contract runs over each of `STORE_PLACES`. */
export interface StoreEngine {
  readonly name: string;
  /** False = the tests have to be skipped here. */
  readonly isHere: boolean;
  open(maxWaiting?: number): Promise<StorePlace>;
}

/** What `emptied-sqlite.js` takes beside the operations of a store. */
const EMPTYING = "testing.empty" as OperationName;

async function openInMemory(maxWaiting?: number): Promise<StorePlace> {
  let store = openMemoryStore(maxWaiting);
  return {
    get store() {
      return store;
    },
    get other() {
      return store;
    },
    async empty() {
      await store.close();
      store = openMemoryStore(maxWaiting);
    },
    clear: () => store.close(),
  };
}

async function openInFile(maxWaiting = DEFAULT_MAX_WAITING): Promise<StorePlace> {
  const dataDir = mkdtempSync(join(tmpdir(), "hearth-store-"));
  const program = new URL("./emptied-sqlite.js", import.meta.url);
  const data = { dataDir, maxWaiting, emptying: EMPTYING };
  const engine = await EngineThread.open({ program, data, maxWaiting });
  const store = storeOn(engine);
  return {
    store,
    other: store,
    empty: async () => void (await engine.run(EMPTYING, undefined as never)),
    async clear() {
      await store.close();
      rmSync(dataDir, { recursive: true });
    },
  };
}

async function openOnServer(maxWaiting = DEFAULT_MAX_WAITING): Promise<StorePlace> {
  const scratch = await scratchPostgres();
  const anywhere = { clock: systemClock, rng: systemRng, maxWaiting: DEFAULT_MAX_WAITING };
  const store = await openPostgresStore(scratch, { ...anywhere, maxWaiting });
  const other = await openPostgresStore(scratch, anywhere);
  const named = `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = '${scratch.schema}'::regnamespace`;
  const { rows } = await asOwner(`${named} AND relname <> 'schema_version'`);
  // A replica's session asks nothing of foreign keys, so the order is any.
  const deletions = rows.map(({ relname }) => `DELETE FROM ${scratch.schema}.${relname};`).join(" ");
  return {
    store,
    other,
    empty: async () => void (await asOwner(`SET session_replication_role = replica; ${deletions}`)),
    async clear() {
      await store.close();
      await other.close();
      await scratch.clear();
    },
  };
}

export const STORE_PLACES: readonly StoreEngine[] = [
  { name: "SQLite in memory", isHere: true, open: openInMemory },
  { name: "SQLite in a file", isHere: true, open: openInFile },
  { name: "PostgreSQL", isHere: await hasPostgres(), open: openOnServer },
];

/**
 * A place for all the tests of a suite, empty before each of them: to open one takes up to a second, to empty it a
 * hundredth. Where the engine is not here, the tests are skipped.
 *
 * @returns the place, for use in hooks and tests
 */
export function placeForTests({ isHere, open }: StoreEngine): () => StorePlace {
  let place: StorePlace | undefined;
  beforeAll(async () => {
    if (isHere) place = await open();
  });
  beforeEach(async ({ skip }) => {
    if (!isHere) skip("needs a PostgreSQL");
    await place?.empty();
  });
  afterAll(() => place?.clear());
  return () => {
    if (place === undefined) throw new Error("There is a place only within hooks and tests.");
    return place;
  };
}
