import type { Clock, Rng } from "@hearth/platform";
import { type Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from "kysely";
import type pg from "pg";
import { type BookSource, carryOut, type MoneyAnswer, type MoneyRequest } from "../operations/carry-out.js";
import { kyselyOn } from "../operations/kysely-on.js";
import type { Needs } from "../operations/money/book.js";
import { BookSql, type Statement } from "../operations/money/book-sql.js";
import type { Operation } from "../operations/operation.js";
import { type Engine, type InputOf, type OperationName, operationOf, type ResultOf } from "../operations/registry.js";
import { Waiting } from "../operations/waiting.js";
import type { Tables } from "../schema/tables.js";
import { StoreError } from "../store-error.js";
import { postgresBook } from "./book-dialect.js";
import { MoneyGroups } from "./money-groups.js";
import { explained, mayTryAgain } from "./server-error.js";
import { Slots } from "./slots.js";

/** How often one operation is tried when it keeps meeting others. */
const MAX_TRIES = 20;
/** How often one is tried alone that a group was tried with in vain: many of them may be waited for. */
const TRIES_ALONE = 5;
/** The pause between two tries grows to this, ms; how much of it is left to chance. */
const MAX_PAUSE_MS = 100;

const BEGIN = {
  read: "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
  write: "BEGIN ISOLATION LEVEL SERIALIZABLE",
  money: "BEGIN ISOLATION LEVEL READ COMMITTED",
} as const;

/**
 * A book's rows are looked up by their keys. The server plans its statements when the tables may still be new, and would
 * read all of them each time until it has counted their rows.
 */
const BY_INDEX = "SET LOCAL enable_seqscan = off";

/** The names that the statements of books are prepared under, on any connection. */
const names = new Map<string, string>();

const COMMIT: Statement = { sql: "COMMIT", values: [] };

export interface PostgresEngineDeps {
  readonly pool: pg.Pool;
  readonly schema: string;
  readonly connections: number;
  readonly maxWaiting: number;
  readonly clock: Clock;
  readonly rng: Rng;
}

/**
 * Carries each operation out in a transaction of its own, as many at once as there are connections; those that move money
 * share one.
 */
export class PostgresEngine implements Engine {
  readonly #deps: PostgresEngineDeps;
  readonly #waiting: Waiting;
  readonly #slots: Slots;
  readonly #money: MoneyGroups;
  readonly #bookSql: BookSql;
  readonly #queries = new WeakMap<pg.PoolClient, Kysely<Tables>>();
  #closed: Promise<void> | undefined;

  constructor(deps: PostgresEngineDeps) {
    this.#deps = deps;
    this.#waiting = new Waiting(deps.maxWaiting);
    this.#slots = new Slots(deps.connections);
    this.#money = new MoneyGroups((requests) => this.#carryOut(requests));
    this.#bookSql = new BookSql(postgresBook(deps.schema));
  }

  async run<N extends OperationName>(name: N, input: InputOf<N>): Promise<ResultOf<N>> {
    const operation = operationOf(name);
    this.#waiting.enter();
    try {
      const result =
        operation.kind === "money"
          ? this.#money.ask({ operation, input })
          : this.#inTurn(() => this.#once(operation, input));
      return (await result) as ResultOf<N>;
    } finally {
      this.#waiting.leave();
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#waiting.close().then(() => this.#deps.pool.end());
    return this.#closed;
  }

  async #carryOut(requests: readonly MoneyRequest[], maxTries: number = MAX_TRIES): Promise<readonly MoneyAnswer[]> {
    const foreseen: Needs[] = [];
    try {
      return await this.#inTurn(() => this.#moneyOnce(requests, foreseen), maxTries);
    } catch (error) {
      if (requests.length === 1) return [{ type: "failed", error }];
      // Whatever the server has refused, or what others were met at, may be one's fault only.
      if (error instanceof StoreError && error.code !== "busy") throw error;
      return await this.#carryOutEach(requests);
    }
  }

  async #carryOutEach(requests: readonly MoneyRequest[]): Promise<readonly MoneyAnswer[]> {
    const answers: MoneyAnswer[] = [];
    for (const request of requests) answers.push(...(await this.#carryOut([request], TRIES_ALONE)));
    return answers;
  }

  /** With one of the connections, and again when it meets others. */
  async #inTurn<T>(work: () => Promise<T>, maxTries: number = MAX_TRIES): Promise<T> {
    await this.#slots.enter();
    try {
      return await this.#tryAgain(work, maxTries);
    } finally {
      this.#slots.leave();
    }
  }

  async #tryAgain<T>(work: () => Promise<T>, maxTries: number): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await work();
      } catch (error) {
        if (!mayTryAgain(error, tries)) throw error;
        if (tries === maxTries) {
          throw new StoreError("busy", `An operation met others ${tries} times.`, { cause: error });
        }
        await this.#pause(Math.min(2 ** tries, MAX_PAUSE_MS));
      }
    }
  }

  #pause(upToMs: number): Promise<void> {
    const { clock, rng } = this.#deps;
    return new Promise((resolve) => clock.setTimer(rng.next() * upToMs, resolve));
  }

  #once({ kind, run }: Operation<unknown, unknown>, input: unknown): Promise<unknown> {
    return this.#withClient(async (client) => {
      await query(client, BEGIN[kind]);
      const result = await run(this.#queriesOn(client), input);
      await pipelined(client, [COMMIT]);
      return result;
    });
  }

  #moneyOnce(requests: readonly MoneyRequest[], foreseen: Needs[]): Promise<readonly MoneyAnswer[]> {
    return this.#withClient(async (client) => {
      const unsent = [
        { sql: BEGIN.money, values: [] },
        { sql: BY_INDEX, values: [] },
      ];
      const source: BookSource = {
        sql: this.#bookSql,
        rows: async (statements) => {
          const before = unsent.splice(0);
          return (await pipelined(client, [...before, ...statements])).slice(before.length);
        },
      };
      const { answers, writes } = await carryOut(source, requests, foreseen);
      await pipelined(client, [...unsent, ...writes, COMMIT]);
      return answers;
    });
  }

  async #withClient<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#connect();
    // One that broke is not given back to the others.
    let broken = true;
    try {
      const result = await work(client);
      broken = false;
      return result;
    } catch (error) {
      broken = error instanceof StoreError || !(await rolledBack(client));
      throw error;
    } finally {
      client.release(broken);
    }
  }

  async #connect(): Promise<pg.PoolClient> {
    try {
      return await this.#deps.pool.connect();
    } catch (error) {
      const reason = explained(error);
      // Each of them would find out after a time-out of its own.
      this.#slots.turnAway(reason);
      this.#money.turnAway(reason);
      throw reason;
    }
  }

  #queriesOn(client: pg.PoolClient): Kysely<Tables> {
    const known = this.#queries.get(client);
    if (known !== undefined) return known;
    const queries = kyselyOn({
      adapter: new PostgresAdapter(),
      compiler: new PostgresQueryCompiler(),
      introspector: (db) => new PostgresIntrospector(db),
      async execute(sql, values) {
        const { rows, rowCount } = await query(client, sql, values);
        return { rows, numAffectedRows: BigInt(rowCount ?? 0) };
      },
    }).withSchema(this.#deps.schema);
    this.#queries.set(client, queries);
    return queries;
  }
}

