import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MAX_MICRO_USD } from "../platform/micro-usd.js";
import {
  LEDGER_PRUNE_BATCH,
  type LedgerRetention,
  type LedgerStore,
  type NewReservation,
  type WorkPart,
} from "./ledger-store.js";
import { income, part, reservation } from "./testing/money.js";
import { placeForTests, STORE_PLACES } from "./testing/store-places.js";

const HOUR_MS = 3_600_000;

describe.each(STORE_PLACES)("the ledger on $name", (engine) => {
  const place = placeForTests(engine);
  let ledger: LedgerStore;

  beforeEach(() => {
    ledger = place().store.ledger;
  });

  afterEach(async () => {
    // Whatever a test has done: it adds up.
    if (engine.isHere) expect((await ledger.audit(10)).mismatches).toEqual([]);
  });

  const given = (amount: bigint, account = "anna") => ledger.deposit(income(`d-${account}`, amount, { account }));
  const spendable = async (account = "anna"): Promise<bigint> => (await ledger.balance(account)).available;
  const post = (id: string, ...parts: WorkPart[]) => ledger.post({ id, parts, nowMs: 2_000 });

  describe("what a key has spent", () => {
    it("is told of a window, with what is set aside, and of all that begin later", async () => {
      await given(1_000n);
      const budgeted = (id: string, max: bigint, windowStartMs: number, keyId = "key_1") =>
        ledger.reserve(reservation(id, max, { budget: { keyId, windowStartMs, limit: 500n } }));
      for (const [n, windowStartMs] of [0, 1_000, 2_000].entries()) {
        await budgeted(`r${n}`, 50n, windowStartMs);
        await post(`r${n}`, part(BigInt(10 + n)));
      }
      await budgeted("open", 70n, 2_000);
      await budgeted("others", 70n, 2_000, "key_2");
      const query = { keyId: "key_1", windowStartMs: 2_000, sinceMs: [0, 1, 2_000, 2_001] };
      expect(await ledger.keySpend(query)).toEqual({ taken: 82n, spent: [33n, 23n, 12n, 0n] });
      expect(await ledger.keySpend({ ...query, keyId: "nobody's" })).toEqual({ taken: 0n, spent: [0n, 0n, 0n, 0n] });
    });
  });

  describe("a reservation", () => {
    it("sets money aside, which is neither spendable nor gone", async () => {
      await given(100n);
      expect(await ledger.reserve(reservation("r1", 60n))).toEqual({ type: "reserved" });
      expect(await ledger.balance("anna")).toEqual({
        credit: { balance: 100n, reserved: 60n },
        earned: { balance: 0n, reserved: 0n },
        pending: 0n,
        available: 40n,
      });
    });

    it("is refused where there is less, and leaves no trace, so that it can be asked for again", async () => {
      await given(100n);
      await ledger.reserve(reservation("r1", 60n));
      const refused = { type: "insufficient", limitedBy: "balance", available: 40n };
      expect(await ledger.reserve(reservation("r2", 41n))).toEqual(refused);
      expect(await ledger.void("r2", 2_000)).toEqual({ type: "unknown" });
      await ledger.grant(income("g", 1n));
      expect(await ledger.reserve(reservation("r2", 41n))).toEqual({ type: "reserved" });
    });

    it("of an account that nobody knows is refused, unless it is of nothing", async () => {
      const nobody = { payer: "nobody", account: "nobody" };
      const refused = { type: "insufficient", limitedBy: "balance", available: 0n };
      expect(await ledger.reserve(reservation("r1", 1n, nobody))).toEqual(refused);
      expect(await ledger.reserve(reservation("r1", 0n, nobody))).toEqual({ type: "reserved" });
      expect(await post("r1", part(0n))).toEqual({ type: "posted", charged: 0n, lost: 0n });
      expect((await ledger.balance("nobody")).available).toBe(0n);
    });

    it("takes what can only be spent first, then what was earned", async () => {
      await given(50n);
      await ledger.correct({ ...income("c", 30n), part: "earned" });
      expect(await ledger.reserve(reservation("r1", 70n))).toEqual({ type: "reserved" });
      expect(await ledger.balance("anna")).toMatchObject({
        credit: { balance: 50n, reserved: 50n },
        earned: { balance: 30n, reserved: 20n },
        available: 10n,
      });
      await post("r1", part(60n));
      expect(await ledger.balance("anna")).toMatchObject({
        credit: { balance: 0n, reserved: 0n },
        earned: { balance: 20n, reserved: 0n },
      });
    });

    it("is made once, however often it is asked for", async () => {
      await given(100n);
      const same = reservation("r1", 60n);
      expect(await Promise.all(Array.from({ length: 8 }, () => ledger.reserve(same)))).toEqual(
        Array.from({ length: 8 }, () => ({ type: "reserved" })),
      );
      expect(await spendable()).toBe(40n);
    });

    it.each<[string, Partial<NewReservation>]>([
      ["amount", { max: 61n }],
      ["payer", { payer: "ben" }],
      ["account", { account: "ben" }],
      ["request", { requestId: "req_other" }],
      ["key", { budget: { keyId: "key_1", windowStartMs: 0, limit: 100n } }],
    ])("is refused under the id of one with another %s", async (_what, change) => {
      await given(100n);
      await ledger.reserve(reservation("r1", 60n));
      expect(await ledger.reserve({ ...reservation("r1", 60n), ...change })).toEqual({ type: "conflict" });
      expect(await spendable()).toBe(40n);
    });

    it("never takes more than there is, however many are asked for at once and by whom", async () => {
      await given(1_000n);
      const asked = Array.from({ length: 40 }, (_, n) =>
        (n % 2 === 0 ? ledger : place().other.ledger).reserve(reservation(`r${n}`, 90n)),
      );
      const types = (await Promise.all(asked)).map(({ type }) => type);
      expect(types.filter((type) => type === "reserved")).toHaveLength(11);
      expect(await spendable()).toBe(10n);
    });
  });

  describe("a key's budget", () => {
    const budget = { keyId: "key_1", windowStartMs: 0, limit: 100n };

    it("counts what is spent and what is set aside, and only within its window", async () => {
      await given(1_000n);
      expect(await ledger.reserve(reservation("r1", 60n, { budget }))).toEqual({ type: "reserved" });
      const over = { type: "insufficient", limitedBy: "budget", available: 40n };
      expect(await ledger.reserve(reservation("r2", 41n, { budget }))).toEqual(over);
      await post("r1", part(50n));
      expect(await ledger.reserve(reservation("r3", 51n, { budget }))).toEqual({ ...over, available: 50n });
      expect(await ledger.reserve(reservation("r3", 50n, { budget }))).toEqual({ type: "reserved" });
      const next = { ...budget, windowStartMs: HOUR_MS };
      expect(await ledger.reserve(reservation("r4", 100n, { budget: next }))).toEqual({ type: "reserved" });
      expect(await ledger.reserve(reservation("r5", 101n, { budget: { ...next, keyId: "key_2" } }))).toEqual({
        ...over,
        available: 100n,
      });
    });

    it("is given back by what is voided, and by what the payer has no money for", async () => {
      await given(50n);
      await ledger.reserve(reservation("r1", 40n, { budget }));
      expect(await ledger.reserve(reservation("r2", 20n, { budget }))).toMatchObject({ limitedBy: "balance" });
      await ledger.void("r1", 2_000);
      await ledger.grant(income("g", 50n));
      expect(await ledger.reserve(reservation("r3", 100n, { budget }))).toEqual({ type: "reserved" });
    });

    it("holds an extension as well", async () => {
      await given(1_000n);
      await ledger.reserve(reservation("r1", 60n, { budget }));
      const to = (max: bigint) => ledger.extend({ id: "r1", max, used: [], nowMs: 2_000, expiresAtMs: 90_000 });
      expect(await to(101n)).toEqual({ type: "insufficient", limitedBy: "budget", available: 40n });
      expect(await to(100n)).toEqual({ type: "extended" });
    });

    it("that was lowered since lets nothing more through", async () => {
      await given(1_000n);
      await ledger.reserve(reservation("r1", 60n, { budget }));
      const lower = { ...budget, limit: 50n };
      expect(await ledger.reserve(reservation("r2", 1n, { budget: lower }))).toMatchObject({ available: 0n });
    });

    it("is never exceeded by many at once", async () => {
      await given(10_000n);
      const asked = Array.from({ length: 30 }, (_, n) =>
        (n % 2 === 0 ? ledger : place().other.ledger).reserve(reservation(`r${n}`, 9n, { budget })),
      );
      const types = (await Promise.all(asked)).map(({ type }) => type);
      expect(types.filter((type) => type === "reserved")).toHaveLength(11);
    });
  });

  describe("an extension", () => {
    const extend = (max: bigint, used: WorkPart[] = [], expiresAtMs = 90_000) =>
      ledger.extend({ id: "r1", max, used, nowMs: 2_000, expiresAtMs });

    beforeEach(async () => {
      if (!engine.isHere) return;
      await given(100n);
      await ledger.reserve(reservation("r1", 10n));
    });

    it("is of the total, so that it may come twice, late, or smaller", async () => {
      expect(await extend(40n)).toEqual({ type: "extended" });
      expect(await extend(40n)).toEqual({ type: "extended" });
      expect(await extend(20n)).toEqual({ type: "extended" });
      expect(await spendable()).toBe(60n);
    });

    it("is refused where there is no more, keeps what is there, and notes what was delivered", async () => {
      expect(await extend(101n, [part(7n)])).toEqual({ type: "insufficient", limitedBy: "balance", available: 90n });
      expect(await ledger.balance("anna")).toMatchObject({ credit: { reserved: 10n } });
      const because = { type: "recovery", node: "node-1" } as const;
      expect(await ledger.abandon({ id: "r1", nowMs: 3_000, because })).toEqual({
        type: "posted",
        charged: 7n,
        lost: 0n,
      });
    });

    it("goes on from credit into what was earned", async () => {
      await ledger.correct({ ...income("c", 30n), part: "earned" });
      expect(await extend(120n)).toEqual({ type: "extended" });
      expect(await ledger.balance("anna")).toMatchObject({ credit: { reserved: 100n }, earned: { reserved: 20n } });
    });

    it("finds nothing to extend once it is resolved, or where there is none", async () => {
      await post("r1", part(3n));
      expect(await extend(40n)).toEqual({ type: "closed" });
      expect(await ledger.extend({ id: "r9", max: 5n, used: [], nowMs: 1, expiresAtMs: 2 })).toEqual({
        type: "unknown",
      });
      expect(await spendable()).toBe(97n);
    });
  });

  describe("a post", () => {
    beforeEach(async () => {
      if (!engine.isHere) return;
      await given(1_000n);
      await ledger.reserve(reservation("r1", 500n));
    });

    it("charges the work, pays the machine's owner, keeps the fee, and gives the rest back", async () => {
      expect(await post("r1", part(123n))).toEqual({ type: "posted", charged: 123n, lost: 0n });
      expect(await spendable()).toBe(877n);
      // A tenth of 123 is 12.3: the fraction is the owner's.
      expect(await ledger.balance("ben")).toMatchObject({ earned: { balance: 111n, reserved: 0n }, available: 111n });
    });

    it("charges no more than was reserved: the rest is the platform's loss, and the machine is paid", async () => {
      expect(await post("r1", part(700n))).toEqual({ type: "posted", charged: 500n, lost: 200n });
      expect(await spendable()).toBe(500n);
      expect((await ledger.balance("ben")).earned.balance).toBe(630n);
    });

    it("lets the platform pay the machine of a losing hedge, and the consumer nothing for it", async () => {
      const loser = part(50n, { payer: "platform", account: "cleo", machine: "mach_2", attemptId: "att_2" });
      expect(await post("r1", part(100n), loser)).toEqual({ type: "posted", charged: 100n, lost: 0n });
      expect(await spendable()).toBe(900n);
      expect((await ledger.balance("cleo")).earned.balance).toBe(45n);
    });

    it("of one's own machine costs nothing, and is counted", async () => {
      expect(await post("r1", part(0n, { account: "anna" }))).toEqual({ type: "posted", charged: 0n, lost: 0n });
      expect(await spendable()).toBe(1_000n);
      expect(await ledger.statement({ account: "anna", limit: 9 })).toHaveLength(1);
      const all = { account: "anna", groupBy: [], fromMs: 0, toMs: HOUR_MS, limit: 9 };
      expect(await ledger.earnings(all)).toMatchObject([{ requests: 1, gross: 0n }]);
    });

    it("is done once, however often and from wherever it comes, and answers as the first time", async () => {
      const posts = Array.from({ length: 10 }, (_, n) =>
        (n % 2 === 0 ? ledger : place().other.ledger).post({ id: "r1", parts: [part(700n)], nowMs: 2_000 + n }),
      );
      for (const result of await Promise.all(posts))
        expect(result).toEqual({ type: "posted", charged: 500n, lost: 200n });
      expect(await spendable()).toBe(500n);
      expect((await ledger.balance("ben")).earned.balance).toBe(630n);
    });

    it.each<[string, WorkPart[]]>([
      ["amount", [part(124n)]],
      ["machine", [part(123n, { machine: "mach_2" })]],
      ["number of parts", [part(123n), part(0n)]],
      ["count of tokens", [part(123n, { completionTokens: 6 })]],
    ])("with another %s than the first is refused", async (_what, parts) => {
      await post("r1", part(123n));
      expect(await post("r1", ...parts)).toEqual({ type: "conflict" });
      expect(await spendable()).toBe(877n);
    });

    it("after a void, and a void after a post, change nothing", async () => {
      await ledger.reserve(reservation("r2", 100n));
      await ledger.void("r1", 2_000);
      expect(await post("r1", part(5n))).toEqual({ type: "already", state: "voided", charged: 0n });
      await post("r2", part(5n));
      expect(await ledger.void("r2", 2_000)).toEqual({ type: "already", state: "posted", charged: 5n });
      expect(await spendable()).toBe(995n);
    });

    it("of what was never reserved is refused", async () => {
      expect(await post("r9", part(5n))).toEqual({ type: "unknown" });
      expect((await ledger.balance("ben")).available).toBe(0n);
    });

    it("and a void at once: one of them is it", async () => {
      for (let n = 0; n < 10; n++) {
        await ledger.reserve(reservation(`x${n}`, 10n));
        const [posted, voided] = await Promise.all([
          ledger.post({ id: `x${n}`, parts: [part(10n)], nowMs: 2_000 }),
          place().other.ledger.void(`x${n}`, 2_000),
        ]);
        expect([posted.type, voided.type]).toContain("already");
        expect(posted.type === "posted" || voided.type === "voided").toBe(true);
      }
    });

    it("at many machines pays each of them", async () => {
      const parts = [part(10n), part(20n, { account: "cleo" }), part(30n, { account: "anna", machine: "mach_9" })];
      expect(await post("r1", ...parts)).toEqual({ type: "posted", charged: 60n, lost: 0n });
      expect((await ledger.balance("ben")).earned.balance).toBe(9n);
      expect((await ledger.balance("cleo")).earned.balance).toBe(18n);
      expect((await ledger.balance("anna")).earned.balance).toBe(27n);
    });

    it("at a fee that has changed since takes the one that was reserved with", async () => {
      await ledger.reserve(reservation("r2", 100n, { feeBasisPoints: 0 }));
      await post("r2", part(100n));
      expect((await ledger.balance("ben")).earned.balance).toBe(100n);
    });

    it("that cannot be kept fails alone, and leaves nothing", async () => {
      const ids = ["a", "b", "c", "d", "e"];
      await ledger.correct({ ...income("c", MAX_MICRO_USD, { account: "rich" }), part: "earned" });
      await Promise.all(ids.map((id) => ledger.reserve(reservation(id, 10n))));
      const results = await Promise.allSettled([
        post("a", part(5n)),
        // No table takes it.
        post("b", part(5n), part(1n, { promptTokens: -1 })),
        post("c", part(5n, { promptTokens: 0.5 })),
        // More than anybody may have.
        post("d", part(1n), part(5n, { account: "rich" })),
        post("e", part(5n)),
      ]);
      expect(results.map(({ status }) => status === "fulfilled")).toEqual([true, false, false, false, true]);
      expect((await ledger.balance("anna")).credit).toEqual({ balance: 990n, reserved: 530n });
      expect((await ledger.balance("ben")).earned.balance).toBe(10n);
      expect(await post("b", part(5n))).toMatchObject({ type: "posted", charged: 5n });
    });

    it("of many requests at once, on two coordinators, loses nothing", async () => {
      const ids = Array.from({ length: 40 }, (_, n) => `m${n}`);
      const ledgers = [ledger, place().other.ledger] as const;
      const of = (n: number) => ledgers[n % 2] ?? ledger;
      await Promise.all(ids.map((id, n) => of(n).reserve(reservation(id, 10n))));
      await Promise.all(
        ids.map((id, n) =>
          of(n + 1).post({
            ...{ id, nowMs: 2_000 },
            parts: [part(5n, { account: `o${n % 3}` }), part(2n, { account: `o${(n + 1) % 3}`, payer: "platform" })],
          }),
        ),
      );
      expect(await spendable()).toBe(1_000n - 500n - 200n);
    });
  });

  describe("an abandoned reservation", () => {
    const because = { type: "expiry", expiresAtMs: 61_000 } as const;

    it("is voided when it expires with nothing delivered", async () => {
      await given(100n);
      await ledger.reserve(reservation("r1", 60n));
      expect(await ledger.abandoned({ because: "expiry", nowMs: 60_999, limit: 9 })).toEqual([]);
      expect(await ledger.abandon({ id: "r1", nowMs: 60_999, because })).toEqual({ type: "kept" });
      expect(await ledger.abandoned({ because: "expiry", nowMs: 61_000, limit: 9 })).toEqual([
        { id: "r1", expiresAtMs: 61_000 },
      ]);
      expect(await ledger.abandon({ id: "r1", nowMs: 61_000, because })).toEqual({ type: "voided" });
      expect(await ledger.abandon({ id: "r1", nowMs: 61_000, because })).toEqual({ type: "kept" });
      expect(await spendable()).toBe(100n);
    });

    it("costs what was delivered by then, and its machine is paid", async () => {
      await given(100n);
      await ledger.reserve(reservation("r1", 60n));
      const extension = { id: "r1", max: 60n, nowMs: 2_000, expiresAtMs: 90_000 };
      await ledger.extend({ ...extension, used: [part(40n)] });
      // One that was late does not take anything back.
      await ledger.extend({ ...extension, used: [part(20n)], expiresAtMs: 61_000 });
      // Whoever saw it before it was extended knows no better.
      expect(await ledger.abandon({ id: "r1", nowMs: 99_000, because })).toEqual({ type: "kept" });
      const later = { type: "expiry", expiresAtMs: 90_000 } as const;
      expect(await ledger.abandon({ id: "r1", nowMs: 89_999, because: later })).toEqual({ type: "kept" });
      const posted = { type: "posted", charged: 40n, lost: 0n };
      expect(await ledger.abandon({ id: "r1", nowMs: 90_000, because: later })).toEqual(posted);
      expect(await spendable()).toBe(60n);
      expect((await ledger.balance("ben")).earned.balance).toBe(36n);
      expect(await post("r1", part(50n))).toEqual({ type: "already", state: "posted", charged: 40n });
    });

    it("is recovered by its own node only", async () => {
      await given(100n);
      await ledger.reserve(reservation("r1", 10n));
      await ledger.reserve(reservation("r2", 10n, { node: "node-2" }));
      expect(await ledger.abandoned({ because: "recovery", node: "node-1", limit: 9 })).toMatchObject([{ id: "r1" }]);
      const own = { type: "recovery", node: "node-1" } as const;
      expect(await ledger.abandon({ id: "r2", nowMs: 2_000, because: own })).toEqual({ type: "kept" });
      expect(await ledger.abandon({ id: "r1", nowMs: 2_000, because: own })).toEqual({ type: "voided" });
      expect(await spendable()).toBe(90n);
    });

    it("that its request posts at the same moment is resolved once", async () => {
      await given(1_000n);
      for (let n = 0; n < 10; n++) {
        await ledger.reserve(reservation(`r${n}`, 10n));
        const [posted, swept] = await Promise.all([
          ledger.post({ id: `r${n}`, parts: [part(10n)], nowMs: 61_000 }),
          place().other.ledger.abandon({ id: `r${n}`, nowMs: 61_000, because }),
        ]);
        expect([posted.type, swept.type]).toEqual(
          posted.type === "posted" ? ["posted", "kept"] : ["already", "voided"],
        );
      }
    });
  });

  describe("what is kept no longer", () => {
    const DAY_MS = 24 * HOUR_MS;
    const before = (given: Partial<LedgerRetention>): LedgerRetention => ({
      ...{ resolved: -1, delivered: -1, undelivered: -1, ...given },
    });
    const budget = { keyId: "key_1", windowStartMs: 0, limit: 1_000n };
    const everything = async () => ({
      balances: await Promise.all(["anna", "ben"].map((account) => ledger.balance(account))),
      statement: await ledger.statement({ account: "anna", limit: 100 }),
      earnings: await ledger.earnings({ account: "ben", groupBy: ["hour"], fromMs: 0, toMs: DAY_MS, limit: 100 }),
    });

    it("is reservations that were resolved before then: what they have moved and earned stays, and adds up", async () => {
      await given(1_000n);
      for (const [n, at] of [0, HOUR_MS, 3 * HOUR_MS].entries()) {
        await ledger.reserve(reservation(`r${n}`, 100n, { budget }));
        await ledger.post({ id: `r${n}`, parts: [part(120n), part(5n, { payer: "platform" })], nowMs: at });
      }
      await ledger.reserve(reservation("voided", 100n));
      await ledger.void("voided", 1_000);
      await ledger.reserve(reservation("open", 100n, { budget }));
      await ledger.refund({ ...income("f", 10n), reservationId: "r0" });
      const kept = await everything();
      // In the middle of an hour: whole ones are forgotten.
      expect(await ledger.prune(before({ resolved: 3 * HOUR_MS + 1 }))).toBe(3);
      expect(await ledger.audit(10)).toEqual({ transfers: 5, reservations: 2, mismatches: [] });
      expect(await everything()).toEqual(kept);
      expect(await ledger.post({ id: "r0", parts: [part(120n)], nowMs: 1 })).toEqual({ type: "unknown" });
      expect(await ledger.refund({ ...income("g", 10n), reservationId: "r1" })).toEqual({ type: "unknown" });
      expect(await ledger.refund({ ...income("h", 10n), reservationId: "r2" })).toEqual({ type: "done" });
      expect(await ledger.void("open", 9_000)).toEqual({ type: "voided" });
      // To be kept longer from now on: what is gone is gone.
      expect(await ledger.prune(before({ resolved: HOUR_MS }))).toBe(1);
      expect(await ledger.prune(before({ resolved: HOUR_MS }))).toBe(0);
    });

    it("is never what is open, however long it has been", async () => {
      await given(100n);
      await ledger.reserve(reservation("r1", 60n));
      expect(await ledger.prune(before({ resolved: Number.MAX_SAFE_INTEGER }))).toBe(0);
      expect(await spendable()).toBe(40n);
    });

    it("goes batch by batch, also by two coordinators at once", async () => {
      const ids = Array.from({ length: LEDGER_PRUNE_BATCH + 10 }, (_, n) => `r${n}`);
      await Promise.all(ids.map((id) => ledger.reserve(reservation(id, 0n))));
      await Promise.all(ids.map((id) => post(id, part(0n, { model: id.slice(-1) }))));
      const resolved = before({ resolved: DAY_MS });
      const gone = await Promise.all([ledger.prune(resolved), place().other.ledger.prune(resolved)]);
      expect(Math.max(...gone)).toBe(LEDGER_PRUNE_BATCH);
      await ledger.prune(resolved);
      expect(await ledger.audit(10)).toEqual({ transfers: 0, reservations: 0, mismatches: [] });
    });

    it("is messages that were delivered before then, and those that nobody has taken for longer", async () => {
      await ledger.correct({ ...income("c", 500n), part: "earned" });
      for (const [n, nowMs] of [1_000, 2_000, 3_000].entries()) {
        await ledger.requestPayout({ id: `p${n}`, account: "anna", amount: 10n, actor: "anna", nowMs });
      }
      await ledger.messageTried("payout-requested/p1", { deliveredAtMs: 5_000 });
      const due = async () => (await ledger.dueMessages(9_000, 10)).map(({ id }) => id);
      expect(await ledger.prune(before({ delivered: 5_000, undelivered: 1_000 }))).toBe(0);
      expect(await ledger.prune(before({ delivered: 5_001 }))).toBe(1);
      expect(await due()).toEqual(["payout-requested/p0", "payout-requested/p2"]);
      expect(await ledger.prune(before({ undelivered: 1_001 }))).toBe(1);
      expect(await due()).toEqual(["payout-requested/p2"]);
      expect(await ledger.payouts({ limit: 10 })).toHaveLength(3);
    });
  });

  describe("money that comes in", () => {
    it("comes once for an id, and another amount or account under that id is refused", async () => {
      expect(await given(100n)).toEqual({ type: "done" });
      expect(await given(100n)).toEqual({ type: "repeated" });
      expect(await given(101n)).toEqual({ type: "conflict" });
      expect(await ledger.deposit(income("d-anna", 100n, { account: "ben" }))).toEqual({ type: "conflict" });
      // A grant is something else.
      expect(await ledger.grant(income("d-anna", 100n))).toEqual({ type: "done" });
      expect(await spendable()).toBe(200n);
    });

    it("comes once when it is told many times at once", async () => {
      const told = Array.from({ length: 12 }, (_, n) =>
        (n % 2 === 0 ? ledger : place().other.ledger).deposit(income("same", 50n)),
      );
      const types = (await Promise.all(told)).map(({ type }) => type).sort();
      expect(types).toEqual(["done", ...Array.from({ length: 11 }, () => "repeated")]);
      expect(await spendable()).toBe(50n);
    });

    it("is kept exactly up to the bound, and refused beyond it", async () => {
      expect(await given(MAX_MICRO_USD)).toEqual({ type: "done" });
      expect(await ledger.grant(income("g", 1n))).toEqual({ type: "too_large" });
      await ledger.reserve(reservation("r1", MAX_MICRO_USD));
      expect(await post("r1", part(MAX_MICRO_USD - 1n))).toMatchObject({ charged: MAX_MICRO_USD - 1n });
      expect(await spendable()).toBe(1n);
      expect((await ledger.balance("ben")).earned.balance).toBe(900_000_000_000_000n);
      const all = { account: "ben", groupBy: [], fromMs: 0, toMs: HOUR_MS, limit: 9 };
      expect(await ledger.earnings(all)).toMatchObject([{ gross: MAX_MICRO_USD - 1n, fee: 99_999_999_999_999n }]);
    });

    it.each([0n, -1n, MAX_MICRO_USD + 1n, 10n ** 30n])("is never %s", async (amount) => {
      const refused = expect.objectContaining({ code: "invalid_request" });
      await expect(ledger.deposit(income("d", amount))).rejects.toEqual(refused);
      await expect(ledger.grant(income("d", amount))).rejects.toEqual(refused);
      await expect(ledger.refund({ ...income("d", amount), reservationId: "r" })).rejects.toEqual(refused);
      await expect(ledger.requestPayout(income("p", amount))).rejects.toEqual(refused);
    });

    it("never comes as a part of one: negative, huge or fractional amounts get nowhere", async () => {
      const refused = expect.objectContaining({ code: "invalid_request" });
      await given(100n);
      await expect(ledger.reserve(reservation("r1", -1n))).rejects.toEqual(refused);
      await expect(ledger.reserve(reservation("r1", MAX_MICRO_USD + 1n))).rejects.toEqual(refused);
      await ledger.reserve(reservation("r1", 10n));
      await expect(post("r1", part(-1n))).rejects.toEqual(refused);
      await expect(post("r1", part(MAX_MICRO_USD), part(1n))).rejects.toEqual(refused);
      const extension = { id: "r1", nowMs: 1, expiresAtMs: 2 };
      await expect(ledger.extend({ ...extension, max: -1n, used: [] })).rejects.toEqual(refused);
      await expect(ledger.extend({ ...extension, max: 1n, used: [part(-1n)] })).rejects.toEqual(refused);
      for (const bad of [Number.NaN, 0.5, 1e300, Number.POSITIVE_INFINITY]) {
        await expect(ledger.deposit(income("d", bad as unknown as bigint))).rejects.toEqual(refused);
      }
      expect(await ledger.balance("anna")).toMatchObject({ credit: { balance: 100n, reserved: 10n } });
    });
  });

  describe("a correction", () => {
    const corrected = (id: string, amount: bigint, part: "credit" | "earned" = "credit", account = "anna") =>
      ledger.correct({ ...income(id, amount, { account, reason: "mistake" }), part });

    it("goes either way, once, and never takes what is not there or is set aside", async () => {
      await given(100n);
      await ledger.reserve(reservation("r1", 30n));
      expect(await corrected("c1", -71n)).toEqual({ type: "insufficient", available: 70n });
      expect(await corrected("c1", -70n)).toEqual({ type: "done" });
      expect(await corrected("c1", -70n)).toEqual({ type: "repeated" });
      expect(await corrected("c1", -60n)).toEqual({ type: "conflict" });
      expect(await corrected("c1", -70n, "earned")).toEqual({ type: "conflict" });
      expect(await corrected("c2", 5n)).toEqual({ type: "done" });
      expect(await spendable()).toBe(5n);
      expect(await corrected("c3", -1n, "earned")).toEqual({ type: "insufficient", available: 0n });
      expect(await corrected("c4", -1n, "credit", "nobody")).toEqual({ type: "insufficient", available: 0n });
      await expect(corrected("c5", 0n)).rejects.toMatchObject({ code: "invalid_request" });
    });

    it("says by whom and why in the statement", async () => {
      await corrected("c1", 5n, "earned");
      expect(await ledger.statement({ account: "anna", limit: 9 })).toEqual([
        {
          ...{ seq: expect.any(Number), transferId: "correction/c1", kind: "correction", part: "earned" },
          ...{ amount: 5n, balanceAfter: 5n, requestId: undefined, reason: "mistake", actor: "admin", atMs: 1_000 },
        },
      ]);
    });
  });

  describe("a refund", () => {
    const refund = (id: string, amount: bigint, reservationId = "r1") =>
      ledger.refund({ ...income(id, amount, { reason: "gibberish" }), reservationId });

    beforeEach(async () => {
      if (!engine.isHere) return;
      await given(50n);
      await ledger.correct({ ...income("c", 50n), part: "earned" });
      await ledger.reserve(reservation("r1", 80n));
      await post("r1", part(70n));
    });

    it("gives back to where it came from, the last first, and never more than was charged", async () => {
      expect(await ledger.balance("anna")).toMatchObject({ credit: { balance: 0n }, earned: { balance: 30n } });
      expect(await refund("f1", 30n)).toEqual({ type: "done" });
      expect(await refund("f1", 30n)).toEqual({ type: "repeated" });
      expect(await ledger.balance("anna")).toMatchObject({ credit: { balance: 10n }, earned: { balance: 50n } });
      expect(await refund("f2", 41n)).toEqual({ type: "insufficient", available: 40n });
      expect(await refund("f2", 40n)).toEqual({ type: "done" });
      expect(await refund("f2", 40n)).toEqual({ type: "repeated" });
      expect(await refund("f2", 39n)).toEqual({ type: "conflict" });
      expect(await refund("f3", 1n)).toEqual({ type: "insufficient", available: 0n });
      expect(await ledger.balance("anna")).toMatchObject({ credit: { balance: 50n }, earned: { balance: 50n } });
      // The platform bears it: who has worked keeps his pay.
      expect((await ledger.balance("ben")).earned.balance).toBe(63n);
    });

    it("of another request under the same id is a conflict, as much as it may be", async () => {
      await ledger.reserve(reservation("r2", 30n));
      await post("r2", part(30n));
      expect(await refund("f1", 30n)).toEqual({ type: "done" });
      expect(await refund("f1", 30n, "r2")).toEqual({ type: "conflict" });
      expect(await refund("f2", 30n, "r2")).toEqual({ type: "done" });
    });

    it("is of what was posted only", async () => {
      expect(await refund("f1", 1n, "r9")).toEqual({ type: "unknown" });
      await ledger.reserve(reservation("r2", 10n));
      expect(await refund("f1", 1n, "r2")).toEqual({ type: "unknown" });
    });

    it("of many at once gives back once", async () => {
      const asked = Array.from({ length: 8 }, (_, n) =>
        (n % 2 === 0 ? ledger : place().other.ledger).refund({ ...income(`f${n}`, 20n), reservationId: "r1" }),
      );
      const types = (await Promise.all(asked)).map(({ type }) => type);
      expect(types.filter((type) => type === "done")).toHaveLength(3);
    });
  });

  describe("a payout", () => {
    const request = (id: string, amount: bigint) =>
      ledger.requestPayout({ id, account: "ben", amount, actor: "ben", nowMs: 5_000 });
    const change = (id: string, to: "paid" | "failed" | "returned") =>
      ledger.changePayout({ id, to, reason: "bank", actor: "admin", nowMs: 6_000 });
    const ben = () => ledger.balance("ben");

    beforeEach(async () => {
      if (!engine.isHere) return;
      await ledger.correct({ ...income("c", 100n, { account: "ben" }), part: "earned" });
      await ledger.deposit(income("d", 70n, { account: "ben" }));
    });

    it("takes of what was earned only, and holds it until it is paid", async () => {
      expect(await request("p1", 101n)).toEqual({ type: "insufficient", available: 100n });
      expect(await request("p1", 60n)).toEqual({ type: "done" });
      expect(await request("p1", 60n)).toEqual({ type: "repeated" });
      expect(await request("p1", 50n)).toEqual({ type: "conflict" });
      expect(await ben()).toMatchObject({ earned: { balance: 40n }, pending: 60n, available: 110n });
      expect(await change("p1", "paid")).toMatchObject({ type: "done", payout: { state: "paid", amount: 60n } });
      expect(await change("p1", "paid")).toMatchObject({ type: "repeated" });
      expect(await ben()).toMatchObject({ earned: { balance: 40n }, pending: 0n });
    });

    it("that fails gives the money back, once", async () => {
      await request("p1", 60n);
      expect(await change("p1", "failed")).toMatchObject({
        type: "done",
        payout: { reason: "bank", changedAtMs: 6_000 },
      });
      expect(await change("p1", "failed")).toMatchObject({ type: "repeated" });
      expect(await change("p1", "paid")).toEqual({ type: "conflict", state: "failed" });
      expect(await ben()).toMatchObject({ earned: { balance: 100n }, pending: 0n });
    });

    it("that comes back after it was paid gives the money back, once", async () => {
      await request("p1", 60n);
      expect(await change("p1", "returned")).toEqual({ type: "conflict", state: "requested" });
      await change("p1", "paid");
      expect(await change("p1", "failed")).toEqual({ type: "conflict", state: "paid" });
      const types = await Promise.all(Array.from({ length: 6 }, () => change("p1", "returned")));
      expect(types.map(({ type }) => type).sort()).toEqual(["done", ...Array.from({ length: 5 }, () => "repeated")]);
      expect(await ben()).toMatchObject({ earned: { balance: 100n }, pending: 0n });
      expect(await change("p9", "paid")).toEqual({ type: "unknown" });
    });

    it("cannot take what a reservation has set aside, nor twice what is there once", async () => {
      await ledger.reserve(reservation("r1", 100n, { payer: "ben" }));
      const asked = await Promise.all(
        Array.from({ length: 5 }, (_, n) =>
          (n % 2 === 0 ? ledger : place().other.ledger).requestPayout({
            id: `p${n}`,
            account: "ben",
            amount: 30n,
            actor: "ben",
            nowMs: 1,
          }),
        ),
      );
      expect(asked.filter(({ type }) => type === "done")).toHaveLength(2);
      expect(await ben()).toMatchObject({ earned: { balance: 40n, reserved: 30n }, pending: 60n, available: 10n });
    });

    it("of all there is, asked for many times at once, is one, and each is told so", async () => {
      const asked = Array.from({ length: 10 }, (_, n) => {
        const of = n % 2 === 0 ? ledger : place().other.ledger;
        return of.requestPayout({ id: "p1", account: "ben", amount: 100n, actor: "ben", nowMs: 1 });
      });
      const types = (await Promise.all(asked)).map(({ type }) => type).sort();
      expect(types).toEqual(["done", ...Array.from({ length: 9 }, () => "repeated")]);
    });

    it("is listed, by account and state, in pages", async () => {
      for (const id of ["p1", "p2", "p3"]) await request(id, 10n);
      await change("p2", "paid");
      const ids = async (page: Parameters<LedgerStore["payouts"]>[0]) =>
        (await ledger.payouts(page)).map(({ id }) => id);
      expect(await ids({ limit: 2 })).toEqual(["p1", "p2"]);
      expect(await ids({ limit: 2, after: "p2" })).toEqual(["p3"]);
      expect(await ids({ limit: 9, state: "requested" })).toEqual(["p1", "p3"]);
      expect(await ids({ limit: 9, account: "anna" })).toEqual([]);
    });
  });

  describe("what is told", () => {
    it("a statement says what each part of the money came from and went to, in pages", async () => {
      await given(100n);
      await ledger.reserve(reservation("r1", 60n));
      await post("r1", part(40n, { account: "anna" }));
      const lines = await ledger.statement({ account: "anna", limit: 9 });
      expect(
        lines.map(({ kind, part: of, amount, balanceAfter, requestId }) => [kind, of, amount, balanceAfter, requestId]),
      ).toEqual([
        ["deposit", "credit", 100n, 100n, undefined],
        ["charge", "credit", -40n, 60n, "req_r1"],
        ["charge", "earned", 36n, 36n, "req_r1"],
      ]);
      const first = await ledger.statement({ account: "anna", limit: 2 });
      const rest = await ledger.statement({ account: "anna", limit: 2, after: first[1]?.seq });
      expect([...first, ...rest]).toEqual(lines);
      expect(await ledger.statement({ account: "a", limit: 9 })).toEqual([]);
    });

    it("earnings are by machine, model, hour and day, for as long as there were any", async () => {
      await given(1_000n);
      const day = 24 * HOUR_MS;
      const work: [string, WorkPart, number][] = [
        ["r1", part(100n), 0],
        ["r2", part(100n), HOUR_MS + 1],
        ["r3", part(100n, { machine: "mach_2" }), HOUR_MS + 2],
        ["r4", part(100n, { model: "llama" }), day],
        ["r5", part(100n, { account: "cleo" }), day],
      ];
      for (const [id, one, nowMs] of work) {
        await ledger.reserve(reservation(id, 100n));
        await ledger.post({ id, parts: [one], nowMs });
      }
      const of = async (...groupBy: ("machine" | "model" | "hour" | "day")[]) => {
        const lines = await ledger.earnings({ account: "ben", groupBy, fromMs: 0, toMs: 2 * day, limit: 99 });
        return lines.map(({ machine, model, startMs, net, requests }) => [machine ?? model, startMs, net, requests]);
      };
      expect(await of("machine")).toEqual([
        ["mach_1", undefined, 270n, 3],
        ["mach_2", undefined, 90n, 1],
      ]);
      expect(await of("model")).toEqual([
        ["llama", undefined, 90n, 1],
        ["qwen3-8b", undefined, 270n, 3],
      ]);
      expect(await of("hour")).toEqual([
        [undefined, 0, 90n, 1],
        [undefined, HOUR_MS, 180n, 2],
        [undefined, day, 90n, 1],
      ]);
      expect(await of("machine", "day")).toEqual([
        ["mach_1", 0, 180n, 2],
        ["mach_1", day, 90n, 1],
        ["mach_2", 0, 90n, 1],
      ]);
      expect(await of()).toEqual([[undefined, undefined, 360n, 4]]);
      const later = { account: "ben", groupBy: [], fromMs: day, toMs: 2 * day, limit: 9 };
      expect(await ledger.earnings(later)).toMatchObject([
        { gross: 100n, fee: 10n, net: 90n, promptTokens: 10, completionTokens: 5 },
      ]);
      expect(await ledger.earnings({ ...later, account: "nobody" })).toEqual([]);
    });

    it("the outbox has each payout's states and refunds, until somebody has taken them", async () => {
      await ledger.correct({ ...income("c", 100n, { account: "ben" }), part: "earned" });
      await ledger.requestPayout({ id: "p1", account: "ben", amount: 50n, actor: "ben", nowMs: 5_000 });
      await ledger.changePayout({ id: "p1", to: "paid", reason: "", actor: "admin", nowMs: 6_000 });
      await ledger.changePayout({ id: "p1", to: "paid", reason: "", actor: "admin", nowMs: 7_000 });
      const due = await ledger.dueMessages(6_000, 9);
      expect(due.map(({ id, kind, attempts }) => [id, kind, attempts])).toEqual([
        ["payout-requested/p1", "payout.requested", 0],
        ["payout-paid/p1", "payout.paid", 0],
      ]);
      expect(JSON.parse(due[1]?.payload ?? "")).toEqual({
        payout: "p1",
        account: "ben",
        amount_micro_usd: 50,
        state: "paid",
      });
      await ledger.messageTried("payout-requested/p1", { nextAtMs: 9_000 });
      await ledger.messageTried("payout-paid/p1", { deliveredAtMs: 6_500 });
      expect(await ledger.dueMessages(8_999, 9)).toEqual([]);
      expect(await ledger.dueMessages(9_000, 9)).toMatchObject([{ id: "payout-requested/p1", attempts: 1 }]);
    });

    it("the outbox takes what no money moves with, each id once", async () => {
      const message = { id: "n1", kind: "machine.offline", payload: '{"machine":"m1"}', nowMs: 5_000 };
      await ledger.addMessage(message);
      await ledger.messageTried("n1", { deliveredAtMs: 5_500 });
      await ledger.addMessage({ ...message, nowMs: 6_000 });
      await ledger.addMessage({ ...message, id: "n2" });
      expect(await ledger.dueMessages(4_999, 9)).toEqual([]);
      const { nowMs: createdAtMs, ...rest } = message;
      expect(await ledger.dueMessages(9_000, 9)).toEqual([{ ...rest, id: "n2", createdAtMs, attempts: 0 }]);
    });

    it("a balance that falls below the bound is told once, when it does", async () => {
      await given(100n);
      const spend = async (id: string, amount: bigint) => {
        await ledger.reserve(reservation(id, amount));
        await ledger.post({ id, parts: [part(amount)], nowMs: 2_000, lowBalance: 50n });
      };
      await spend("r1", 50n);
      expect(await ledger.dueMessages(9_000, 9)).toEqual([]);
      await spend("r2", 1n);
      await spend("r3", 1n);
      const due = await ledger.dueMessages(9_000, 9);
      expect(due.map(({ kind, payload }) => [kind, JSON.parse(payload)])).toEqual([
        ["balance.low", { account: "anna", available_micro_usd: 49 }],
      ]);
    });
  });
});
