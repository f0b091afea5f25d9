import pg from "pg";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { LedgerStore } from "../ledger-store.js";
import type { Store } from "../store.js";
import { DEFAULT_MAX_WAITING } from "../store-settings.js";
import { income, part, reservation } from "../testing/money.js";
import { asOwner, hasPostgres, type ScratchPostgres, scratchPostgres, TEST_URL } from "../testing/scratch-postgres.js";
import { openPostgresStore } from "./open-postgres-store.js";

const isHere = await hasPostgres();
let scratch: ScratchPostgres;
let stores: readonly Store[] = [];

beforeEach(async ({ skip }) => {
  if (!isHere) skip("needs a PostgreSQL");
  scratch = await scratchPostgres();
  const first = await openPostgresStore(scratch, { maxWaiting: DEFAULT_MAX_WAITING });
  stores = [first, await openPostgresStore(scratch, { maxWaiting: DEFAULT_MAX_WAITING })];
});
afterEach(async () => {
  for (const store of stores) await store.close();
  if (isHere) await scratch.clear();
});

const ledgers = (): readonly [LedgerStore, LedgerStore] => stores.map(({ ledger }) => ledger) as never;

/**
 * Does something while another coordinator has taken `first`, which takes `second` when it is waited for: if what is done
 * had `second` by then, each would wait for the other.
 */
async function whileTaken<T>([first, second]: readonly [string, string], work: () => Promise<T>): Promise<T> {
  const other = new pg.Client({ connectionString: TEST_URL, options: `-c search_path=${scratch.schema}` });
  await other.connect();
  try {
    const take = (id: string): Promise<unknown> =>
      other.query("SELECT 1 FROM ledger_accounts WHERE id = $1 FOR NO KEY UPDATE", [id]);
    await other.query("BEGIN");
    // Whoever is in the way fails at once.
    await other.query("SET LOCAL lock_timeout = 1");
    await take(first);
    const pid = (await other.query<{ pid: number }>("SELECT pg_backend_pid() AS pid")).rows[0]?.pid ?? 0;
    const result = work();
    result.catch(() => {});
    const waiting = `SELECT 1 FROM pg_stat_activity WHERE ${pid} = ANY (pg_blocking_pids(pid))`;
    while ((await asOwner(waiting)).rowCount === 0);
    await take(second);
    await other.query("COMMIT");
    return await result;
  } finally {
    await other.end();
  }
}

it("takes the accounts of who has delivered in their order, though the reservation has to tell who they are", async () => {
  const [ledger] = ledgers();
  await ledger.deposit(income("d", 100n, { account: "zoe" }));
  for (const account of ["ben", "zoe"]) await ledger.correct({ ...income(account, 10n, { account }), part: "earned" });
  await ledger.reserve(reservation("r", 50n, { account: "zoe", payer: "zoe" }));
  await ledger.extend({ id: "r", max: 50n, used: [part(20n)], nowMs: 2, expiresAtMs: 9 });
  const abandon = () => ledger.abandon({ id: "r", nowMs: 3, because: { type: "recovery", node: "node-1" } });
  expect(await whileTaken(["earned/ben", "earned/zoe"], abandon)).toMatchObject({ type: "posted", charged: 20n });
  expect((await ledger.audit(9)).mismatches).toEqual([]);
});

it("takes the accounts of who is paid out in their order, though the payout has to tell who that is", async () => {
  const [ledger] = ledgers();
  // All rows of what is paid out to, so that whichever the payout takes is there.
  for (let n = 0; n < 200; n++) await ledger.deposit(income(`d${n}`, 1n));
  await ledger.correct({ ...income("c", 100n, { account: "ben" }), part: "earned" });
  await ledger.requestPayout({ id: "p", account: "ben", amount: 50n, actor: "ben", nowMs: 2 });
  const { rows } = await asOwner(
    `SELECT id FROM ${scratch.schema}.ledger_accounts WHERE kind = 'external' ORDER BY id`,
  );
  const returned = () => ledger.changePayout({ id: "p", to: "returned", reason: "r", actor: "a", nowMs: 4 });
  await ledger.changePayout({ id: "p", to: "paid", reason: "r", actor: "a", nowMs: 3 });
  for (const { id } of rows) {
    const taken = await whileTaken(["earned/ben", String(id)], returned);
    expect(["done", "repeated"]).toContain(taken.type);
  }
  expect((await ledger.audit(9)).mismatches).toEqual([]);
});

it("does all of a group but what others are always met at", async () => {
  const [ledger] = ledgers();
  await ledger.deposit(income("d", 100n));
  await asOwner(`
    CREATE FUNCTION ${scratch.schema}.meet() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'met' USING ERRCODE = '40001'; END $$;
    CREATE TRIGGER meet BEFORE INSERT ON ${scratch.schema}.reservations FOR EACH ROW WHEN (NEW.id = 'met')
      EXECUTE FUNCTION ${scratch.schema}.meet()`);
  const results = await Promise.allSettled(["r1", "met", "r2"].map((id) => ledger.reserve(reservation(id, 10n))));
  expect(results).toMatchObject([
    { status: "fulfilled", value: { type: "reserved" } },
    { status: "rejected", reason: { code: "busy" } },
    { status: "fulfilled", value: { type: "reserved" } },
  ]);
  expect((await ledger.balance("anna")).available).toBe(80n);
});

it("moves the money of the same accounts from two coordinators in opposite order, and all of it adds up", async () => {
  const [one, two] = ledgers();
  const accounts = ["anna", "ben", "carl", "dora"];
  for (const account of accounts) await one.deposit(income(account, 1_000n, { account }));
  const rounds = Array.from({ length: 25 }, (_, n) => n);
  const requests = (node: string, order: readonly string[], ledger: LedgerStore): Promise<unknown>[] =>
    order.flatMap((payer, at) =>
      rounds.map(async (n) => {
        const id = `${node}-${payer}-${n}`;
        const account = order[(at + 1) % order.length] ?? "";
        await ledger.reserve(reservation(id, 10n, { account: payer, payer, node }));
        const parts = [part(8n, { account, attemptId: id })];
        await ledger.extend({ id, max: 10n, used: parts, nowMs: 2, expiresAtMs: 9 });
        if (n % 3 > 0) return ledger.post({ id, parts, nowMs: 2_000 });
        await ledger.abandon({ id, nowMs: 3, because: { type: "recovery", node } });
        const paid = { id, account, amount: 5n, actor: account, nowMs: 3 };
        if ((await ledger.requestPayout(paid)).type !== "done") throw new Error("no payout");
        return ledger.changePayout({ id, to: "failed", reason: "r", actor: "a", nowMs: 4 });
      }),
    );
  const all = await Promise.all([...requests("one", accounts, one), ...requests("two", accounts.toReversed(), two)]);
  expect(all).toHaveLength(2 * 4 * 25);
  const { mismatches } = await one.audit(9);
  expect(mismatches).toEqual([]);
  const balances = await Promise.all(accounts.map((account) => two.balance(account)));
  // Each pays 50 requests of 8 and works for as many, less what the platform takes of 8, which is none.
  expect(balances.map(({ available }) => available)).toEqual([1_000n, 1_000n, 1_000n, 1_000n]);
});
