import { storeOn } from "../operations/store-on.js";
import type { Store } from "../store.js";
import type { PostgresSettings } from "../store-settings.js";
import { EngineThread } from "../thread/engine-thread.js";
import { openPostgresEngine, type PostgresDeps } from "./open-postgres-engine.js";
import type { PostgresStart } from "./worker.js";

/** Built, also where this file runs from its source: a thread of Node's reads no TypeScript. */
const PROGRAM = new URL("../../../dist/store/postgres/worker.js", import.meta.url);

/**
 * Opens a PostgreSQL database, makes our schema in it where there is none, and brings it up to date. Any number of
 * coordinators may have it open. A thread of its own speaks with the server.
 *
 * @throws StoreError `away`, `refused`, `foreign`, `schema_newer`
 */
export async function openPostgresStore(
  { url, schema, connections, connectTimeoutMs, statementTimeoutMs }: PostgresSettings,
  { maxWaiting }: Pick<PostgresDeps, "maxWaiting">,
): Promise<Store> {
  const settings = { url, schema, connections, connectTimeoutMs, statementTimeoutMs };
  const data: PostgresStart = { settings, maxWaiting };
  return storeOn(await EngineThread.open({ program: PROGRAM, data, maxWaiting }));
}

/**
 * Opens a PostgreSQL database for looking only, in this thread: the server refuses whatever would change something.
 *
 * @throws StoreError `away`, `refused`, `schema_newer`, `schema_older`
 */
export async function openPostgresToRead(settings: PostgresSettings, deps: PostgresDeps): Promise<Store> {
  return storeOn(await openPostgresEngine(settings, deps, "to read"));
}
