import { statSync } from "node:fs";
import { StoreError } from "../store-error.js";
import type { Connection } from "./connection.js";

/** A database up to this size is checked whole, bytes: SQLite looks at about 1 GB a second where the file is cached. */
const WHOLE_CHECK_BYTES: number = 1 << 30;
/** The one table that grows without end; in a larger database it is left out, so that a start stays short. */
const LARGE_TABLE = "receipts";

/**
 * Reads the structure of the database, all of it or, beyond `wholeBytes`, that of every table but the receipts'. A
 * damaged page is found at the start, when nothing has been promised yet, and not in the middle of a write.
 *
 * @throws StoreError `corrupt`
 */
export function requireSound(connection: Connection, path: string, wholeBytes: number = WHOLE_CHECK_BYTES): void {
  const isSmall = path === ":memory:" || statSync(path).size <= wholeBytes;
  const checks = isSmall ? ["quick_check(1)"] : tablesOf(connection).map((table) => `quick_check('${table}')`);
  for (const check of checks) {
    const found = connection.pragma(check);
    if (found !== "ok") throw damaged(path, new Error(String(found)));
  }
}

function tablesOf(connection: Connection): readonly string[] {
  const rows = connection.rows<{ name: string }>(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> ?",
    LARGE_TABLE,
  );
  return rows.map(({ name }) => name).filter((name) => /^[a-z_]+$/.test(name));
}

/** What an operator reads about a database that cannot be used any more. */
export function damaged(path: string, cause: unknown): StoreError {
  return new StoreError(
    "corrupt",
    `${path} is damaged or no database: move it and the files beside it (-wal, -shm) away, and put a backup in its place or start without one; docs/configuration.md ("A damaged database") says how, and what is lost.`,
    { cause },
  );
}
