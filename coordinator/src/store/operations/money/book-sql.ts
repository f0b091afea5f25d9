import { storable } from "../storable.js";
import type { RowOf } from "./book.js";

/** What to send to a database. */
export interface Statement {
  readonly sql: string;
  readonly values: readonly (string | number | null)[];
}

/** How an engine spells what the statements of a book are made of. Values are counted from 1. */
export interface BookDialect {
  table(name: BookTable): string;
  /** A query of the texts of value `n`, a list in JSON. */
  texts(n: number): string;
  /** A query of its whole numbers. */
  numbers(n: number): string;
  /** The rows of a table in value 1, a list of objects in JSON. Absent = each row is written by a statement of its own. */
  readonly rows?: (table: BookTable) => string;
  /** That a column is one of what a query gives, found by its index. */
  among(column: string, query: string): string;
  /**
   * What a query ends with whose rows are nobody else's until the transaction ends, taken in the order of these. Empty =
   * all of the database is.
   */
  locked(key: readonly string[]): string;
}

/** The columns of each table: those that say which row it is, those that stay, and those that change. */
const TABLES = {
  reservations: {
    key: ["id"],
    fixed: [
      ...["request_id", "account", "payer", "node", "key_id", "window_start_ms", "budget_limit", "fee_basis_points"],
      ...["asked", "created_at_ms"],
    ],
    changing: [
      ...["state", "reserved_credit", "reserved_earned", "used", "used_parts", "posted", "refunded", "resolved_by"],
      ...["expires_at_ms", "resolved_at_ms"],
    ],
  },
  payouts: {
    key: ["id"],
    fixed: ["account", "amount", "requested_at_ms"],
    changing: ["state", "reason", "actor", "changed_at_ms"],
  },
  transfers: {
    key: ["id"],
    fixed: ["kind", "account", "amount", "request_id", "reason", "actor", "created_at_ms"],
    changing: [],
  },
  key_spend: { key: ["key_id", "window_start_ms"], fixed: [], changing: ["spent", "reserved"] },
  ledger_accounts: { key: ["id"], fixed: ["owner", "kind"], changing: ["balance", "reserved"] },
  entries: { key: ["transfer_id", "ledger_account"], fixed: ["amount", "balance_after"], changing: [] },
  work_parts: {
    key: ["reservation_id", "n"],
    fixed: [
      ...["payer", "account", "machine", "model", "attempt_id", "hour_ms", "gross", "fee", "net", "prompt_tokens"],
      "completion_tokens",
    ],
    changing: [],
  },
  earnings: {
    key: ["account", "hour_ms", "machine", "model"],
    fixed: [],
    changing: ["gross", "fee", "net", "requests", "prompt_tokens", "completion_tokens"],
  },
  outbox: {
    key: ["id"],
    fixed: ["kind", "payload", "created_at_ms", "delivered_at_ms", "attempts", "next_at_ms"],
    changing: [],
  },
} as const satisfies Record<string, TableColumns>;

interface TableColumns {
  readonly key: readonly string[];
  readonly fixed: readonly string[];
  readonly changing: readonly string[];
}

export type BookTable = keyof typeof TABLES;

function columnsOf(table: BookTable): readonly string[] {
  const { key, fixed, changing } = TABLES[table];
  return [...key, ...fixed, ...changing];
}

/** A list in JSON, as a statement takes it. @throws RangeError for what the columns do not hold */
export function jsonOf(list: readonly unknown[]): string {
  return JSON.stringify(list, (_, value) => storable(value));
}

function storableValue(value: unknown): string | number | null {
  return storable(value) as string | number | null;
}

/** The statements of a book for one engine. They take any number of rows. */
export class BookSql {
  readonly selects: Readonly<
    Record<
      "reservations" | "payouts" | "transfers" | "key_spend" | "ledger_accounts" | "work_parts" | "entries",
      string
    >
  >;
  /** How many of the reservations, budgets and accounts there are, after they were read; absent = as many as then. */
  readonly count: string | undefined;
  readonly #dialect: BookDialect;
  readonly #made = new Map<string, string>();

  constructor(dialect: BookDialect) {
    this.#dialect = dialect;
    const { texts, among, locked } = dialect;
    const byId = among("id", texts(1));
    const spends = this.#ofSpends(1);
    const accounts = this.#ofAccounts(1);
    this.selects = {
      reservations: this.#select("reservations", byId) + locked(["id"]),
      payouts: this.#select("payouts", byId) + locked(["id"]),
      key_spend: this.#select("key_spend", spends) + locked(["key_id", "window_start_ms"]),
      ledger_accounts: this.#select("ledger_accounts", accounts) + locked(["id"]),
      transfers: this.#select("transfers", byId),
      work_parts: this.#select("work_parts", among("reservation_id", texts(1))),
      entries: this.#select("entries", among("transfer_id", texts(1))),
    };
    const counts = [
      this.#count("reservations", byId),
      this.#count("key_spend", this.#ofSpends(2)),
      this.#count("ledger_accounts", this.#ofAccounts(6)),
    ];
    this.count = locked(["id"]) === "" ? undefined : `SELECT ${counts.join(" + ")} AS count`;
  }