/**
 * Sends all of them before the first is answered. After one that fails, those behind it do nothing.
 *
 * @returns the rows of each
 * @throws StoreError `away`, ServerError
 */
async function pipelined(
  client: pg.ClientBase,
  statements: readonly Statement[],
): Promise<readonly (readonly unknown[])[]> {
  const sent = statements.map((statement) => prepared(client, statement));
  const failed = (await Promise.allSettled(sent)).find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
  const results = await Promise.all(sent);
  const last = results.at(-1);
  if (statements.at(-1) === COMMIT && last?.command !== "COMMIT") {
    throw new Error("A failed transaction was to be committed.");
  }
  return results.map(({ rows }) => rows);
}

/** A book has a few statements, which the server plans once a connection. @throws StoreError `away`, ServerError */
async function prepared(client: pg.ClientBase, { sql: text, values }: Statement): Promise<pg.QueryResult> {
  if (values.length === 0) return query(client, text);
  const name = names.get(text) ?? `book_${names.size}`;
  names.set(text, name);
  try {
    return await client.query({ name, text, values: [...values] });
  } catch (error) {
    throw explained(error);
  }
}

/** @throws StoreError `away`, ServerError */
async function query(client: pg.ClientBase, sql: string, values?: readonly unknown[]): Promise<pg.QueryResult> {
  try {
    return await client.query(sql, values === undefined ? undefined : [...values]);
  } catch (error) {
    throw explained(error);
  }
}

async function rolledBack(client: pg.ClientBase): Promise<boolean> {
  try {
    await query(client, "ROLLBACK");
    return true;
  } catch {
    return false;
  }
}
