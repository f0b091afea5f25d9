import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../platform/clock.js";
import { openPostgresStore } from "../store/postgres/open-postgres-store.js";
import { Connection } from "../store/sqlite/connection.js";
import { openSqliteStore } from "../store/sqlite/open-sqlite-store.js";
import type { Store } from "../store/store.js";
import { BreakableProxy } from "../store/testing/breakable-proxy.js";
import { fillStore } from "../store/testing/fill-store.js";
import { income } from "../store/testing/money.js";
import { asOwner, hasPostgres, type ScratchPostgres, scratchPostgres } from "../store/testing/scratch-postgres.js";
import { migrateStore } from "./migrate-store.js";

const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const isHere = await hasPostgres();

let dir: string;
let file: string;
let scratch: ScratchPostgres;

beforeEach(async ({ skip }) => {
  if (!isHere) skip("needs a PostgreSQL");
  dir = mkdtempSync(join(tmpdir(), "hearth-migrate-"));
  file = join(dir, "hearth.db");
  scratch = await scratchPostgres();
});
afterEach(async () => {
  if (!isHere) return;
  rmSync(dir, { recursive: true });
  await scratch.clear();
});

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What an operator gets to see. */
function migrate(given: Record<string, string | undefined> = {}): Promise<Ended> {
  const env = { HEARTH_DATA_DIR: dir, DATABASE_URL: scratch.url, HEARTH_DATABASE_SCHEMA: scratch.schema, ...given };
  const process_ = spawn(process.execPath, [MAIN, "admin", "migrate-store"], {
    env: { PATH: process.env["PATH"] ?? "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return ended(process_);
}

async function ended(child: ChildProcess): Promise<Ended> {
  const said = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream]?.setEncoding("utf8").on("data", (text: string) => {
      said[stream] += text;
    });
  }
  const status = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { status, ...said };
}

async function filled(receipts?: number): Promise<void> {
  const store = await openSqliteStore(dir);
  await fillStore(store, receipts);
  await store.close();
}

/** Changes the file as no coordinator does. */
function changed(script: string): void {
  const database = new Connection(file);
  database.script(script);
  database.close();
}

const digest = (): string => createHash("sha256").update(readFileSync(file)).digest("hex");

type Rows = ReadonlyMap<string, readonly string[]>;

const plain = (values: readonly unknown[]): string =>
  JSON.stringify(
    values.map((value) => {
      if (typeof value === "number" || typeof value === "bigint") return String(value);
      return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value;
    }),
  );

function rowsHere(): Rows {
  const database = new Connection(file);
  const tables = database.rows<{ name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table'");
  const names = tables.map(({ name }) => name).filter((name) => !name.startsWith("sqlite_"));
  const rows = names.sort().map((name) => {
    const columns = database.rows<{ name: string }>("SELECT name FROM pragma_table_info(?) ORDER BY name", name);
    const list = columns.map((column) => column.name).join(", ");
    return [name, [...database.each(`SELECT ${list} FROM ${name}`)].map(plain).sort()] as const;
  });
  database.close();
  return new Map(rows);
}

async function rowsThere(): Promise<Rows> {
  const rows = new Map<string, readonly string[]>();
  for (const name of rowsHere().keys()) {
    const found = await asOwner(`SELECT * FROM ${scratch.schema}.${name}`);
    const columns = found.fields.map((field) => field.name).sort();
    rows.set(name, found.rows.map((row) => plain(columns.map((column) => row[column]))).sort());
  }
  return rows;
}

async function isThere(schema = scratch.schema): Promise<boolean> {
  const { rows } = await asOwner(`SELECT to_regclass('${schema}.transfers') IS NOT NULL AS found`);
  return rows[0].found;
}

const openThere = (): Promise<Store> => openPostgresStore(scratch, { maxWaiting: 100 });

describe("hearth-coordinator admin migrate-store", () => {
  it("copies every row of every table as it is, and leaves the file as it was", async () => {
    await filled();
    const before = digest();
    const { status, stdout, stderr } = await migrate();
    expect([status, stderr]).toEqual([0, expect.stringContaining("\ndocuments: 1 row\n")]);
    expect(stdout).toMatch(
      /^Copied \d+ rows of \d+ tables: as many are there as here.\nThe ledger adds up: 6 transfers and 2 res/,
    );
    expect(stdout).toContain("keep it as a backup");
    expect([digest(), readdirSync(dir)]).toEqual([before, ["hearth.db"]]);
    const here = rowsHere();
    expect([...here].filter(([, rows]) => rows.length === 0)).toEqual([]);
    expect(await rowsThere()).toEqual(here);
  });

  it("lets a coordinator go on there as if nothing had happened", async () => {
    await filled();
    const here = await openSqliteStore(dir);
    const statement = await here.ledger.statement({ account: "anna", limit: 100 });
    await here.close();
    expect((await migrate()).status).toBe(0);
    const { ledger, accounts, close } = await openThere();
    const after = statement.at(-1)?.seq;
    expect(await ledger.statement({ account: "anna", limit: 100 })).toEqual(statement);
    expect(await ledger.deposit(income("d", 1_000n, { reason: "other" }))).toEqual({ type: "repeated" });
    expect(await ledger.void("r2", 4_000)).toEqual({ type: "voided" });
    expect(await ledger.deposit(income("e", 7n))).toEqual({ type: "done" });
    const [next] = await ledger.statement({ account: "anna", limit: 100, after: after ?? 0 });
    expect(next).toMatchObject({ transferId: "deposit/e", balanceAfter: 897n });
    expect((await ledger.audit(10)).mismatches).toEqual([]);
    for (const change of ["DELETE FROM", "UPDATE"]) {
      const statement_ = `${change} ${scratch.schema}.work_parts ${change === "UPDATE" ? "SET n = n" : ""}`;
      await expect(asOwner(statement_)).rejects.toThrow("append-only");
    }
    expect((await accounts.findKeyByDigest("d1"))?.key.oldEndsAtMs).toBe(9_000);
    await close();
  });

  it("copies a file that a coordinator which was killed has left, with its log", async () => {
    const script = `import { openDatabase } from ${JSON.stringify(new URL("../../dist/store/sqlite/open-database.js", import.meta.url).href)};
      const { connection } = openDatabase(${JSON.stringify(dir)});
      connection.script("INSERT INTO documents VALUES ('a', '{}')");
      process.kill(process.pid, "SIGKILL");`;
    await ended(spawn(process.execPath, ["--input-type=module", "-e", script]));
    expect(readdirSync(dir)).toContain("hearth.db-wal");
    expect(await migrate()).toMatchObject({ status: 0, stderr: expect.stringContaining("documents: 1 row") });
  });

  it("says that DATABASE_URL is not set, that there is no file, and that something is owed to it", async () => {
    expect(await migrate({ DATABASE_URL: undefined })).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("DATABASE_URL: is not set"),
    });
    expect(await migrate()).toMatchObject({ status: 4, stderr: `${file} is not there: see HEARTH_DATA_DIR.\n` });
    await filled();
    writeFileSync(join(dir, "ledger-journal"), '{"type":"void","input":{"id":"r2","nowMs":1}}\n');
    expect(await migrate()).toMatchObject({ status: 2, stderr: expect.stringContaining("start the coordinator once") });
    writeFileSync(join(dir, "ledger-journal"), "");
    expect(await isThere()).toBe(false);
    expect((await migrate()).status).toBe(0);
  });

  it("copies nothing of a file that a coordinator has open, or that is of another version", async () => {
    const store = await openSqliteStore(dir);
    expect(await migrate()).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("is in use by another process"),
    });
    await store.close();
    changed("PRAGMA user_version = 1");
    expect(await migrate()).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/start the coordinator once.* Without DATABASE_URL, that is\.\n$/),
    });
    changed("PRAGMA user_version = 999");
    expect(await migrate()).toMatchObject({ status: 2, stderr: expect.stringContaining("a later version of Hearth") });
    expect(await isThere()).toBe(false);
  });

  it("never merges: it names the tables in which there are rows, and touches none", async () => {
    await filled();
    const there = await openThere();
    await there.ledger.deposit(income("other", 1n));
    await there.close();
    const refused = await migrate();
    expect(refused).toMatchObject({ status: 2, stdout: "", stderr: expect.stringContaining("has rows already") });
    expect(refused.stderr).toContain(": entries, ledger_accounts, transfers. ");
    const { rows } = await asOwner(`SELECT id FROM ${scratch.schema}.transfers`);
    expect(rows).toEqual([{ id: "deposit/other" }]);
  });

  it("refuses a copy that is there already, and another program's schema", async () => {
    await filled();
    expect((await migrate()).status).toBe(0);
    const before = await rowsThere();
    expect(await migrate()).toMatchObject({ status: 2, stderr: expect.stringContaining("has rows already") });
    expect(await rowsThere()).toEqual(before);
    await scratch.clear();
    await asOwner(`CREATE SCHEMA ${scratch.schema}`);
    await asOwner(`CREATE TABLE ${scratch.schema}.theirs (id INTEGER)`);
    expect(await migrate()).toMatchObject({ status: 2, stderr: expect.stringContaining("another program's tables") });
  });

  it("says that the server is not reached, and who is refused by it, without the password", async () => {
    await filled();
    const nowhere = await migrate({ DATABASE_URL: "postgres://hearth:secret@127.0.0.1:1/hearth" });
    expect(nowhere).toMatchObject({ status: 6, stderr: expect.stringContaining("is not reached") });
    expect(nowhere.stderr).not.toContain("secret");
  });

  it("keeps nothing of a copy whose server goes away in the middle, and starts anew the next time", async () => {
    await filled(4_000);
    const { hostname, port } = new URL(scratch.url);
    const proxy = await BreakableProxy.start(hostname, Number(port || 5432));
    const through = new URL(scratch.url);
    through.port = String(proxy.port);
    // In the middle of the receipts, which come to some 8 MB.
    proxy.cutAfterBytes(3_000_000);
    const cut = await migrate({ DATABASE_URL: through.href });
    await proxy.close();
    expect(cut).toMatchObject({ status: 6, stdout: "", stderr: expect.stringContaining("went away in the middle") });
    expect(cut.stderr).toContain("machines: 1 row\n");
    for (const rows of (await rowsThere()).values()) expect(rows).toEqual([]);
    expect((await migrate()).status).toBe(0);
    expect(await rowsThere()).toEqual(rowsHere());
  });

  it("keeps nothing where the server does not take a row", async () => {
    await filled();
    changed("PRAGMA foreign_keys = OFF; DELETE FROM accounts WHERE id = 'zoe'");
    const refused = await migrate();
    expect(refused).toMatchObject({ status: 2, stdout: "", stderr: expect.stringContaining("did not take the copy") });
    for (const rows of (await rowsThere()).values()) expect(rows).toEqual([]);
  });

  it("tells of a ledger that does not add up, which it has copied as it is", async () => {
    await filled();
    changed("UPDATE earnings SET requests = requests + 1");
    const { status, stdout } = await migrate();
    expect([status, stdout]).toEqual([7, expect.stringContaining("earnings are what the parts add up to")]);
    expect(stdout).toContain("Start no coordinator with this DATABASE_URL");
    expect(await rowsThere()).toEqual(rowsHere());
  });

  it("lets no coordinator start on the target while it copies", async () => {
    await filled();
    const said: string[] = [];
    let opened: Promise<Store> | undefined;
    const say = (line: string): void => {
      said.push(line);
      opened ??= openThere().then((store) => {
        said.push("opened");
        return store;
      });
    };
    const { maxWaiting } = { maxWaiting: 100 };
    await migrateStore({ config: { dataDir: dir, store: { maxWaiting, postgres: scratch } }, say });
    await (await opened)?.close();
    expect(said.indexOf("opened")).toBeGreaterThan(said.indexOf("work_parts: 2 rows"));
  });

  it("tells how far a long table is, once a second", async () => {
    await filled(5_000);
    let nowMs = 0;
    const clock = {
      ...{ wallTime: () => 0, setTimer: systemClock.setTimer.bind(systemClock) },
      now() {
        nowMs += 600;
        return nowMs;
      },
    };
    const said: string[] = [];
    const config = { dataDir: dir, store: { maxWaiting: 100, postgres: scratch } };
    await migrateStore({ config, clock, say: (line) => said.push(line) });
    expect(said.filter((line) => line.startsWith("receipts"))).toEqual([
      "receipts: 4,000 of 5,000 rows",
      "receipts: 5,000 rows",
    ]);
  });
});
