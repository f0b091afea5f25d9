import { operationOf } from "../operations/registry.js";
import { storeOn } from "../operations/store-on.js";
import type { Store } from "../store.js";
import { StoreError } from "../store-error.js";
import { DEFAULT_MAX_WAITING } from "../store-settings.js";
import { GroupedEngine, type GroupRunner } from "./grouped-engine.js";
import { openDatabaseToRead, openMemoryDatabase } from "./open-database.js";
import { type OpenDatabase, runGroup } from "./run-group.js";
import { WorkerRunner } from "./worker-runner.js";

/**
 * Opens `hearth.db` in the data directory, in a thread of its own, makes it where there is none, and brings its schema
 * up to date. It is for its owner only (0600) and for one coordinator at a time.
 *
 * @throws StoreError
 */
export async function openSqliteStore(dataDir: string, maxWaiting: number = DEFAULT_MAX_WAITING): Promise<Store> {
  return storeOn(new GroupedEngine(await WorkerRunner.open({ dataDir }), maxWaiting));
}

/** A store that is gone with its process. It has no disk to wait for, and needs no thread. */
export function openMemoryStore(maxWaiting: number = DEFAULT_MAX_WAITING): Store {
  return storeOn(new GroupedEngine(onThisThread(openMemoryDatabase()), maxWaiting));
}

/**
 * Opens `hearth.db` for looking only, in this thread: for a program that does nothing else.
 *
 * @throws StoreError
 */
export function openSqliteToRead(dataDir: string): Store {
  const engine = new GroupedEngine(onThisThread(openDatabaseToRead(dataDir)), DEFAULT_MAX_WAITING);
  return storeOn({
    run: (name, input) =>
      operationOf(name).kind === "read"
        ? engine.run(name, input)
        : Promise.reject(new StoreError("refused", `${dataDir} is only looked at.`)),
    close: () => engine.close(),
  });
}

function onThisThread(database: OpenDatabase): GroupRunner {
  return {
    run: (requests) => runGroup(database, requests),
    close: async () => database.connection.close(),
  };
}
