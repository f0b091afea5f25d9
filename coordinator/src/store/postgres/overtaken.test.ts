import pg from "pg";
import { expect, it } from "vitest";
import { DEFAULT_MAX_WAITING } from "../store-settings.js";
import { income, reservation } from "../testing/money.js";
import { asOwner, hasPostgres, scratchPostgres, TEST_URL } from "../testing/scratch-postgres.js";
import { openPostgresStore } from "./open-postgres-store.js";

/** Until somebody waits for what this connection has locked. */
async function isWaitedFor(pid: number): Promise<void> {
  const waiting = `SELECT 1 FROM pg_stat_activity WHERE ${pid} = ANY (pg_blocking_pids(pid))`;
  while ((await asOwner(waiting)).rowCount === 0);
}

it("sees what comes while it waits for another coordinator: the same reservation, with all the money there is", async ({
  skip,
}) => {
  if (!(await hasPostgres())) skip("needs a PostgreSQL");
  const scratch = await scratchPostgres();
  const store = await openPostgresStore(scratch, { maxWaiting: DEFAULT_MAX_WAITING });
  const other = new pg.Client({ connectionString: TEST_URL, options: `-c search_path=${scratch.schema}` });
  await other.connect();
  try {
    const { ledger } = store;
    await ledger.deposit(income("d", 100n));
    await other.query("BEGIN");
    const pid = (await other.query<{ pid: number }>("SELECT pg_backend_pid() AS pid")).rows[0]?.pid ?? 0;
    // As a coordinator does it that has taken the rows, and has not written yet.
    await other.query("SELECT 1 FROM ledger_accounts WHERE id = 'credit/anna' FOR NO KEY UPDATE");
    const asked = ledger.reserve(reservation("r1", 100n));
    await isWaitedFor(pid);
    await other.query(`
      INSERT INTO reservations (id, request_id, account, payer, node, fee_basis_points, state, asked, reserved_credit,
        reserved_earned, used, used_parts, posted, refunded, created_at_ms, expires_at_ms)
      VALUES ('r1', 'req_r1', 'anna', 'anna', 'node-1', 1000, 'open', 100, 100, 0, 0, '[]', 0, 0, 1000, 61000);
      UPDATE ledger_accounts SET reserved = 100 WHERE id = 'credit/anna'`);
    await other.query("COMMIT");
    expect(await asked).toEqual({ type: "reserved" });
    expect((await ledger.balance("anna")).credit).toEqual({ balance: 100n, reserved: 100n });
    expect((await ledger.audit(9)).mismatches).toEqual([]);
  } finally {
    await other.end();
    await store.close();
    await scratch.clear();
  }
});

it("tells of no later change of prices before one that is committed late, and of both then", async ({ skip }) => {
  if (!(await hasPostgres())) skip("needs a PostgreSQL");
  const scratch = await scratchPostgres();
  const store = await openPostgresStore(scratch, { maxWaiting: DEFAULT_MAX_WAITING });
  const late = new pg.Client({ connectionString: TEST_URL, options: `-c search_path=${scratch.schema}` });
  await late.connect();
  try {
    const { prices } = store;
    await late.query("BEGIN ISOLATION LEVEL SERIALIZABLE");
    const pid = (await late.query<{ pid: number }>("SELECT pg_backend_pid() AS pid")).rows[0]?.pid ?? 0;
    await late.query(`
      INSERT INTO owner_price_changes (account, revision)
      SELECT 'carl', coalesce(max(revision), 0) + 1 FROM owner_price_changes`);
    const price = { input: 1n, output: 1n, cachedInput: 1n };
    const asked = { id: "p", account: "anna", machine: undefined, model: "m", fromMs: 1, price, createdAtMs: 1 };
    const set = prices.setPrice(asked, { perAccount: 9, forgetBeforeMs: 0 });
    await isWaitedFor(pid);
    const before = await prices.pricesSince(0);
    expect(before).toEqual({ revision: 0, accounts: [] });
    await late.query("COMMIT");
    await set;
    const { accounts } = await prices.pricesSince(before.revision);
    expect(accounts).toEqual([
      { account: "carl", prices: [] },
      { account: "anna", prices: [asked] },
    ]);
  } finally {
    await late.end();
    await store.close();
    await scratch.clear();
  }
});
