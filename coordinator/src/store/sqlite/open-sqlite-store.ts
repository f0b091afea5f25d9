import { storeOn } from "../operations/store-on.js";
import type { Store } from "../store.js";
import { DEFAULT_MAX_WAITING } from "../store-settings.js";
import { GroupedEngine } from "./grouped-engine.js";
import { openMemoryDatabase } from "./open-database.js";
import { runGroup } from "./run-group.js";
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
  const database = openMemoryDatabase();
  const runner = {
    run: (requests: Parameters<typeof runGroup>[1]) => runGroup(database, requests),
    close: async () => database.connection.close(),
  };
  return storeOn(new GroupedEngine(runner, maxWaiting));
}
