import type { BookDialect } from "../operations/money/book-sql.js";

/** SQLite has one writer at a time: its rows need no lock. */
export const SQLITE_BOOK: BookDialect = {
  table: (name) => name,
  texts: () => "SELECT value FROM json_each(?)",
  numbers: () => "SELECT value FROM json_each(?)",
  rows: (_table, columns) =>
    `(SELECT ${columns.map((column) => `value ->> '${column}' AS ${column}`).join(", ")} FROM json_each(?))`,
  among: (column, query) => `${column} IN (${query})`,
  locked: () => "",
};
