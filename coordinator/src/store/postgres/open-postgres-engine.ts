import type { Clock, Rng } from "@hearth/platform";
import pg from "pg";
import type { Engine } from "../operations/registry.js";
import { type PostgresSettings, placeOf } from "../store-settings.js";
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
 * Opens a PostgreSQL database: to use it, with its schema brought up to date, or only to read it as it is.
 *
 * @throws StoreError `away`, `refused`, `foreign`, `schema_newer`, `schema_older`
 */
export async function openPostgresEngine(
  settings: PostgresSettings,
  deps: PostgresDeps,
  what: "to use" | "to read",
): Promise<Engine> {
  const where = placeOf(settings.url);
  try {
    await prepare(settings, where, what === "to use" ? migrate : requireCurrent);
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
    ...(what === "to read" && { options: "-c default_transaction_read_only=on" }),
  });
  // A connection that breaks is told by the next query on it, or is not missed.
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  return new PostgresEngine({ ...deps, ...settings, pool });
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
