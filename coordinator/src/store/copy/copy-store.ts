import { join } from "node:path";
import pg from "pg";
import { lockSchema, migrate } from "../postgres/migrate.js";
import { explained, openingError } from "../postgres/server-error.js";
import { damaged } from "../sqlite/check-integrity.js";
import type { Connection } from "../sqlite/connection.js";
import { openDatabaseToRead } from "../sqlite/open-database.js";
import { StoreError } from "../store-error.js";
import { type PostgresSettings, placeOf } from "../store-settings.js";
import { batchesOf, countRows, type SourceTable, tablesInOrder } from "./source.js";
import { type Ask, Target } from "./target.js";

export interface CopyStore {
  /** Whose `hearth.db` is copied. Nobody may have it open. */
  readonly dataDir: string;
  readonly postgres: PostgresSettings;
  /** So many of a table's rows are there by now. Told of each table at least once, in the end with all of them. */
  readonly progress: (table: string, rows: number, of: number) => void;
}

export interface CopiedTable {
  readonly name: string;
  /** In both databases. */
  readonly rows: number;
}

/** How long a start may wait for another coordinator's, as it does itself, ms. */
const LOCK_WAIT_MS = 60_000;

/**
 * Copies everything that `hearth.db` holds into a PostgreSQL that holds nothing, makes our schema there where there is
 * none, and changes nothing in the file. All of it takes hold or nothing, whatever happens meanwhile.
 *
 * @throws StoreError for a file or a server that cannot be used, or a server that has rows already
 */
export async function copyStore({ dataDir, postgres, progress }: CopyStore): Promise<readonly CopiedTable[]> {
  const path = join(dataDir, "hearth.db");
  const { connection } = openDatabaseToRead(dataDir);
  const where = placeOf(postgres.url);
  const client = new pg.Client({
    connectionString: postgres.url,
    application_name: "hearth (migrate-store)",
    connectionTimeoutMillis: postgres.connectTimeoutMs,
    lock_timeout: LOCK_WAIT_MS,
    keepAlive: true,
  });
  client.on("error", () => {});
  try {
    await prepare(client, postgres.schema, where);
    try {
      return await copyAll({ connection, client, schema: postgres.schema, where, progress });
    } catch (error) {
      throw copyingError(error, { path, where });
    }
  } finally {
    await client.end().catch(() => {});
    connection.close();
  }
}

/** A target that is in use is refused before it is brought up to date. */
async function prepare(client: pg.Client, schema: string, where: string): Promise<void> {
  try {
    await client.connect();
    const { rows } = await client.query("SELECT to_regclass($1) AS found", [`"${schema}".schema_version`]);
    if (rows[0]?.found !== null) await new Target((query) => client.query(query), schema).requireEmpty(where);
    await migrate(client, schema, where);
  } catch (error) {
    throw openingError(error, where);
  }
}

interface Copying extends Pick<CopyStore, "progress"> {
  readonly connection: Connection;
  readonly client: pg.Client;
  readonly schema: string;
  readonly where: string;
}

async function copyAll(copying: Copying): Promise<readonly CopiedTable[]> {
  const { connection, client, schema, where } = copying;
  const tables = tablesInOrder(connection);
  const ask: Ask = async (query) => {
    try {
      return await client.query(query);
    } catch (error) {
      throw explained(error);
    }
  };
  const target = new Target(ask, schema);
  await ask("BEGIN");
  await lockSchema(client, schema);
  await target.lock();
  await target.requireEmpty(where);
  await target.requireAlike(tables);
  const copied: CopiedTable[] = [];
  for (const table of tables) copied.push({ name: table.name, rows: await copyTable(copying, target, table) });
  await commit(ask, where);
  return copied;
}

/** @returns how many rows it has, in both @throws where they do not have as many */
async function copyTable({ connection, progress }: Copying, target: Target, table: SourceTable): Promise<number> {
  const insert = await target.inserter(table);
  const total = countRows(connection, table);
  let rows = 0;
  for (const batch of batchesOf(connection, table)) {
    await insert(batch);
    rows += batch.length;
    if (rows < total) progress(table.name, rows, total);
  }
  await target.continueCounting(table);
  await target.analyze(table);
  const there = await target.countRows(table);
  if (there !== total) throw new Error(`${table.name} has ${there} rows instead of ${total}: nothing was kept.`);
  progress(table.name, rows, total);
  return total;
}

async function commit(ask: Ask, where: string): Promise<void> {
  try {
    await ask("COMMIT");
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    throw new StoreError(
      "away",
      `${where} did not say whether it has kept the copy. It has all of it or nothing: run the command again, which refuses where it has.`,
      { cause: error },
    );
  }
}

interface Places {
  readonly path: string;
  readonly where: string;
}

/** What the copy itself has failed with: everything before that has words of its own. */
function copyingError(error: unknown, { path, where }: Places): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const nothing = `Nothing of the copy was kept, and ${path} is as it was.`;
  if (error instanceof StoreError) {
    const { cause, message } = error;
    if (code !== "away" || cause !== undefined) return error;
    return new StoreError("away", `${where} went away in the middle. ${message} ${nothing} Run the command again.`);
  }
  if (code.startsWith("SQLITE_")) return damaged(path, error);
  if (code === "") return error;
  return new StoreError("refused", `${where} did not take the copy: ${(error as Error).message} (${code}). ${nothing}`);
}
