import type { Kysely } from "kysely";
import type { BookSource } from "../operations/carry-out.js";
import { carryOut, type MoneyRequest } from "../operations/carry-out.js";
import { BookSql } from "../operations/money/book-sql.js";
import { type OperationName, operationOf } from "../operations/registry.js";
import type { Tables } from "../schema/tables.js";
import { type ErrorRecord, recordOf } from "../thread/error-record.js";
import { SQLITE_BOOK } from "./book-dialect.js";
import type { Connection } from "./connection.js";

export interface Request {
  readonly name: OperationName;
  readonly input: unknown;
}

export type Answer =
  | { readonly type: "done"; readonly result: unknown }
  | { readonly type: "failed"; readonly error: ErrorRecord };

/** An open database, with what builds queries for it. */
export interface OpenDatabase {
  readonly connection: Connection;
  readonly kysely: Kysely<Tables>;
}

/**
 * Carries requests out in one transaction, in their order, and answers once it is kept. One that fails leaves the others
 * alone. When the transaction as a whole is lost, as on a full disk, everything that was to be written fails with it,
 * and what only reads is read again.
 */
export async function runGroup(database: OpenDatabase, requests: readonly Request[]): Promise<Answer[]> {
  let ended = await attempt(database, together(requests), runSome);
  // A savepoint each costs as much as what they do, and hardly anything ever fails.
  if (ended.type === "spoilt") ended = await attempt(database, apart(requests), runApart);
  if (ended.type === "kept") return ended.answers;
  return afterLoss(database, requests, ended);
}

/** How a transaction ended. */
type Ended =
  | { readonly type: "kept"; readonly answers: Answer[] }
  /** One request failed without a savepoint: nothing is done, and all can be done again. */
  | { readonly type: "spoilt"; readonly answers: Answer[]; readonly error: ErrorRecord }
  /** Nothing of it is kept. There are answers for the requests up to then. */
  | { readonly type: "lost"; readonly answers: Answer[]; readonly error: ErrorRecord };

/** Requests that are carried out as one: several only of those that move money. */
type Step = readonly Request[];

const BOOK_SQL = new BookSql(SQLITE_BOOK);

/** Money operations that follow each other share their statements. */
function together(requests: readonly Request[]): readonly Step[] {
  const steps: Request[][] = [];
  for (const request of requests) {
    const last = steps.at(-1);
    const [first] = last ?? [];
    if (last !== undefined && first !== undefined && isMoney(first) && isMoney(request)) last.push(request);
    else steps.push([request]);
  }
  return steps;
}

function apart(requests: readonly Request[]): readonly Step[] {
  return requests.map((request) => [request]);
}

type Run = (database: OpenDatabase, step: Step) => Promise<readonly Answer[]>;

async function attempt(database: OpenDatabase, steps: readonly Step[], run: Run): Promise<Ended> {
  const { connection } = database;
  const answers: Answer[] = [];
  try {
    connection.execute("BEGIN IMMEDIATE");
    for (const step of steps) {
      const some = await run(database, step);
      answers.push(...some);
      const failed = some.find((answer) => answer.type === "failed");
      if (failed === undefined) continue;
      const { error } = failed;
      if (run === runSome) {
        connection.rollBack();
        return { type: "spoilt", answers, error };
      }
      // SQLite rolls everything back by itself after some failures.
      if (!connection.inTransaction) return { type: "lost", answers, error };
    }
    connection.execute("COMMIT");
    return { type: "kept", answers };
  } catch (error) {
    connection.rollBack();
    return { type: "lost", answers, error: recordOf(error) };
  }
}

async function runSome(database: OpenDatabase, step: Step): Promise<readonly Answer[]> {
  try {
    const money = step.flatMap(moneyOf);
    if (money.length > 0) return await runMoney(database, money);
    return await Promise.all(step.map((request) => runOne(database, request)));
  } catch (error) {
    return step.map(() => ({ type: "failed", error: recordOf(error) }));
  }
}

async function runOne({ kysely }: OpenDatabase, { name, input }: Request): Promise<Answer> {
  const operation = operationOf(name);
  if (operation.kind === "money") throw new Error("Money is not moved by statements.");
  return { type: "done", result: await operation.run(kysely, input) };
}

async function runMoney({ connection }: OpenDatabase, requests: readonly MoneyRequest[]): Promise<readonly Answer[]> {
  const source: BookSource = {
    sql: BOOK_SQL,
    rows: async (statements) => statements.map(({ sql, values }) => connection.rows(sql, ...values)),
  };
  const { answers, writes } = await carryOut(source, requests);
  for (const { sql, values } of writes) connection.execute(sql, values);
  return answers.map((answer) => (answer.type === "done" ? answer : { type: "failed", error: recordOf(answer.error) }));
}

/** Takes back what a request has done before it failed. */
async function runApart(database: OpenDatabase, step: Step): Promise<readonly Answer[]> {
  const { connection } = database;
  connection.execute("SAVEPOINT one");
  const answers = await runSome(database, step);
  if (!connection.inTransaction) return answers;
  if (answers.some(({ type }) => type === "failed")) connection.execute("ROLLBACK TO one");
  connection.execute("RELEASE one");
  return answers;
}

/** The answers after a transaction that was lost: each failure of its own, what can be read, and the loss. */
async function afterLoss(
  database: OpenDatabase,
  requests: readonly Request[],
  { answers, error }: Exclude<Ended, { type: "kept" }>,
): Promise<Answer[]> {
  const reads = requests.filter(isRead);
  const again = reads.length < requests.length ? (await attempt(database, apart(reads), runApart)).answers : [];
  return requests.map((request, n) => {
    const second = isRead(request) ? again.shift() : undefined;
    const first = answers[n];
    return first?.type === "failed" ? first : (second ?? { type: "failed", error });
  });
}

const isRead = ({ name }: Request): boolean => operationOf(name).kind === "read";
const isMoney = ({ name }: Request): boolean => operationOf(name).kind === "money";

function moneyOf({ name, input }: Request): MoneyRequest[] {
  const operation = operationOf(name);
  return operation.kind === "money" ? [{ operation, input }] : [];
}