  insert<T extends BookTable>(table: T, rows: readonly Omit<RowOf<T>, "seq">[]): readonly Statement[] {
    return this.#write(`insert ${table}`, columnsOf(table), rows, () => this.#insert(table));
  }

  update<T extends BookTable>(table: T, rows: readonly RowOf<T>[]): readonly Statement[] {
    const { key, changing } = TABLES[table];
    return this.#write(`update ${table}`, [...changing, ...key], rows, () => this.#update(table));
  }

  /** Sums are added to those that are there. */
  add(rows: readonly RowOf<"earnings">[]): readonly Statement[] {
    return this.#write("add", columnsOf("earnings"), rows, () => {
      const { key, changing } = TABLES.earnings;
      const set = changing.map((column) => `${column} = earnings.${column} + excluded.${column}`).join(", ");
      return `${this.#insert("earnings")} ON CONFLICT (${key.join(", ")}) DO UPDATE SET ${set}`;
    });
  }

  /** What has been told already is not told again. */
  tell(rows: readonly RowOf<"outbox">[]): readonly Statement[] {
    return this.#write("tell", columnsOf("outbox"), rows, () => `${this.#insert("outbox")} ON CONFLICT DO NOTHING`);
  }

  #write(name: string, columns: readonly string[], rows: readonly object[], make: () => string): readonly Statement[] {
    if (rows.length === 0) return [];
    const sql = this.#made.get(name) ?? make();
    this.#made.set(name, sql);
    const valuesOf = (row: object): unknown[] => columns.map((column) => row[column as keyof typeof row]);
    if (this.#dialect.rows === undefined) return rows.map((row) => ({ sql, values: valuesOf(row).map(storableValue) }));
    const named = rows.map((row) => Object.fromEntries(valuesOf(row).map((value, n) => [columns[n], value])));
    return [{ sql, values: [jsonOf(named)] }];
  }

  #insert(table: BookTable): string {
    const { rows } = this.#dialect;
    const columns = columnsOf(table);
    const names = columns.join(", ");
    const source =
      rows === undefined ? `VALUES (${columns.map(() => "?").join(", ")})` : `SELECT ${names} FROM ${rows(table)}`;
    return `INSERT INTO ${this.#dialect.table(table)} (${names}) ${source}`;
  }

  #update(table: BookTable): string {
    const { rows } = this.#dialect;
    const { key, changing } = TABLES[table];
    const name = this.#dialect.table(table);
    const each = (columns: readonly string[], of: string, between: string): string =>
      columns.map((column) => `${of}${column} = ${rows === undefined ? "?" : `r.${column}`}`).join(between);
    const set = `UPDATE ${name} SET ${each(changing, "", ", ")}`;
    const from = rows === undefined ? "" : ` FROM ${rows(table)} AS r`;
    return `${set}${from} WHERE ${each(key, `${table}.`, " AND ")}`;
  }

  /** By keys and windows, each with those of some reservations. More than was asked for does no harm. */
  #ofSpends(n: number): string {
    const { among, texts, numbers } = this.#dialect;
    const keys = `${texts(n)} UNION ALL ${this.#ofReservations("key_id", n + 1)}`;
    const windows = `${numbers(n + 2)} UNION ALL ${this.#ofReservations("window_start_ms", n + 3)}`;
    return `${among("key_id", keys)} AND ${among("window_start_ms", windows)}`;
  }

  /** By ids, with those of the payers of some reservations. */
  #ofAccounts(n: number): string {
    const { among, texts } = this.#dialect;
    const credit = this.#ofReservations("'credit/' || payer", n + 1);
    const earned = this.#ofReservations("'earned/' || payer", n + 2);
    return among("id", `${texts(n)} UNION ALL ${credit} UNION ALL ${earned}`);
  }

  #ofReservations(value: string, n: number): string {
    const { among, texts, table } = this.#dialect;
    return `SELECT ${value} FROM ${table("reservations")} WHERE ${among("id", texts(n))}`;
  }

  #select(table: BookTable, where: string): string {
    return `SELECT ${columnsOf(table).join(", ")} FROM ${this.#dialect.table(table)} WHERE ${where}`;
  }

  #count(table: BookTable, where: string): string {
    return `(SELECT count(*) FROM ${this.#dialect.table(table)} WHERE ${where})`;
  }
}
