import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { FakeClock } from "@hearth/platform/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createLogger } from "../platform/logger.js";
import type { LedgerStore } from "../store/ledger-store.js";
import { openMemoryStore } from "../store/sqlite/open-sqlite-store.js";
import type { Store } from "../store/store.js";
import { StoreError } from "../store/store-error.js";
import { income, part, reservation as reserved } from "../store/testing/money.js";
import { Ledger, type ReserveRequest } from "./ledger.js";
import { DEFAULT_LEDGER, type LedgerSettings } from "./ledger-settings.js";
import type { Reservation } from "./reservation.js";

const LEASE_MS = DEFAULT_LEDGER.leaseMs;

let dir: string;
let store: Store;
let clock: FakeClock;
let counts: string[];
let away: Error | undefined;
let asked: string[];
let opened: Ledger[];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "hearth-ledger-"));
  store = openMemoryStore();
  clock = new FakeClock();
  counts = [];
  asked = [];
  away = undefined;
  opened = [];
  await store.ledger.deposit(income("d", 1_000n));
});

afterEach(async () => {
  away = undefined;
  for (const ledger of opened) await ledger.stop();
  expect((await store.ledger.audit(9)).mismatches).toEqual([]);
  await store.close();
  rmSync(dir, { recursive: true });
});

/** The store, which answers as long as it is not away. */
function breakable(): LedgerStore {
  return new Proxy(store.ledger, {
    get(target, name) {
      const member = Reflect.get(target, name) as (...args: unknown[]) => unknown;
      return async (...args: unknown[]) => {
        asked.push(String(name));
        if (away !== undefined) throw away;
        return member.apply(target, args);
      };
    },
  });
}

const count = (what: string) => () => void counts.push(what);
const hooks = {
  reserved: count("reserved"),
  insufficient: (limitedBy: string) => void counts.push(`insufficient ${limitedBy}`),
  posted: (charged: bigint, lost: bigint) => void counts.push(`posted ${charged} ${lost}`),
  voided: count("voided"),
  abandoned: (as: string) => void counts.push(`abandoned ${as}`),
  owed: count("owed"),
  lost: count("lost"),
};

async function open(node = "node-1", settings: Partial<LedgerSettings> = {}): Promise<Ledger> {
  const ledger = await Ledger.open({
    ...{ store: breakable(), clock, log: createLogger("silent"), hooks, node },
    journalPath: join(dir, `${node}.journal`),
    settings: { ...DEFAULT_LEDGER, feeBasisPoints: 1_000, lowBalanceMicroUsd: 0, ...settings },
  });
  opened.push(ledger);
  return ledger;
}

const request = (id: string, max: bigint): ReserveRequest => ({ id, requestId: `req_${id}`, account: "anna", max });

async function reserve(ledger: Ledger, id: string, max: bigint): Promise<Reservation> {
  const outcome = await ledger.reserve(request(id, max));
  return outcome.type === "reserved" ? outcome.reservation : expect.fail(outcome.type);
}

const available = async (): Promise<bigint> => (await store.ledger.balance("anna")).available;
const earned = async (): Promise<bigint> => (await store.ledger.balance("ben")).earned.balance;
function goAway(code: "away" | "busy" | "closed" = "away"): void {
  away = new StoreError(code, "It is away.");
}
const journal = (node = "node-1"): string => readFileSync(join(dir, `${node}.journal`), "utf8");

/** Lets time pass, and what falls due be done. */
async function pass(ms: number): Promise<void> {
  clock.advance(ms);
  for (let turn = 0; turn < 30; turn++) await nextTurn();
}

