import { systemRng } from "@hearth/platform";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../platform/clock.js";
import { MIGRATIONS } from "../schema/migrations.js";
import type { Store } from "../store.js";
import { StoreError } from "../store-error.js";
import { DEFAULT_MAX_WAITING, type PostgresSettings } from "../store-settings.js";
import { BreakableProxy } from "../testing/breakable-proxy.js";
import { asOwner, hasPostgres, type ScratchPostgres, scratchPostgres, TEST_URL } from "../testing/scratch-postgres.js";
import { watchStore } from "../watched-store.js";
import { openPostgresStore } from "./open-postgres-store.js";

const deps = { clock: systemClock, rng: systemRng, maxWaiting: DEFAULT_MAX_WAITING };
const isHere = await hasPostgres();
const PASSWORD = "s3cret-word";

let scratch: ScratchPostgres;
let opened: Store[];
beforeEach(async ({ skip }) => {
  if (!isHere) skip("needs a PostgreSQL");
  opened = [];
  scratch = await scratchPostgres();
});
afterEach(async () => {
  if (!isHere) return;
  for (const store of opened) await store.close();
  await scratch.clear();
});

async function open(given: Partial<PostgresSettings> = {}): Promise<Store> {
  const store = await openPostgresStore({ ...scratch, ...given }, deps);
  opened.push(store);
  return store;
}

