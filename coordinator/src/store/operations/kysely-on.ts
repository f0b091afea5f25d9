import {
  type CompiledQuery,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  type DialectAdapter,
  type Driver,
  Kysely,
  type QueryCompiler,
  type QueryResult,
} from "kysely";
import type { Tables } from "../schema/tables.js";
import { storable } from "./storable.js";

/** One connection, and how the queries for it are spelled. */
export interface Spoken {
  readonly adapter: DialectAdapter;
  readonly compiler: QueryCompiler;
  readonly introspector: (db: Kysely<unknown>) => DatabaseIntrospector;
  execute(sql: string, values: readonly unknown[]): Promise<QueryResult<unknown>>;
}

/** Kysely on one connection, whose transactions somebody else begins and ends. */
export function kyselyOn(spoken: Spoken): Kysely<Tables> {
  const dialect: Dialect = {
    createAdapter: () => spoken.adapter,
    createDriver: () => new OneConnection(spoken),
    createIntrospector: (db) => spoken.introspector(db),
    createQueryCompiler: () => spoken.compiler,
  };
  return new Kysely<Tables>({ dialect });
}

class OneConnection implements Driver, DatabaseConnection {
  readonly #spoken: Spoken;

  constructor(spoken: Spoken) {
    this.#spoken = spoken;
  }

  async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
    return (await this.#spoken.execute(sql, parameters.map(storable))) as QueryResult<Row>;
  }

  streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new Error("Results of this store are not streamed.");
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    return this;
  }

  beginTransaction(): Promise<void> {
    throw new Error("Transactions of this store are the engine's.");
  }

  commitTransaction(): Promise<void> {
    return this.beginTransaction();
  }

  rollbackTransaction(): Promise<void> {
    return this.beginTransaction();
  }

  async init(): Promise<void> {}

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {}
}