describe("a request's money", () => {
  it("is reserved, extended as it goes, and posted", async () => {
    const ledger = await open();
    const reservation = await reserve(ledger, "r1", 100n);
    expect(await reservation.extendTo(300n, [part(80n)])).toEqual({ type: "extended" });
    expect(reservation.max).toBe(300n);
    expect(await available()).toBe(700n);
    expect(await reservation.post([part(250n)])).toEqual({ type: "posted", charged: 250n, lost: 0n });
    expect(await available()).toBe(750n);
    expect(await earned()).toBe(225n);
    expect(counts).toEqual(["reserved", "posted 250 0"]);
  });

  it("is refused where there is not enough, of the balance or of the key's budget", async () => {
    const ledger = await open();
    expect(await ledger.reserve(request("r1", 1_001n))).toMatchObject({ type: "insufficient", available: 1_000n });
    const budget = { keyId: "k", windowStartMs: 0, limit: 10n };
    expect(await ledger.reserve({ ...request("r1", 11n), budget })).toMatchObject({ limitedBy: "budget" });
    const reservation = await reserve(ledger, "r1", 900n);
    expect(await reservation.extendTo(1_001n, [])).toMatchObject({ type: "insufficient", available: 100n });
    expect(reservation.max).toBe(900n);
    expect(counts).toEqual(["insufficient balance", "insufficient budget", "reserved", "insufficient balance"]);
    await reservation.void();
  });

  it("is resolved exactly once: the first post or void is it", async () => {
    const ledger = await open();
    const first = await reserve(ledger, "r1", 100n);
    const [one, two] = await Promise.all([first.post([part(50n)]), first.post([part(60n)])]);
    expect(one).toEqual({ type: "posted", charged: 50n, lost: 0n });
    expect(two).toBe(one);
    await first.void();
    first[Symbol.dispose]();
    expect(await first.extendTo(200n, [])).toEqual({ type: "closed" });
    const second = await reserve(ledger, "r2", 100n);
    await Promise.all([second.void(), second.void()]);
    expect(await second.post([part(50n)])).toEqual({ type: "already", charged: 0n });
    expect(await available()).toBe(950n);
    expect(counts).toEqual(["reserved", "posted 50 0", "reserved", "voided"]);
    expect(asked.filter((name) => name === "post" || name === "void")).toEqual(["post", "void"]);
  });

  it("comes back by itself when whoever has it goes away", async () => {
    const ledger = await open();
    {
      using _ = await reserve(ledger, "r1", 100n);
      expect(await available()).toBe(900n);
    }
    await pass(0);
    expect(await available()).toBe(1_000n);
  });

  it("is extended before it is posted, whichever of them answers sooner", async () => {
    const ledger = await open();
    const reservation = await reserve(ledger, "r1", 10n);
    const extending = reservation.extendTo(100n, [part(5n)]);
    const posting = reservation.post([part(90n)]);
    expect(await extending).toEqual({ type: "extended" });
    expect(await posting).toEqual({ type: "posted", charged: 90n, lost: 0n });
  });

  it("never is an amount that is none", async () => {
    const ledger = await open();
    for (const max of [-1n, 10n ** 16n, 0.5 as unknown as bigint, Number.NaN as unknown as bigint]) {
      await expect(ledger.reserve(request("r1", max))).rejects.toMatchObject({ code: "invalid_request" });
    }
    expect(asked).not.toContain("reserve");
  });
});

