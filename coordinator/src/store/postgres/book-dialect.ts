import type { BookDialect } from "../operations/money/book-sql.js";

/** The schema's name is one of letters, digits and `_`. */
export function postgresBook(schema: string): BookDialect {
  const table = (name: string): string => `"${schema}".${name}`;
  return {
    table,
    texts: (n) => `SELECT json_array_elements_text($${n}::json)`,
    numbers: (n) => `SELECT json_array_elements_text($${n}::json)::bigint`,
    rows: (name) => `json_populate_recordset(NULL::${table(name)}, $1::json)`,
    // An array, since its elements are looked up one by one; a join may read all of the table.
    among: (column, query) => `${column} = ANY (ARRAY(${query}))`,
    locked: (key) => ` ORDER BY ${key.join(", ")} FOR NO KEY UPDATE`,
  };
}
