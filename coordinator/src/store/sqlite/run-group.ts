import type { Kysely } from "kysely";
import { type OperationName, operationOf } from "../operations/registry.js";
import type { Tables } from "../schema/tables.js";
import type { Connection } from "./connection.js";
import { type ErrorRecord, recordOf } from "./error-record.js";

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
  let ended = await attempt(database, requests, runOne);
  // A savepoint each costs as much as what they do, and hardly anything ever fails.
  if (ended.type === "spoilt") ended = await attempt(database, requests, runApart);
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

type Run = (database: OpenDatabase, request: Request) => Promise<Answer>;

async function attempt(database: OpenDatabase, requests: readonly Request[], run: Run): Promise<Ended> {
  const { connection } = database;
  const answers: Answer[] = [];
  try {
    connection.execute("BEGIN IMMEDIATE");
    for (const request of requests) {
      const answer = await run(database, request);
      answers.push(answer);
      if (answer.type === "done") continue;
      const { error } = answer;
      if (run === runOne) {
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

async function runOne({ kysely }: OpenDatabase, { name, input }: Request): Promise<Answer> {
  try {
    return { type: "done", result: await operationOf(name).run(kysely, input) };
  } catch (error) {
    return { type: "failed", error: recordOf(error) };
  }
}

/** Takes back what a request has done before it failed. */
async function runApart(database: OpenDatabase, request: Request): Promise<Answer> {
  const { connection } = database;
  connection.execute("SAVEPOINT one");
  const answer = await runOne(database, request);
  if (!connection.inTransaction) return answer;
  if (answer.type === "failed") connection.execute("ROLLBACK TO one");
  connection.execute("RELEASE one");
  return answer;
}

/** The answers after a transaction that was lost: each failure of its own, what can be read, and the loss. */
async function afterLoss(
  database: OpenDatabase,
  requests: readonly Request[],
  { answers, error }: Exclude<Ended, { type: "kept" }>,
): Promise<Answer[]> {
  const reads = requests.filter(isRead);
  const again = reads.length < requests.length ? (await attempt(database, reads, runApart)).answers : [];
  return requests.map((request, n) => {
    const second = isRead(request) ? again.shift() : undefined;
    const first = answers[n];
    return first?.type === "failed" ? first : (second ?? { type: "failed", error });
  });
}

const isRead = ({ name }: Request): boolean => operationOf(name).kind === "read";