describe("a store that is away", () => {
  it.each(["away", "busy", "closed"] as const)("(%s) is not taken for a lack of money", async (code) => {
    const ledger = await open();
    goAway(code);
    expect(await ledger.reserve(request("r1", 10n))).toEqual({ type: "away" });
    expect(counts).toEqual([]);
  });

  it("whose disk is full is one as well", async () => {
    const ledger = await open();
    away = Object.assign(new Error("database or disk is full"), { code: "SQLITE_FULL" });
    expect(await ledger.reserve(request("r1", 10n))).toEqual({ type: "away" });
  });

  it("gives back what it has reserved without being able to say so", async () => {
    const ledger = await open();
    goAway();
    expect(await ledger.reserve(request("r1", 10n))).toEqual({ type: "away" });
    // It has been done all the same.
    await store.ledger.reserve(reserved("r1", 10n, { requestId: "req_r1" }));
    away = undefined;
    await pass(DEFAULT_LEDGER.retryMs);
    expect(await available()).toBe(1_000n);
  });

  it("lets a stream go on for one more slice, written down, and no further until it is back", async () => {
    const ledger = await open();
    const reservation = await reserve(ledger, "r1", 100n);
    goAway();
    expect(await reservation.extendTo(200n, [part(90n)])).toEqual({ type: "on_credit" });
    expect(reservation.max).toBe(200n);
    expect(journal()).toContain('"max":"200"');
    expect(await reservation.extendTo(300n, [part(190n)])).toEqual({ type: "away" });
    expect(reservation.max).toBe(200n);
    away = undefined;
    await pass(DEFAULT_LEDGER.retryMs);
    expect(await available()).toBe(800n);
    expect(await reservation.extendTo(300n, [part(190n)])).toEqual({ type: "extended" });
    expect(await reservation.post([part(250n)])).toEqual({ type: "posted", charged: 250n, lost: 0n });
  });

  it("is told what was posted when it is back, after what was extended, and the journal is empty then", async () => {
    const ledger = await open();
    const reservation = await reserve(ledger, "r1", 100n);
    goAway();
    await reservation.extendTo(200n, [part(90n)]);
    expect(await reservation.post([part(180n)])).toEqual({ type: "owed" });
    await pass(10 * DEFAULT_LEDGER.retryMs);
    expect(await available()).toBe(900n);
    away = undefined;
    await pass(DEFAULT_LEDGER.retryMs);
    expect(await available()).toBe(820n);
    expect(await earned()).toBe(162n);
    await vi.waitUntil(() => journal() === "");
  });

  it("that is back before it was told of an extension is told of the post after that", async () => {
    const ledger = await open();
    const reservation = await reserve(ledger, "r1", 100n);
    goAway();
    await reservation.extendTo(200n, [part(90n)]);
    away = undefined;
    expect(await reservation.post([part(180n)])).toEqual({ type: "owed" });
    await pass(DEFAULT_LEDGER.retryMs);
    expect(await available()).toBe(820n);
  });

  it("is told after a restart, once, though it was told before the journal could be emptied", async () => {
    const first = await open();
    const reservation = await reserve(first, "r1", 100n);
    goAway();
    await reservation.post([part(80n)]);
    const left = journal();
    away = undefined;
    await pass(DEFAULT_LEDGER.retryMs);
    expect(await available()).toBe(920n);
    await first.stop();
    opened = [];
    // As the process may have died just before.
    writeFileSync(join(dir, "node-1.journal"), left);
    await open();
    expect(await available()).toBe(920n);
    expect(await earned()).toBe(72n);
    await vi.waitUntil(() => journal() === "");
  });

  it("is told by the next start what this process could not tell it, before that recovers anything", async () => {
    const first = await open();
    const reservation = await reserve(first, "r1", 100n);
    goAway();
    await reservation.post([part(80n)]);
    expect(await first.stop()).toBe(1);
    opened = [];
    // Still away at the start.
    await open();
    expect(await available()).toBe(900n);
    away = undefined;
    await pass(DEFAULT_LEDGER.sweepMs);
    expect(await available()).toBe(920n);
    expect(counts).not.toContain("abandoned voided");
  });

  it("that refuses for another reason holds nothing up: that is lost, and told", async () => {
    const ledger = await open();
    const one = await reserve(ledger, "r1", 100n);
    const two = await reserve(ledger, "r2", 100n);
    goAway();
    await one.post([part(10n, { account: undefined as unknown as string })]);
    await two.post([part(20n)]);
    away = undefined;
    await pass(DEFAULT_LEDGER.retryMs);
    expect(counts.filter((each) => each === "lost")).toHaveLength(1);
    expect(await earned()).toBe(18n);
    await store.ledger.void("r1", 1);
  });

  it("is owed so much at most: a stream ends then, and does not go on unwritten", async () => {
    const ledger = await open("node-1", { maxOwed: 2 });
    const all = [];
    for (const id of ["r1", "r2", "r3"]) all.push(await reserve(ledger, id, 10n));
    goAway();
    const outcomes = [];
    for (const each of all) outcomes.push((await each.extendTo(20n, [part(9n)])).type);
    expect(outcomes).toEqual(["on_credit", "on_credit", "away"]);
    expect(all[2]?.max).toBe(10n);
    expect(counts).not.toContain("lost");
  });

  it("is owed so much at most: what is posted or voided beyond that is told as lost", async () => {
    const ledger = await open("node-1", { maxOwed: 1 });
    const all = [];
    for (const id of ["r1", "r2", "r3"]) all.push(await reserve(ledger, id, 10n));
    goAway();
    expect(await all[0]?.post([part(9n)])).toEqual({ type: "owed" });
    expect(await all[1]?.post([part(9n)])).toEqual({ type: "lost" });
    await all[2]?.void();
    expect(counts.filter((each) => each === "lost" || each === "owed")).toEqual(["owed", "lost", "lost"]);
  });

  it("is told what neither it nor the disk took, as long as the process lives", async () => {
    const ledger = await open("node-1", { maxJournalBytes: 10 });
    const reservation = await reserve(ledger, "r1", 100n);
    goAway();
    expect(await reservation.extendTo(200n, [part(90n)])).toEqual({ type: "away" });
    expect(await reservation.post([part(95n)])).toEqual({ type: "away" });
    expect(statSync(join(dir, "node-1.journal")).size).toBe(0);
    away = undefined;
    await pass(DEFAULT_LEDGER.retryMs);
    expect(await available()).toBe(905n);
  });
});

