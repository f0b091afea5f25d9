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
  const { answers, lost } = await attempt(database, requests);
  if (lost === undefined) return answers;
  const reads = requests.filter(isRead);
  const again = reads.length < requests.length ? (await attempt(database, reads)).answers : [];
  return requests.map((request, n) => {
    const second = isRead(request) ? again.shift() : undefined;
    const first = answers[n];
    return first?.type === "failed" ? first : (second ?? { type: "failed", error: lost });
  });
}

const isRead = ({ name }: Request): boolean => operationOf(name).kind === "read";

interface Attempt {
  /** Shorter than the requests when it was lost on the way. */
  readonly answers: Answer[];
  /** Why nothing of it is kept. */
  readonly lost: ErrorRecord | undefined;
}

async function attempt({ connection, kysely }: OpenDatabase, requests: readonly Request[]): Promise<Attempt> {
  const answers: Answer[] = [];
  try {
    connection.execute("BEGIN IMMEDIATE");
    for (const request of requests) {
      answers.push(await runOne(connection, kysely, request));
      // SQLite rolls everything back by itself after some failures.
      if (!connection.inTransaction) return { answers, lost: lastFailure(answers) };
    }
    connection.execute("COMMIT");
    return { answers, lost: undefined };
  } catch (error) {
    connection.rollBack();
    return { answers, lost: recordOf(error) };
  }
}

async function runOne(connection: Connection, kysely: Kysely<Tables>, { name, input }: Request): Promise<Answer> {
  connection.execute("SAVEPOINT one");
  try {
    const result = await operationOf(name).run(kysely, input);
    connection.execute("RELEASE one");
    return { type: "done", result };
  } catch (error) {
    if (connection.inTransaction) {
      connection.execute("ROLLBACK TO one");
      connection.execute("RELEASE one");
    }
    return { type: "failed", error: recordOf(error) };
  }
}

function lastFailure(answers: readonly Answer[]): ErrorRecord {
  const last = answers.at(-1);
  return last?.type === "failed" ? last.error : recordOf(new Error("SQLite ended the transaction."));
}
