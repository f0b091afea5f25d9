import type { Clock, Rng } from "@hearth/platform";
import pg from "pg";
import { storeOn } from "../operations/store-on.js";
import type { Store } from "../store.js";
import type { PostgresSettings } from "../store-settings.js";
import { migrate, requireCurrent } from "./migrate.js";
import { PostgresEngine } from "./postgres-engine.js";
import { openingError } from "./server-error.js";

export interface PostgresDeps {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly maxWaiting: number;
}

/** How long the server's own time-out has before ours, which costs the connection, ms. */
const TIMEOUT_GRACE_MS = 1_000;
/** How long a start may wait for another coordinator's migration, ms. */
const MIGRATION_WAIT_MS = 60_000;

/**
 * Opens a PostgreSQL database, makes our schema in it where there is none, and brings it up to date. Any number of
 * coordinators may have it open.
 *
 * @throws StoreError `away`, `refused`, `foreign`, `schema_newer`
 */
export function openPostgresStore(settings: PostgresSettings, deps: PostgresDeps): Promise<Store> {
  return open(settings, deps, migrate);
}

/**
 * Opens a PostgreSQL database for looking only: the server refuses whatever would change something.
 *
 * @throws StoreError `away`, `refused`, `schema_newer`, `schema_older`
 */
export function openPostgresToRead(settings: PostgresSettings, deps: PostgresDeps): Promise<Store> {
  return open(settings, deps, requireCurrent, "-c default_transaction_read_only=on");
}

async function open(
  settings: PostgresSettings,
  deps: PostgresDeps,
  prepared: typeof migrate,
  options?: string,
): Promise<Store> {
  const where = placeOf(settings.url);
  try {
    await prepare(settings, where, prepared);
  } catch (error) {
    throw openingError(error, where);
  }
  const pool = new pg.Pool({
    connectionString: settings.url,
    application_name: "hearth",
    max: settings.connections,
    connectionTimeoutMillis: settings.connectTimeoutMs,
    statement_timeout: settings.statementTimeoutMs,
    idle_in_transaction_session_timeout: settings.statementTimeoutMs,
    query_timeout: settings.statementTimeoutMs + TIMEOUT_GRACE_MS,
    keepAlive: true,
    pipeline: true,
    allowExitOnIdle: true,
    types: TYPES,
    ...(options === undefined ? {} : { options }),
  });
  // A connection that breaks is told by the next query on it, or is not missed.
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  return storeOn(new PostgresEngine({ ...deps, ...settings, pool }));
}

async function prepare(
  { url, schema, connectTimeoutMs }: PostgresSettings,
  where: string,
  prepared: typeof migrate,
): Promise<void> {
  const client = new pg.Client({
    connectionString: url,
    application_name: "hearth (schema)",
    connectionTimeoutMillis: connectTimeoutMs,
    lock_timeout: MIGRATION_WAIT_MS,
  });
  client.on("error", () => {});
  try {
    await client.connect();
    await prepared(client, schema, where);
  } finally {
    await client.end().catch(() => {});
  }
}

/** Server and database, without account and password. */
export function placeOf(url: string): string {
  const { hostname, port, pathname } = new URL(url);
  return `The database ${pathname.slice(1) || "(default)"} on ${hostname || "this machine"}${port && `:${port}`}`;
}

/** `int8` comes as text, since it may hold more than a number does; ours never do, as nothing unsafe is stored. */
const TYPES: pg.CustomTypesConfig = {
  getTypeParser(oid, format) {
    if (oid === pg.types.builtins.INT8 && format !== "binary") return (text: string) => safeInteger(text);
    return pg.types.getTypeParser(oid, format);
  },
};

function safeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError("The database holds a number that is too large.");
  return value;
}
