import type { Connection, Value } from "../sqlite/connection.js";

/** A table of the database that is copied. */
export interface SourceTable {
  readonly name: string;
  readonly columns: readonly string[];
  /** Columns that name a row of the same table. */
  readonly ownReferences: readonly string[];
}

interface Found extends SourceTable {
  readonly references: readonly string[];
}

/** Every table of ours, each behind those that it refers to: read from the database, so that none can be forgotten. */
export function tablesInOrder(connection: Connection): readonly SourceTable[] {
  const names = connection.rows<{ name: string }>(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
  );
  let left = names.map(({ name }) => tableOf(connection, name));
  const ordered: Found[] = [];
  while (left.length > 0) {
    const waiting = new Set(left.map(({ name }) => name));
    const free = left.filter(({ references }) => !references.some((name) => waiting.has(name)));
    if (free.length === 0) throw new Error(`Tables refer to each other: ${[...waiting].join(", ")}.`);
    ordered.push(...free);
    left = left.filter((table) => !free.includes(table));
  }
  return ordered;
}

function tableOf(connection: Connection, name: string): Found {
  const columns = connection.rows<{ name: string }>("SELECT name FROM pragma_table_info(?) ORDER BY cid", name);
  const keys = connection.rows<{ table: string; from: string }>(
    'SELECT "table", "from" FROM pragma_foreign_key_list(?)',
    name,
  );
  return {
    name,
    columns: columns.map((column) => column.name),
    ownReferences: keys.filter(({ table }) => table === name).map(({ from }) => from),
    references: keys.map(({ table }) => table).filter((table) => table !== name),
  };
}

export function countRows(connection: Connection, { name }: SourceTable): number {
  return connection.rows<{ n: number }>(`SELECT count(*) AS n FROM "${name}"`)[0]?.n ?? 0;
}

/** Rows that are sent at a time, at most … */
const BATCH_ROWS = 2_000;
/** … and how much is in their texts and bytes, about. One row may be larger. */
const BATCH_BYTES = 4_000_000;

/** The rows of a table in batches, those that others of the table may name first. */
export function* batchesOf(connection: Connection, table: SourceTable): Generator<readonly (readonly Value[])[]> {
  const { name, columns, ownReferences } = table;
  const order = [...ownReferences.map((column) => `"${column}" IS NOT NULL`), "rowid"].join(", ");
  let batch: (readonly Value[])[] = [];
  let bytes = 0;
  const list = columns.map((column) => `"${column}"`).join(", ");
  for (const row of connection.each(`SELECT ${list} FROM "${name}" ORDER BY ${order}`)) {
    batch.push(row);
    bytes += row.reduce((sum: number, value) => sum + sizeOf(value), 0);
    if (batch.length < BATCH_ROWS && bytes < BATCH_BYTES) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}

function sizeOf(value: Value): number {
  if (typeof value === "string") return value.length;
  return value instanceof Uint8Array ? value.byteLength : 0;
}
