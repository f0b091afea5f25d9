import type { Clock, Rng } from "@hearth/platform";
import { type Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from "kysely";
import type pg from "pg";
import { kyselyOn } from "../operations/kysely-on.js";
import { type Engine, type InputOf, type OperationName, operationOf, type ResultOf } from "../operations/registry.js";
import { Waiting } from "../operations/waiting.js";
import type { Tables } from "../schema/tables.js";
import { StoreError } from "../store-error.js";
import { explained, mayTryAgain } from "./server-error.js";
import { Slots } from "./slots.js";

/** How often one operation is tried when it keeps meeting others. */
const MAX_TRIES = 20;
/** The pause between two tries grows to this, ms; how much of it is left to chance. */
const MAX_PAUSE_MS = 100;

const BEGIN = {
  read: "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
  write: "BEGIN ISOLATION LEVEL SERIALIZABLE",
  locking: "BEGIN ISOLATION LEVEL READ COMMITTED",
} as const;

export interface PostgresEngineDeps {
  readonly pool: pg.Pool;
  readonly schema: string;
  readonly connections: number;
  readonly maxWaiting: number;
  readonly clock: Clock;
  readonly rng: Rng;
}

/** Carries each operation out in a transaction of its own, as many at once as there are connections. */
export class PostgresEngine implements Engine {
  readonly #deps: PostgresEngineDeps;
  readonly #waiting: Waiting;
  readonly #slots: Slots;
  readonly #queries = new WeakMap<pg.PoolClient, Kysely<Tables>>();
  #closed: Promise<void> | undefined;

  constructor(deps: PostgresEngineDeps) {
    this.#deps = deps;
    this.#waiting = new Waiting(deps.maxWaiting);
    this.#slots = new Slots(deps.connections);
  }

  async run<N extends OperationName>(name: N, input: InputOf<N>): Promise<ResultOf<N>> {
    this.#waiting.enter();
    try {
      await this.#slots.enter();
      try {
        return (await this.#tryAgain(() => this.#once(name, input))) as ResultOf<N>;
      } finally {
        this.#slots.leave();
      }
    } finally {
      this.#waiting.leave();
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#waiting.close().then(() => this.#deps.pool.end());
    return this.#closed;
  }

  async #tryAgain<T>(work: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await work();
      } catch (error) {
        if (!mayTryAgain(error, tries)) throw error;
        if (tries === MAX_TRIES) {
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

  async #once(name: OperationName, input: unknown): Promise<unknown> {
    const client = await this.#connect();
    const { kind, run } = operationOf(name);
    // One that broke is not given back to the others.
    let broken = true;
    try {
      await query(client, BEGIN[kind]);
      const result = await run(this.#queriesOn(client), input);
      const { command } = await query(client, "COMMIT");
      if (command !== "COMMIT") throw new Error("A failed transaction was to be committed.");
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
