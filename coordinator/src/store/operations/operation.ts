import type { Kysely } from "kysely";
import type { Tables } from "../schema/tables.js";
import type { Book, Needs } from "./money/book.js";

/** A transaction in progress, of either engine. Beginning and ending it is the engine's part. */
export type Trx = Pick<Kysely<Tables>, "selectFrom" | "insertInto" | "updateTable" | "deleteFrom" | "executeQuery">;

/**
 * One thing that can be asked of the store, done in one transaction: all of it takes hold or nothing. Input and result
 * are plain data, as they may cross a thread. It may run more than once until it is answered, so it touches nothing but
 * the transaction.
 */
export interface Operation<Input, Result> {
  /** One that reads changes nothing. One that writes sees nothing of others that run at the same time. */
  readonly kind: "read" | "write";
  readonly run: (trx: Trx, input: Input) => Promise<Result>;
}

/**
 * One that moves money. Many of them share a transaction, since requests cannot wait for one each: they change a book,
 * one after the other, of rows that are nobody else's until the transaction ends. Those of other coordinators wait for
 * the same rows instead of failing.
 */
export interface MoneyOperation<Input, Result> {
  readonly kind: "money";
  readonly run: (book: Book, input: Input) => Result;
  /** What it has to see. */
  readonly needs: (input: Input) => Needs;
  /** What it has to see beside that, as what it needs tells. */
  readonly more: (book: Book, input: Input) => Needs;
}

export function read<Input, Result>(run: (trx: Trx, input: Input) => Promise<Result>): Operation<Input, Result> {
  return { kind: "read", run };
}

export function write<Input, Result>(run: (trx: Trx, input: Input) => Promise<Result>): Operation<Input, Result> {
  return { kind: "write", run };
}

export function money<Input, Result>(
  run: (book: Book, input: Input) => Result,
  needs: (input: Input) => Needs,
  more: (book: Book, input: Input) => Needs = () => ({}),
): MoneyOperation<Input, Result> {
  return { kind: "money", run, needs, more };
}

/** Rows of one INSERT at most: a statement may have 32,766 values in SQLite and 65,535 in PostgreSQL. */
const ROWS_PER_INSERT = 200;

/** The rows in groups that one statement can take. */
export function* inserts<Row>(rows: readonly Row[]): Generator<readonly Row[]> {
  for (let from = 0; from < rows.length; from += ROWS_PER_INSERT) yield rows.slice(from, from + ROWS_PER_INSERT);
}
