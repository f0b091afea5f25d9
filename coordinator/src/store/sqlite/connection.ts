import Database from "libsql";

/** What a column may hold. */
export type Value = string | number | bigint | Uint8Array | null;

/** What a statement does: rows where it gives some, otherwise how many it changed. */
export type Outcome<Row> =
  | { readonly type: "rows"; readonly rows: Row[] }
  | { readonly type: "changed"; readonly count: number };

interface Prepared {
  readonly statement: Database.Statement;
  readonly givesRows: boolean;
}

/** Statements that are kept prepared at most. */
const MAX_PREPARED = 200;

/** One connection to SQLite. It is synchronous: whoever must not wait for the disk uses it in a thread of its own. */
export class Connection {
  readonly #database: Database.Database;
  readonly #prepared = new Map<string, Prepared>();
  #open = true;

  /** @throws SqliteError, with SQLite's own code; a plain Error where the file cannot be opened at all */
  constructor(path: string) {
    // What another process holds it does not give back within a moment: better to say so at once.
    this.#database = new Database(path, { timeout: 500 });
  }

  get inTransaction(): boolean {
    return this.#database.inTransaction;
  }

  /** Runs one statement. Columns are named as in the schema; bytes come as an `ArrayBuffer`. */
  execute<Row>(sql: string, values: readonly Value[] = []): Outcome<Row> {
    const { statement, givesRows } = this.#prepare(sql);
    // As one array: libsql 0.5 takes a lone Buffer or null for a list of named parameters. And `all` does what `get`
    // would: that adds a member of its own to the row.
    if (givesRows) return { type: "rows", rows: statement.all(values) as Row[] };
    return { type: "changed", count: statement.run(values).changes };
  }

  rows<Row>(sql: string, ...values: Value[]): Row[] {
    const outcome = this.execute<Row>(sql, values);
    return outcome.type === "rows" ? outcome.rows : [];
  }

  /**
   * The rows of a statement one after the other, as lists of their values, without ever having all of them. Numbers come
   * as bigints, exact at any size.
   */
  *each(sql: string): Generator<readonly Value[]> {
    // A statement of its own: one that is under way cannot be used for anything else.
    const statement = this.#database.prepare(sql).raw(true).safeIntegers(true);
    for (const row of statement.iterate([])) yield row as Value[];
  }

  /** Runs statements that take no values. */
  script(sql: string): void {
    this.#database.exec(sql);
  }

  pragma(text: string): unknown {
    const [row] = this.#database.pragma(text) as Record<string, unknown>[];
    return row === undefined ? undefined : Object.values(row)[0];
  }

  /** All that `work` does takes hold, or, when it throws, nothing. */
  transaction<T>(work: () => T): T {
    this.execute("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.execute("COMMIT");
      return result;
    } catch (error) {
      this.rollBack();
      throw error;
    }
  }

  /** Ends a transaction with nothing done, if SQLite has not by itself, as it does after some failures. */
  rollBack(): void {
    if (this.#database.inTransaction) this.execute("ROLLBACK");
  }

  /** Ends the connection and puts everything into the one file, which can be copied then. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#prepared.clear();
    // libsql 0.5 holds the file, and so its lock, until its statements have been collected as garbage. A lock that was
    // exclusive when the write-ahead log began is given back only after the log has ended.
    this.pragma("journal_mode = DELETE");
    this.pragma("locking_mode = NORMAL");
    this.#database.prepare("SELECT count(*) FROM sqlite_schema").all();
    this.#database.close();
  }

  #prepare(sql: string): Prepared {
    const known = this.#prepared.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    const prepared = { statement, givesRows: statement.reader };
    if (this.#prepared.size >= MAX_PREPARED) this.#forgetOldest();
    this.#prepared.set(sql, prepared);
    return prepared;
  }

  #forgetOldest(): void {
    for (const sql of this.#prepared.keys()) {
      this.#prepared.delete(sql);
      return;
    }
  }
}