async function refusal(given: Partial<PostgresSettings> = {}): Promise<StoreError> {
  const error: unknown = await open(given).then(
    () => new Error("it opened"),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(StoreError);
  return error as StoreError;
}

/** The test server's URL with parts of it changed. */
function urlWith(
  given: Partial<Pick<URL, "port" | "username" | "password" | "pathname" | "hostname" | "search">>,
): string {
  return Object.assign(new URL(TEST_URL), given).href;
}

describe("opening a PostgreSQL database", () => {
  it("makes the schema once, however many coordinators start at once, and keeps what is in it", async () => {
    const stores = await Promise.all(Array.from({ length: 6 }, () => open()));
    await Promise.all(stores.map((store, n) => store.documents.put(`d${n}`, "{}")));
    const again = await open();
    for (const n of stores.keys()) expect(await again.documents.get(`d${n}`)).toBe("{}");
  });

  it("brings a schema of the first version up to date, and loses nothing", async () => {
    const [first] = MIGRATIONS;
    await asOwner(`
      CREATE SCHEMA ${scratch.schema};
      CREATE TABLE ${scratch.schema}.schema_version (version INTEGER NOT NULL);
      INSERT INTO ${scratch.schema}.schema_version VALUES (1);
      SET search_path TO ${scratch.schema};
      ${first?.postgres}
      INSERT INTO documents VALUES ('manifest', '{"v":1}');`);
    const store = await open();
    expect(await store.documents.get("manifest")).toBe('{"v":1}');
    expect(await store.knownModels.all()).toEqual([]);
    const { rows } = await asOwner(`SELECT version FROM ${scratch.schema}.schema_version`);
    expect(rows).toEqual([{ version: MIGRATIONS.length }]);
  });

  it("touches nothing outside of its own schema", async () => {
    const tables = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY relname";
    const before = await asOwner(tables);
    await (await open()).documents.put("a", "{}");
    expect((await asOwner(tables)).rows).toEqual(before.rows);
  });

  it("refuses what a later version wrote, naming both versions", async () => {
    await open();
    await asOwner(`UPDATE ${scratch.schema}.schema_version SET version = ${MIGRATIONS.length + 1}`);
    const { code, message } = await refusal();
    expect(code).toBe("schema_newer");
    expect(message).toContain(`schema ${MIGRATIONS.length + 1}; this one knows ${MIGRATIONS.length}`);
  });

  it("refuses another program's schema and leaves it as it was", async () => {
    await asOwner(`CREATE SCHEMA ${scratch.schema}; CREATE TABLE ${scratch.schema}.theirs (n INTEGER)`);
    expect((await refusal()).code).toBe("foreign");
    const { rows } = await asOwner(
      `SELECT relname FROM pg_class WHERE relnamespace = '${scratch.schema}'::regnamespace`,
    );
    expect(rows).toEqual([{ relname: "theirs" }]);
  });

  it("says which server is not reached, and never the password", async () => {
    const { code, message } = await refusal({ url: urlWith({ port: "1", password: PASSWORD }) });
    expect(code).toBe("away");
    expect(message).toMatch(/^The database postgres on 127\.0\.0\.1:1 is not reached\. .*ECONNREFUSED.*DATABASE_URL/);
    expect(message).not.toContain(PASSWORD);
  });

  it("says that the server refuses the account or the database, and never the password", async () => {
    for (const given of [{ username: "nobody-here" }, { pathname: "/no-such-database" }]) {
      const error = await refusal({ url: urlWith({ ...given, password: PASSWORD }) });
      expect(error.code).toBe("refused");
      expect(error.message).toContain("refuses us");
      expect(`${error.message}${error.stack}${String(error.cause)}`).not.toContain(PASSWORD);
    }
  });

  it("refuses a database that cannot hold every text", async () => {
    const name = `${scratch.schema}_latin1`;
    await asOwner(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'`);
    try {
      const { code, message } = await refusal({ url: urlWith({ pathname: `/${name}` }) });
      expect(code).toBe("refused");
      expect(message).toContain("is encoded in LATIN1");
    } finally {
      await asOwner(`DROP DATABASE ${name} WITH (FORCE)`);
    }
  });
});

describe("a PostgreSQL server that goes away", () => {
  let proxy: BreakableProxy;
  let store: Store;
  beforeEach(async () => {
    const { hostname, port } = new URL(TEST_URL);
    proxy = await BreakableProxy.start(hostname, Number(port || 5432));
    const search = `?application_name=${scratch.schema}`;
    const url = urlWith({ hostname: "127.0.0.1", port: String(proxy.port), search });
    store = await open({ url, connections: 3, connectTimeoutMs: 300, statementTimeoutMs: 500 });
  });
  afterEach(async () => {
    await proxy.close();
  });

  /** Asks much at once. @returns the codes of what failed */
  async function ask(count: number): Promise<unknown[]> {
    const asked = Array.from({ length: count }, (_, n) => store.documents.put(`d${n}`, "{}"));
    const results = await Promise.allSettled(asked);
    return results.flatMap((result) => (result.status === "rejected" ? result.reason.code : []));
  }

  it("fails everything at once with a name, says so, and goes on when it is back", async () => {
    const watched = watchStore(store, () => {});
    store = watched.store;
    expect(await ask(20)).toEqual([]);
    proxy.cut();
    expect(await ask(20)).toEqual(new Array(20).fill("away"));
    expect(watched.trouble()).toBe("store_away");
    proxy.mend();
    expect(await ask(20)).toEqual([]);
    expect(watched.trouble()).toBeUndefined();
  });

  it("fails with a name also in the middle of an operation", async () => {
    expect(await ask(3)).toEqual([]);
    const asked = ask(500);
    proxy.cut();
    const failed = await asked;
    expect(new Set(failed)).toEqual(new Set(["away"]));
    proxy.mend();
    expect(await ask(20)).toEqual([]);
  });

  it("waits for a server that is silent no longer than the time-outs, however much is asked", async () => {
    expect(await ask(3)).toEqual([]);
    proxy.silence();
    const since = systemClock.now();
    expect(await ask(600)).toEqual(new Array(600).fill("away"));
    expect(systemClock.now() - since).toBeLessThan(6_000);
    proxy.mend();
    expect(await ask(20)).toEqual([]);
  });

  it("goes on after connections that the server has ended", async () => {
    expect(await ask(20)).toEqual([]);
    await asOwner(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '${scratch.schema}'`,
    );
    // Those that are still taken for good ones may be met once each.
    await ask(3);
    expect(await ask(20)).toEqual([]);
  });

  it("has no more connections than it may", async () => {
    expect(await ask(50)).toEqual([]);
    expect(proxy.open).toBeLessThanOrEqual(3);
  });

  it("ends a statement that takes too long, and is there for the next one", async () => {
    await asOwner(`CREATE FUNCTION ${scratch.schema}.slow() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM pg_sleep(20); RETURN NEW; END $$`);
    await asOwner(`CREATE TRIGGER slow BEFORE INSERT ON ${scratch.schema}.documents
      FOR EACH ROW WHEN (NEW.name = 'slow') EXECUTE FUNCTION ${scratch.schema}.slow()`);
    await expect(store.documents.put("slow", "{}")).rejects.toMatchObject({ code: "away" });
    expect(await ask(3)).toEqual([]);
  });
});

describe("an operation that meets others", () => {
  /** Lets the server fail so many inserts of documents with this code; it counts them outside of transactions. */
  async function fail(times: number, code: string): Promise<void> {
    const { schema } = scratch;
    await asOwner(`
      CREATE SEQUENCE ${schema}.tries;
      CREATE FUNCTION ${schema}.meet() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF nextval('${schema}.tries') <= ${times} THEN RAISE EXCEPTION 'met' USING ERRCODE = '${code}'; END IF;
        RETURN NEW;
      END $$;
      CREATE TRIGGER meet BEFORE INSERT ON ${schema}.documents FOR EACH ROW EXECUTE FUNCTION ${schema}.meet()`);
  }
  const tries = async (): Promise<number> => {
    const { rows } = await asOwner(`SELECT last_value FROM ${scratch.schema}.tries`);
    return Number(rows[0]?.last_value);
  };

  it.each(["40001", "40P01"])("is done again after %s", async (code) => {
    const store = await open();
    await fail(3, code);
    await store.documents.put("a", "{}");
    expect(await store.documents.get("a")).toBe("{}");
    expect(await tries()).toBe(4);
  });

  it("is given up after so many tries, with a name", async () => {
    const store = await open();
    await fail(1_000, "40001");
    await expect(store.documents.put("a", "{}")).rejects.toMatchObject({ name: "StoreError", code: "busy" });
    expect(await tries()).toBe(20);
  });

  it("looks once more when what it inserts is taken, and then says so", async () => {
    const store = await open();
    await fail(1_000, "23505");
    await expect(store.documents.put("a", "{}")).rejects.toMatchObject({ name: "ServerError", code: "23505" });
    expect(await tries()).toBe(2);
  });

  it("is not done again for anything else", async () => {
    const store = await open();
    await fail(1_000, "22000");
    await expect(store.documents.put("a", "{}")).rejects.toMatchObject({ name: "ServerError", code: "22000" });
    expect(await tries()).toBe(1);
  });
});

it("quotes no row in what it throws", async () => {
  const store = await open();
  const machine = {
    id: "m1",
    account: "anna",
    identity: "same",
    name: "Studio",
    platform: "darwin",
    agentVersion: "1",
    method: "device_code",
    tokenDigest: "digest-1",
    createdAtMs: 1,
  } as const;
  await store.enrolments.addMachine(machine, 9);
  const error: unknown = await store.enrolments.addMachine({ ...machine, account: "ben" }, 9).catch((reason) => reason);
  expect(error).toMatchObject({ name: "ServerError", code: "23505" });
  expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toMatch(/digest-1|m1/);
});
