import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openPostgresStore } from "../store/postgres/open-postgres-store.js";
import { Connection } from "../store/sqlite/connection.js";
import { openSqliteStore, openSqliteToRead } from "../store/sqlite/open-sqlite-store.js";
import { income, moveSomeMoney, part, reservation } from "../store/testing/money.js";
import { asOwner, hasPostgres, scratchPostgres } from "../store/testing/scratch-postgres.js";
import { STORE_PLACES } from "../store/testing/store-places.js";
import { auditLedger, auditStore } from "./audit.js";

const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));

/** Made once: some of everything, and the same with some of its reservations forgotten. */
let filled: string;
let pruned: string;
let dir: string;
beforeAll(async () => {
  filled = mkdtempSync(join(tmpdir(), "hearth-audit-filled-"));
  pruned = mkdtempSync(join(tmpdir(), "hearth-audit-pruned-"));
  await fill();
  cpSync(filled, pruned, { recursive: true });
  await forget();
});
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "hearth-audit-"));
});
afterEach(() => rmSync(dir, { recursive: true }));
afterAll(() => {
  for (const made of [filled, pruned]) rmSync(made, { recursive: true });
});

/** What an operator gets to see. */
function audit(env: Record<string, string> = {}) {
  const options = { env: { PATH: process.env["PATH"] ?? "", HEARTH_DATA_DIR: dir, ...env }, encoding: "utf8" } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, "admin", "audit"], options);
  return { status, stdout, stderr };
}

/** The same by the function that the command calls: to start the program takes longer than to look. */
async function auditHere() {
  const { report, isRight } = await auditStore({ dataDir: dir, store: { maxWaiting: 9, postgres: undefined } });
  return { isRight, report };
}

async function fill(): Promise<void> {
  const store = await openSqliteStore(filled);
  await moveSomeMoney(store.ledger);
  await store.ledger.requestPayout({ id: "p1", account: "ben", amount: 200n, actor: "ben", nowMs: 1 });
  await store.close();
}

async function forget(): Promise<void> {
  const store = await openSqliteStore(pruned);
  const HOUR_MS = 3_600_000;
  const old = { keyId: "key_1", windowStartMs: 0, limit: 1_000n };
  for (const [id, budget] of [
    ["r4", old],
    ["r5", { ...old, windowStartMs: 2 * HOUR_MS }],
  ] as const) {
    await store.ledger.reserve(reservation(id, 50n, { budget }));
    await store.ledger.post({ id, parts: [part(7n)], nowMs: 3 * HOUR_MS });
  }
  await store.ledger.prune({ resolved: HOUR_MS, delivered: 0, undelivered: 0 });
  expect(await store.ledger.audit(1)).toMatchObject({ reservations: 3, mismatches: [] });
  await store.close();
}

