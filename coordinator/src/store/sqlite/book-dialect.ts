import type { BookDialect } from "../operations/money/book-sql.js";

/** SQLite has one writer at a time: its rows need no lock. Nor is there a way to save statements for. */
export const SQLITE_BOOK: BookDialect = {
  table: (name) => name,
  texts: () => "SELECT value FROM json_each(?)",
  numbers: () => "SELECT value FROM json_each(?)",
  among: (column, query) => `${column} IN (${query})`,
  locked: () => "",
};
