import type pg from "pg";
import type { Value } from "../sqlite/connection.js";
import { StoreError } from "../store-error.js";
import type { SourceTable } from "./source.js";

interface Column {
  readonly name: string;
  /** As PostgreSQL writes it. */
  readonly type: string;
  /** The database counts it. */
  readonly isIdentity: boolean;
}

type Columns = ReadonlyMap<string, readonly Column[]>;

/** Where the steps of the schema are counted: it is the target's own. */
const OWN_TABLE = "schema_version";

/** Asks the server on one connection. */
export type Ask = <Row extends pg.QueryResultRow>(query: string | pg.QueryConfig) => Promise<pg.QueryResult<Row>>;

/** One schema of a PostgreSQL that is copied to, in a transaction that somebody else begins and ends. */
export class Target {
  readonly #ask: Ask;
  readonly #schema: string;

  constructor(ask: Ask, schema: string) {
    this.#ask = ask;
    this.#schema = schema;
  }

  /** Nobody else writes into it until the transaction ends. */
  async lock(): Promise<void> {
    const names = [...(await this.#columns()).keys()].map((name) => this.#quoted(name));
    if (names.length > 0) await this.#ask(`LOCK TABLE ${names.join(", ")} IN EXCLUSIVE MODE`);
  }

  /**
   * @param where names the database, for the operator
   * @throws StoreError `refused` where anything is in it
   */
  async requireEmpty(where: string): Promise<void> {
    const filled: string[] = [];
    for (const name of (await this.#columns()).keys()) {
      const { rowCount } = await this.#ask(`SELECT 1 FROM ${this.#quoted(name)} LIMIT 1`);
      if (rowCount !== 0) filled.push(name);
    }
    if (filled.length === 0) return;
    throw new StoreError(
      "refused",
      `${where} has rows already, in its schema ${this.#schema}: ${filled.join(", ")}. Two stores are never merged: name a database that is empty (DATABASE_URL), or another schema (HEARTH_DATABASE_SCHEMA).`,
    );
  }

  /** @throws where it has other tables than the source, or other columns in one */
  async requireAlike(tables: readonly SourceTable[]): Promise<void> {
    const here = [...(await this.#columns())].map(([name, columns]) => shapeOf(name, columns.map(nameOf)));
    const there = tables.map(({ name, columns }) => shapeOf(name, columns));
    const odd = [...there.filter((shape) => !here.includes(shape)), ...here.filter((shape) => !there.includes(shape))];
    if (odd.length > 0) throw new Error(`The two databases do not have the same tables: ${odd.join("; ")}`);
  }

  /** What puts rows into a table, all of a batch with one statement. */
  async inserter({ name, columns }: SourceTable): Promise<(rows: readonly (readonly Value[])[]) => Promise<void>> {
    const types = new Map((await this.#columns()).get(name)?.map((column) => [column.name, column.type]));
    const lists = columns.map((column, n) => `$${n + 1}::${types.get(column)}[]`);
    // Also where the database would count by itself: statements and cursors of before go on.
    const text = `INSERT INTO ${this.#quoted(name)} (${columns.map(quoted).join(", ")}) OVERRIDING SYSTEM VALUE
      SELECT * FROM unnest(${lists.join(", ")})`;
    return async (rows) => {
      const values = columns.map((_, n) => rows.map((row) => kept(row[n] ?? null)));
      await this.#ask({ name: `copy ${name}`, text, values });
    };
  }

  /** What the database counts by itself goes on behind what was copied. */
  async continueCounting({ name }: SourceTable): Promise<void> {
    for (const column of (await this.#columns()).get(name) ?? []) {
      if (!column.isIdentity) continue;
      const { rows } = await this.#ask<{ next: string | null }>(
        `SELECT CAST(max(${quoted(column.name)}) + 1 AS TEXT) AS next FROM ${this.#quoted(name)}`,
      );
      const next = rows[0]?.next;
      if (next == null) continue;
      await this.#ask(
        `ALTER TABLE ${this.#quoted(name)} ALTER COLUMN ${quoted(column.name)} RESTART WITH ${BigInt(next)}`,
      );
    }
  }

  async countRows({ name }: SourceTable): Promise<number> {
    const { rows } = await this.#ask<{ n: string }>(`SELECT count(*) AS n FROM ${this.#quoted(name)}`);
    return Number(rows[0]?.n);
  }

  /** Tells the database's planner what there is now. */
  async analyze({ name }: SourceTable): Promise<void> {
    await this.#ask(`ANALYZE ${this.#quoted(name)}`);
  }

  /** By table. Empty where there is no schema. */
  async #columns(): Promise<Columns> {
    const { rows } = await this.#ask<Column & { table: string }>({
      text: `SELECT c.relname AS table, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
          a.attidentity <> '' AS "isIdentity"
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND c.relname <> $2 AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY c.relname, a.attnum`,
      values: [this.#schema, OWN_TABLE],
    });
    const columns = new Map<string, Column[]>();
    for (const { table, ...column } of rows) columns.set(table, [...(columns.get(table) ?? []), column]);
    return columns;
  }

  #quoted(table: string): string {
    return `${quoted(this.#schema)}.${quoted(table)}`;
  }
}

const quoted = (name: string): string => `"${name}"`;
const nameOf = ({ name }: Column): string => name;
const shapeOf = (table: string, columns: readonly string[]): string => `${table} (${[...columns].sort().join(", ")})`;

/** PostgreSQL has no NUL in a text; what a coordinator has written has none either. */
function kept(value: Value): Value {
  return typeof value === "string" ? value.replaceAll("\0", "\ufffd") : value;
}
