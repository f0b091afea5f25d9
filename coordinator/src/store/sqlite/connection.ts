import Database from "libsql";

/** What a column may hold. */
export type Value = string | number | Uint8Array | null;

/** What a column of bytes is read as: libsql 0.5 gives a Buffer for the row of `get`, and this for those of `all`. */
export type Blob = ArrayBuffer;

/**
 * One connection to SQLite. It is synchronous, and nothing else runs meanwhile: a transaction never interleaves with
 * another one of this process.
 */
export class Connection {
  readonly #database: Database.Database;
  readonly #statements = new Map<string, Database.Statement>();
  #open = true;

  /** @throws SqliteError, with SQLite's own code; a plain Error where the file cannot be opened at all */
  constructor(path: string) {
    // What another process holds it does not give back within a moment: better to say so at once.
    this.#database = new Database(path, { timeout: 500 });
  }

  /** The rows that a statement gives, with the columns' names as they are in the schema. */
  rows<Row>(sql: string, ...values: Value[]): Row[] {
    // As one array: libsql 0.5 takes a lone Buffer or null for a list of named parameters.
    return this.#statement(sql).all(values) as Row[];
  }

  /** The first row. `rows` does it: `get` of libsql 0.5 adds a member of its own to the row. */
  row<Row>(sql: string, ...values: Value[]): Row | undefined {
    return this.rows<Row>(sql, ...values)[0];
  }

  /** @returns how many rows the statement changed */
  change(sql: string, ...values: Value[]): number {
    return this.#statement(sql).run(values).changes;
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
    this.script("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.script("COMMIT");
      return result;
    } catch (error) {
      // SQLite has rolled back by itself after some failures, such as a full disk.
      if (this.#database.inTransaction) this.script("ROLLBACK");
      throw error;
    }
  }

  /** Ends the connection and puts everything into the one file, which can be copied then. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#statements.clear();
    // libsql 0.5 holds the file, and so its lock, until its statements have been collected as garbage. A lock that was
    // exclusive when the write-ahead log began is given back only after the log has ended.
    this.pragma("journal_mode = DELETE");
    this.pragma("locking_mode = NORMAL");
    this.#database.prepare("SELECT count(*) FROM sqlite_schema").all();
    this.#database.close();
  }

  #statement(sql: string): Database.Statement {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}
