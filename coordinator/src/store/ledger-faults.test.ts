import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { smallDisk } from "@hearth/disk/testing";
import { expect, it } from "vitest";
import { systemClock } from "../platform/clock.js";
import { openPostgresStore } from "./postgres/open-postgres-store.js";
import { openSqliteStore } from "./sqlite/open-sqlite-store.js";
import type { Store } from "./store.js";
import { DEFAULT_MAX_WAITING } from "./store-settings.js";
import { BreakableProxy } from "./testing/breakable-proxy.js";
import { income, part, reservation } from "./testing/money.js";
import { hasPostgres, scratchPostgres, TEST_URL } from "./testing/scratch-postgres.js";
import { isStoreAway } from "./watched-store.js";

const BUILT = new URL("../../dist/store/sqlite/open-sqlite-store.js", import.meta.url).href;

/** Settles one request after the other, many at once, and says of each how far it is. */
const SETTLER = `
  import { openSqliteStore } from ${JSON.stringify(BUILT)};
  const [dir, life] = process.argv.slice(1);
  const { ledger } = await openSqliteStore(dir);
  const times = { nowMs: 1, expiresAtMs: 9 };
  const parts = [{ payer: "consumer", account: "ben", machine: "m", model: "q", attemptId: "a", gross: 7n,
    promptTokens: 1, completionTokens: 1 }];
  const caller = async (name) => {
    for (let n = 0; ; n++) {
      const id = [life, name, n].join("-");
      await ledger.reserve({ id, requestId: id, account: "anna", payer: "anna", node: "node", max: 5n,
        feeBasisPoints: 1000, ...times });
      process.stdout.write("reserved " + id + "\\n");
      await ledger.extend({ id, max: 10n, used: n % 2 === 0 ? parts : [], ...times });
      await ledger.post({ id, parts, nowMs: 1 });
      process.stdout.write("posted " + id + "\\n");
    }
  };
  for (let name = 0; name < 16; name++) void caller(name);`;

async function settleAndKill(dir: string, life: number, lines: number): Promise<string[]> {
  const args = ["--input-type=module", "-e", SETTLER, dir, String(life)];
  const settler = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(settler, "exit");
  const told: string[] = [];
  for await (const line of createInterface({ input: settler.stdout })) {
    told.push(line);
    if (told.length === lines) settler.kill("SIGKILL");
  }
  expect((await exited)[1]).toBe("SIGKILL");
  return told;
}

it("loses no reservation, settles none twice, and adds up, however often it is killed while it settles", async () => {
  const dir = mkdtempSync(join(tmpdir(), "hearth-ledger-crash-"));
  try {
    let store = await openSqliteStore(dir);
    await store.ledger.deposit(income("d", 1_000_000_000n));
    await store.close();
    for (const [life, lines] of [10, 333, 1_000].entries()) {
      const told = await settleAndKill(dir, life, lines);
      store = await openSqliteStore(dir);
      const { ledger } = store;
      expect((await ledger.audit(9)).mismatches).toEqual([]);
      const idOf = (line: string): string => line.slice(line.indexOf(" ") + 1);
      const posted = new Set(told.filter((line) => line.startsWith("posted")).map(idOf));
      for (const id of posted) expect(await ledger.void(id, 2)).toMatchObject({ type: "already", charged: 7n });
      const open = await ledger.abandoned({ because: "recovery", node: "node", limit: 1_000 });
      for (const { id } of open) {
        expect(posted.has(id)).toBe(false);
        await ledger.abandon({ id, nowMs: 2, because: { type: "recovery", node: "node" } });
      }
      // What was told as reserved is there, and whatever it was is over.
      for (const id of told.map(idOf)) {
        const again = await ledger.extend({ id, max: 1n, used: [], nowMs: 2, expiresAtMs: 9 });
        expect(again).toEqual({ type: "closed" });
      }
      const { transfers } = await ledger.audit(9);
      // One deposit, and so many charges of 7.
      const { credit } = await ledger.balance("anna");
      expect(credit).toEqual({ balance: 1_000_000_000n - 7n * BigInt(transfers - 1), reserved: 0n });
      await store.close();
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
});

it("takes nothing by halves from a full disk, says so, and goes on by itself when there is room", async ({ skip }) => {
  using disk = smallDisk(2_048) ?? skip("needs root and tmpfs");
  const store = await openSqliteStore(disk.path);
  const { ledger } = store;
  await ledger.deposit(income("d", 1_000n));
  await ledger.reserve(reservation("r0", 100n));
  disk.fill();
  const failures: unknown[] = [];
  const ids = Array.from({ length: 9 }, (_, n) => `r${n + 1}`);
  for (const id of ids) {
    await ledger.reserve(reservation(id, 10n)).catch((error: unknown) => failures.push(error));
    await ledger.post({ id: "r0", parts: [part(50n)], nowMs: 2 }).catch((error: unknown) => failures.push(error));
  }
  expect(failures.length).toBeGreaterThan(0);
  for (const failure of failures) {
    expect(failure).toMatchObject({ code: expect.stringMatching(/^SQLITE_(FULL|IOERR)/) });
    expect(isStoreAway(failure)).toBe(true);
  }
  disk.makeRoom();
  expect((await ledger.audit(9)).mismatches).toEqual([]);
  for (const id of ids) expect(await ledger.reserve(reservation(id, 10n))).toEqual({ type: "reserved" });
  expect(await ledger.post({ id: "r0", parts: [part(50n)], nowMs: 2 })).toMatchObject({ type: "posted", charged: 50n });
  expect((await ledger.balance("anna")).available).toBe(860n);
  expect((await ledger.audit(9)).mismatches).toEqual([]);
  await store.close();
});

it("does what was cut off in the middle once, when it is told again", async ({ skip }) => {
  if (!(await hasPostgres())) skip("needs a PostgreSQL");
  const scratch = await scratchPostgres();
  const target = new URL(TEST_URL);
  const proxy = await BreakableProxy.start(target.hostname, Number(target.port || 5432));
  const url = Object.assign(new URL(TEST_URL), { hostname: "127.0.0.1", port: String(proxy.port) }).href;
  const deps = { clock: systemClock, rng: { next: () => 0.5 }, maxWaiting: DEFAULT_MAX_WAITING };
  const store: Store = await openPostgresStore({ ...scratch, url }, deps);
  const { ledger } = store;
  await ledger.deposit(income("d", 10_000n));
  const settle = async (id: string): Promise<unknown> => {
    await ledger.reserve(reservation(id, 10n));
    return ledger.post({ id, parts: [part(7n)], nowMs: 2 });
  };
  // Wherever a group is then: before it has begun, while it reads or writes, or kept with nobody told.
  let count = 0;
  for (let messages = 0; messages < 12; messages++) {
    const ids = Array.from({ length: 10 }, () => `r${count++}`);
    await ledger.reserve(reservation(ids[0] ?? "", 10n));
    proxy.cutAfterMessages(messages);
    const results = await Promise.allSettled(ids.map(settle));
    const failed = results.filter((result) => result.status === "rejected");
    if (messages < 6) expect(failed.length).toBeGreaterThan(0);
    for (const { reason } of failed) expect(isStoreAway(reason)).toBe(true);
    proxy.mend();
    const again = await Promise.all(ids.map(settle));
    for (const result of again) expect(result).toEqual({ type: "posted", charged: 7n, lost: 0n });
  }
  expect((await ledger.balance("anna")).credit).toEqual({ balance: 10_000n - 840n, reserved: 0n });
  expect((await ledger.audit(9)).mismatches).toEqual([]);
  await store.close();
  await proxy.close();
  await scratch.clear();
});