describe("hearth-coordinator admin audit", () => {
  it("says that a ledger adds up, and leaves the file as it was", async () => {
    cpSync(filled, dir, { recursive: true });
    const { status, stdout } = audit();
    expect([status, stdout]).toEqual([0, "The ledger adds up: 5 transfers and 3 reservations.\n"]);
    expect(readdirSync(dir)).toEqual(["hearth.db"]);
    await (await openSqliteStore(dir)).close();
  });

  it.each<[string, string, string]>([
    ["a balance", "UPDATE ledger_accounts SET balance = balance + 1 WHERE id = 'earned/ben'", "balance is the sum"],
    [
      "a balance",
      "UPDATE ledger_accounts SET balance = balance + 1 WHERE id = 'earned/ben'",
      "all accounts add up to 0",
    ],
    ["an entry", "UPDATE entries SET amount = amount + 1 WHERE seq = 1", "entries of a transfer add up to 0"],
    ["what is set aside", "UPDATE ledger_accounts SET reserved = 7 WHERE id = 'credit/anna'", "set aside for open"],
    ["a reservation", "DELETE FROM reservations WHERE id = 'r2'", "set aside for open"],
    ["what was posted", "UPDATE reservations SET posted = 99 WHERE id = 'r1'", "posted is the cost of the work"],
    ["a charge's amount", "UPDATE transfers SET amount = 99 WHERE kind = 'charge'", "charged what was posted"],
    ["the work", "DELETE FROM work_parts WHERE payer = 'platform'", "the platform pays what the consumer does not"],
    ["earnings", "UPDATE earnings SET requests = requests + 1", "earnings are what the parts add up to"],
    ["a missing hour", "DELETE FROM earnings", "earnings are what the parts add up to"],
    ["a key's spending", "UPDATE key_spend SET spent = spent - 1", "a key has spent"],
    ["a payout", "UPDATE payouts SET state = 'paid'", "pending is what payouts have asked for"],
    ["work of what was voided", "UPDATE work_parts SET reservation_id = 'r3'", "only what was posted has parts"],
  ])("finds %s that somebody has changed", async (_what, script, check) => {
    cpSync(filled, dir, { recursive: true });
    const database = new Connection(join(dir, "hearth.db"));
    for (const table of ["transfers", "entries", "work_parts"]) {
      database.script(`DROP TRIGGER ${table}_no_update; DROP TRIGGER ${table}_no_delete;`);
    }
    database.script(`PRAGMA foreign_keys = OFF; ${script}`);
    database.close();
    const { isRight, report } = await auditHere();
    expect(isRight).toBe(false);
    expect(report).toContain("The ledger does not add up");
    expect(report).toContain(check);
  });

  it("tells by its exit code what it has found also where nobody reads it", async () => {
    cpSync(filled, dir, { recursive: true });
    const database = new Connection(join(dir, "hearth.db"));
    database.script("UPDATE ledger_accounts SET balance = balance + 1 WHERE id = 'earned/ben'");
    database.close();
    const env = { PATH: process.env["PATH"] ?? "", HEARTH_DATA_DIR: dir };
    const child = spawn(process.execPath, [MAIN, "admin", "audit"], { env, stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.destroy();
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    expect([await once(child, "close"), said]).toEqual([[7, null], ""]);
  });

  it.each<[string, string, string]>([
    [
      "what an hour has earned",
      "UPDATE earnings SET gross = gross + 1, net = net + 1 WHERE hour_ms = 0",
      "machines have earned what was paid for their work: 165 instead of 164",
    ],
    ["a fee", "UPDATE earnings SET fee = fee + 1, net = net - 1 WHERE hour_ms = 0", "fees are those of the earnings"],
    ["a missing hour", "DELETE FROM earnings WHERE hour_ms = 0", "earned what was paid for their work"],
    ["a later hour", "UPDATE earnings SET requests = 9 WHERE hour_ms > 0", "earnings are what the parts add up to"],
    ["less than a reservation that is left", "UPDATE key_spend SET spent = 6 WHERE window_start_ms = 0", "a key has"],
    ["a later window of a key", "UPDATE key_spend SET spent = 8 WHERE window_start_ms > 0", "a key has"],
  ])("finds %s that somebody has changed after reservations were forgotten", async (_what, script, check) => {
    cpSync(pruned, dir, { recursive: true });
    const database = new Connection(join(dir, "hearth.db"));
    expect(() => database.script("DELETE FROM work_parts")).toThrow("append-only");
    database.script(script);
    database.close();
    expect(await auditHere()).toEqual({ isRight: false, report: expect.stringContaining(check) });
  });

  it("says that a coordinator has the file, that there is none, or that it is of another version", async () => {
    const none = audit();
    expect([none.status, none.stderr]).toEqual([4, `${join(dir, "hearth.db")} is not there: see HEARTH_DATA_DIR.\n`]);
    expect(readdirSync(dir)).toEqual([]);
    const store = await openSqliteStore(dir);
    const used = audit();
    expect([used.status, used.stderr]).toEqual([
      2,
      expect.stringMatching(/is in use by another process.* GET \/admin\/ledger\/audit\.$/m),
    ]);
    await store.close();
    const database = new Connection(join(dir, "hearth.db"));
    database.script("PRAGMA user_version = 1");
    database.close();
    const old = audit();
    expect([old.status, old.stderr]).toEqual([2, expect.stringContaining("start the coordinator once")]);
  });

  it("looks at PostgreSQL while coordinators use it, and makes no schema where there is none", async ({ skip }) => {
    if (!(await hasPostgres())) skip("needs a PostgreSQL");
    const scratch = await scratchPostgres();
    const env = { DATABASE_URL: scratch.url, HEARTH_DATABASE_SCHEMA: scratch.schema };
    expect(audit(env)).toMatchObject({ status: 2, stderr: expect.stringContaining("has no schema") });
    const { rowCount } = await asOwner(`SELECT 1 FROM pg_namespace WHERE nspname = '${scratch.schema}'`);
    expect(rowCount).toBe(0);
    const store = await openPostgresStore(scratch, { maxWaiting: 9 });
    await store.ledger.deposit(income("d", 1_000n));
    expect(audit(env)).toMatchObject({ status: 0, stdout: "The ledger adds up: 1 transfers and 0 reservations.\n" });
    // As if a constraint had been missing.
    const constraints = await asOwner(
      `SELECT conname FROM pg_constraint WHERE conrelid = '${scratch.schema}.ledger_accounts'::regclass AND contype = 'c'`,
    );
    for (const { conname } of constraints.rows) {
      await asOwner(`ALTER TABLE ${scratch.schema}.ledger_accounts DROP CONSTRAINT ${conname}`);
    }
    await asOwner(`UPDATE ${scratch.schema}.ledger_accounts SET balance = -5 WHERE owner = 'anna'`);
    const wrong = audit(env);
    expect([wrong.status, wrong.stdout]).toEqual([7, expect.stringContaining("covers what is set aside")]);
    await store.close();
    await scratch.clear();
  });
});

it("changes nothing in a file that is only looked at", async () => {
  cpSync(filled, dir, { recursive: true });
  const store = openSqliteToRead(dir);
  await expect(store.ledger.deposit(income("e", 1n))).rejects.toMatchObject({ code: "refused" });
  expect((await store.ledger.balance("anna")).credit.balance).toBe(910n);
  await store.close();
});

describe.each(STORE_PLACES)("a report of $name", ({ isHere, open }) => {
  it("counts what was looked at", async ({ skip }) => {
    if (!isHere) skip("needs a PostgreSQL");
    const place = await open();
    await place.store.ledger.deposit(income("d", 1_000n));
    const { report, isRight } = await auditLedger(place.store.ledger);
    expect([isRight, report]).toEqual([true, "The ledger adds up: 1 transfers and 0 reservations."]);
    await place.clear();
  });
});
