import pg from "pg";
import { DEFAULT_POSTGRES, type PostgresSettings } from "../store-settings.js";

/** Debian's own, as `.ci/run` starts it: anybody on this machine may be `postgres`. */
const DEFAULT_URL = "postgres://postgres@127.0.0.1:5432/postgres";

/** Where a PostgreSQL for tests answers. */
export const TEST_URL: string = process.env["HEARTH_TEST_DATABASE_URL"] ?? DEFAULT_URL;

/**
 * Whether there is a PostgreSQL to test with; says so where there is none.
 *
 * @throws where there has to be one (`HEARTH_REQUIRE_POSTGRES=1`)
 */
export async function hasPostgres(): Promise<boolean> {
  try {
    await asOwner("SELECT 1");
    return true;
  } catch (cause) {
    const what = "no PostgreSQL at HEARTH_TEST_DATABASE_URL or 127.0.0.1:5432";
    if (process.env["HEARTH_REQUIRE_POSTGRES"] === "1") throw new Error(what, { cause });
    process.stderr.write(`NOTICE: ${what}: the tests that need one are skipped\n`);
    return false;
  }
}

/** Runs statements beside the store. */
export async function asOwner(sql: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: TEST_URL, connectionTimeoutMillis: 2_000 });
  client.on("error", () => {});
  try {
    await client.connect();
    return await client.query(sql);
  } finally {
    await client.end().catch(() => {});
  }
}

let schemas = 0;

/** A schema that nobody else uses, and that is gone afterwards. */
export async function scratchPostgres(given: Partial<PostgresSettings> = {}): Promise<ScratchPostgres> {
  const schema = `hearth_test_${process.pid}_${schemas++}`;
  const drop = `DROP SCHEMA IF EXISTS ${schema} CASCADE`;
  await asOwner(drop);
  return { ...DEFAULT_POSTGRES, url: TEST_URL, schema, ...given, clear: async () => void (await asOwner(drop)) };
}

export interface ScratchPostgres extends PostgresSettings {
  clear(): Promise<void>;
}