describe("what nobody resolves", () => {
  it("is resolved by the next start of its node: what was delivered is charged, the rest given back", async () => {
    const dead = await open();
    const one = await reserve(dead, "r1", 100n);
    await one.extendTo(100n, [part(60n)]);
    await reserve(dead, "r2", 100n);
    // It is gone without a word. The one after it has its name.
    await open();
    expect(await available()).toBe(940n);
    expect(await earned()).toBe(54n);
    expect(counts.slice(2)).toEqual(["abandoned posted", "abandoned voided"]);
  });

  it("is told from what lives by a start that finds the store away, and resolves it later", async () => {
    await store.ledger.reserve(reserved("r0", 100n));
    goAway();
    const ledger = await open();
    away = undefined;
    const reservation = await reserve(ledger, "r1", 50n);
    expect(await available()).toBe(850n);
    await pass(DEFAULT_LEDGER.sweepMs);
    expect(await available()).toBe(950n);
    expect(await reservation.post([part(50n)])).toMatchObject({ type: "posted" });
  });

  it("is resolved by another node once it has expired, and stayed so for a lease", async () => {
    const dead = await open("node-2", { sweepMs: 1e12 });
    await reserve(dead, "r1", 100n);
    await open("node-1");
    await pass(LEASE_MS + DEFAULT_LEDGER.sweepMs);
    expect(await available()).toBe(900n);
    await pass(LEASE_MS);
    expect(await available()).toBe(1_000n);
    expect(counts).toEqual(["reserved", "abandoned voided"]);
  });

  it("is not what a live node renews, for as long as that lasts", async () => {
    const live = await open("node-2");
    const reservation = await reserve(live, "r1", 100n);
    await open("node-1");
    for (let n = 0; n < 10; n++) await pass(LEASE_MS / 2);
    expect(await available()).toBe(900n);
    expect(await reservation.post([part(10n)])).toMatchObject({ type: "posted" });
  });

  it("is not what another node renews while our clock is wrong, by hours, either way", async () => {
    const live = await open("node-2");
    const reservation = await reserve(live, "r1", 100n);
    await open("node-1");
    for (const jumpMs of [3_600_000, -7_200_000, 3_600_000]) {
      clock.pause(jumpMs);
      for (let n = 0; n < 40; n++) await pass(DEFAULT_LEDGER.sweepMs);
      expect(await available()).toBe(900n);
    }
    await reservation.void();
  });

  it("is not ours to void while its post is owed to the store", async () => {
    const retryMs = 10 * LEASE_MS;
    const ledger = await open("node-1", { retryMs });
    const reservation = await reserve(ledger, "r1", 100n);
    goAway();
    await reservation.post([part(80n)]);
    away = undefined;
    for (let n = 0; n < 5; n++) await pass(LEASE_MS);
    expect(await available()).toBe(900n);
    await pass(retryMs);
    expect(await available()).toBe(920n);
  });

  it("leaves no timer behind, nor does what comes after the end", async () => {
    const ledger = await open();
    const reservation = await reserve(ledger, "r1", 100n);
    const late = await reserve(ledger, "r2", 100n);
    goAway();
    await reservation.post([part(80n)]);
    await ledger.stop();
    opened = [];
    expect(clock.pending).toBe(0);
    expect(await late.post([part(80n)])).toEqual({ type: "away" });
    expect(clock.pending).toBe(0);
    away = undefined;
    for (const id of ["r1", "r2"]) await store.ledger.void(id, 1);
  });
});
