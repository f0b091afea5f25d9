import { operationOf } from "../operations/registry.js";
import { storeOn } from "../operations/store-on.js";
import type { Store } from "../store.js";
import { StoreError } from "../store-error.js";
import { DEFAULT_MAX_WAITING } from "../store-settings.js";
import { EngineThread } from "../thread/engine-thread.js";
import { GroupedEngine } from "./grouped-engine.js";
import { openDatabaseToRead, openMemoryDatabase } from "./open-database.js";
import type { SqliteStart } from "./worker.js";

/** Built, also where this file runs from its source: a thread of Node's reads no TypeScript. */
const PROGRAM = new URL("../../../dist/store/sqlite/worker.js", import.meta.url);

/**
 * Opens `hearth.db` in the data directory, in a thread of its own, makes it where there is none, and brings its schema
 * up to date. It is for its owner only (0600) and for one coordinator at a time.
 *
 * @throws StoreError
 */
export async function openSqliteStore(dataDir: string, maxWaiting: number = DEFAULT_MAX_WAITING): Promise<Store> {
  const data: SqliteStart = { dataDir, maxWaiting };
  return storeOn(await EngineThread.open({ program: PROGRAM, data, maxWaiting }));
}

/** A store that is gone with its process. It has no disk to wait for, and needs no thread. */
export function openMemoryStore(maxWaiting: number = DEFAULT_MAX_WAITING): Store {
  return storeOn(new GroupedEngine(openMemoryDatabase(), maxWaiting));
}

/**
 * Opens `hearth.db` for looking only, in this thread: for a program that does nothing else.
 *
 * @throws StoreError
 */
export function openSqliteToRead(dataDir: string): Store {
  const engine = new GroupedEngine(openDatabaseToRead(dataDir), DEFAULT_MAX_WAITING);
  return storeOn({
    run: (name, input) =>
      operationOf(name).kind === "read"
        ? engine.run(name, input)
        : Promise.reject(new StoreError("refused", `${dataDir} is only looked at.`)),
    close: () => engine.close(),
  });
}
