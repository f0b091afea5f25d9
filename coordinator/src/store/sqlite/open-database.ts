import { chmodSync, closeSync, existsSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { describeDiskFault } from "@hearth/disk";
import { SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from "kysely";
import { kyselyOn } from "../operations/kysely-on.js";
import { MIGRATIONS } from "../schema/migrations.js";
import { outdated, StoreError } from "../store-error.js";
import { damaged, requireSound } from "./check-integrity.js";
import { Connection, type Value } from "./connection.js";
import type { OpenDatabase } from "./run-group.js";

/** "Hrth": tells a database of ours from another program's. */
const APPLICATION_ID = 0x48727468;

/**
 * Opens `hearth.db` in the data directory, makes it where there is none, and brings its schema up to date. It is for its
 * owner only (0600) and for one coordinator at a time.
 *
 * @throws StoreError
 */
export function openDatabase(dataDir: string): OpenDatabase {
  const path = join(dataDir, "hearth.db");
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    closeSync(openSync(path, "a", 0o600));
    // SQLite gives its log the mode of the database.
    chmodSync(path, 0o600);
  } catch (cause) {
    throw explained(path, cause);
  }
  return open(path);
}

/**
 * Opens `hearth.db` as it is: it is neither made nor brought up to date. Nobody else may have it open.
 *
 * @throws StoreError, also where there is none, or one of another schema
 */
export function openDatabaseToRead(dataDir: string): OpenDatabase {
  const path = join(dataDir, "hearth.db");
  if (!existsSync(path)) throw new StoreError("unusable", `${path} is not there: see HEARTH_DATA_DIR.`);
  try {
    const connection = new Connection(path);
    connection.pragma("locking_mode = EXCLUSIVE");
    const version = versionOf(connection, path);
    requireSound(connection, path);
    if (version < MIGRATIONS.length) throw outdated(path, version);
    return { connection, kysely: queriesOn(connection) };
  } catch (cause) {
    throw explained(path, cause);
  }
}

/** A database that is gone with its process. */
export function openMemoryDatabase(): OpenDatabase {
  return open(":memory:");
}

function open(path: string): OpenDatabase {
  try {
    const connection = new Connection(path);
    // One coordinator owns the file: it keeps in memory what it has read. Said before anything else, so that the index
    // of the write-ahead log is in this process's memory as well.
    connection.pragma("locking_mode = EXCLUSIVE");
    const version = versionOf(connection, path);
    requireSound(connection, path);
    connection.pragma("journal_mode = WAL");
    connection.pragma("synchronous = FULL");
    connection.pragma("foreign_keys = ON");
    migrate(connection, version);
    return { connection, kysely: queriesOn(connection) };
  } catch (cause) {
    throw explained(path, cause);
  }
}

function queriesOn(connection: Connection): OpenDatabase["kysely"] {
  return kyselyOn({
    adapter: new SqliteAdapter(),
    compiler: new SqliteQueryCompiler(),
    introspector: (db) => new SqliteIntrospector(db),
    async execute(sql, values) {
      const outcome = connection.execute(sql, values as Value[]);
      if (outcome.type === "rows") return { rows: outcome.rows };
      return { rows: [], numAffectedRows: BigInt(outcome.count) };
    },
  });
}

/** The steps that the schema has taken. Nothing has been written by now: the file may be somebody else's. */
function versionOf(connection: Connection, path: string): number {
  const tables = connection.rows<{ n: number }>("SELECT count(*) AS n FROM sqlite_schema")[0]?.n ?? 0;
  if (tables > 0 && connection.pragma("application_id") !== APPLICATION_ID) {
    throw new StoreError("foreign", `${path} is another program's database: move it away.`);
  }
  const version = Number(connection.pragma("user_version"));
  if (version <= MIGRATIONS.length) return version;
  throw new StoreError(
    "schema_newer",
    `${path} was written by a later version of Hearth (schema ${version}; this one knows ${MIGRATIONS.length}): run that version, or start from a backup.`,
  );
}

function migrate(connection: Connection, version: number): void {
  for (const [index, step] of MIGRATIONS.entries()) {
    if (index < version) continue;
    connection.transaction(() => {
      connection.script(step.sqlite);
      connection.script(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${index + 1}`);
    });
  }
}

function explained(path: string, cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause;
  const code = String((cause as NodeJS.ErrnoException).code ?? "");
  if (code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED")) {
    return new StoreError("in_use", `${path} is in use by another process: one coordinator at a time.`, { cause });
  }
  if (code.startsWith("SQLITE_NOTADB") || code.startsWith("SQLITE_CORRUPT")) {
    return damaged(path, cause);
  }
  if (code.startsWith("SQLITE_FULL")) {
    return new StoreError("unusable", `${path} cannot be used: its disk is full (${code}); free some space.`, {
      cause,
    });
  }
  return new StoreError("unusable", `${path} cannot be opened: ${describeDiskFault(cause)}.`, { cause });
}
