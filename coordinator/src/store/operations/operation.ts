import type { Kysely } from "kysely";
import type { Tables } from "../schema/tables.js";

/** A transaction in progress, of either engine. Beginning and ending it is the engine's part. */
export type Trx = Pick<Kysely<Tables>, "selectFrom" | "insertInto" | "updateTable" | "deleteFrom">;

/**
 * One thing that can be asked of the store, done in one transaction: all of it takes hold or nothing. Input and result
 * are plain data, as they may cross a thread. It may run more than once until it is answered, so it touches nothing but
 * the transaction.
 */
export interface Operation<Input, Result> {
  /**
   * One that reads changes nothing. One that writes sees nothing of others that run at the same time. One that locks may
   * see what they have done between two of its statements: it decides only by rows that it has changed already, in a
   * fixed order, and by conditions of the statement that changes a row. It waits for others instead of failing when it
   * meets them, which is what busy rows need.
   */
  readonly kind: "read" | "write" | "locking";
  readonly run: (trx: Trx, input: Input) => Promise<Result>;
}

export function read<Input, Result>(run: (trx: Trx, input: Input) => Promise<Result>): Operation<Input, Result> {
  return { kind: "read", run };
}

export function write<Input, Result>(run: (trx: Trx, input: Input) => Promise<Result>): Operation<Input, Result> {
  return { kind: "write", run };
}

export function locking<Input, Result>(run: (trx: Trx, input: Input) => Promise<Result>): Operation<Input, Result> {
  return { kind: "locking", run };
}

/** Rows of one INSERT at most: a statement may have 32,766 values in SQLite and 65,535 in PostgreSQL. */
const ROWS_PER_INSERT = 200;

/** The rows in groups that one statement can take. */
export function* inserts<Row>(rows: readonly Row[]): Generator<readonly Row[]> {
  for (let from = 0; from < rows.length; from += ROWS_PER_INSERT) yield rows.slice(from, from + ROWS_PER_INSERT);
}
