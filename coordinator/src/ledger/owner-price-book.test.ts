import { FakeClock } from "@hearth/platform/testing";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { PriceStore } from "../store/price-store.js";
import { openMemoryStore } from "../store/sqlite/open-sqlite-store.js";
import { OwnerPriceBook, type PriceOrder } from "./owner-price-book.js";
import { DEFAULT_OWNER_PRICES } from "./owner-price-settings.js";

const amounts = (amount: bigint) => ({ input: amount, output: amount, cachedInput: amount });
const order = (amount: bigint, given: Partial<PriceOrder> = {}): PriceOrder => ({
  ...{ account: "anna", machine: "prv_1", model: "m", fromMs: undefined },
  price: amounts(amount),
  ...given,
});

const log = pino({ level: "silent" });

let clock: FakeClock;
let kept: ReturnType<typeof openMemoryStore>;
let isAway: boolean;
let book: OwnerPriceBook;

const open = (): Promise<OwnerPriceBook> => {
  const store: PriceStore = {
    ...kept.prices,
    pricesSince: async (revision) => {
      if (isAway) throw new Error("away");
      return kept.prices.pricesSince(revision);
    },
  };
  return OwnerPriceBook.open({ store, clock, log, settings: () => DEFAULT_OWNER_PRICES });
};

beforeEach(async () => {
  clock = new FakeClock();
  clock.advance(10_500);
  kept = openMemoryStore();
  isAway = false;
  book = await open();
});
afterEach(async () => {
  book[Symbol.dispose]();
  await kept.close();
});

const at = (atMs: number, { id = "prv_1", account = "anna", model = "m", of = book } = {}): bigint | undefined =>
  of.current.of({ id, account }, model, atMs)?.input;
const now = (given: Parameters<typeof at>[1] = {}): bigint | undefined => at(clock.wallTime(), given);

describe("what owners ask", () => {
  it("holds from the moment that it was kept, on that machine of that account for that model", async () => {
    expect([book.current.isEmpty, book.current.knows("m")]).toEqual([true, false]);
    const before = clock.wallTime() - 1;
    expect(await book.set(order(5n))).toMatchObject({ type: "set", price: { fromMs: clock.wallTime() } });
    expect([now(), at(before)]).toEqual([5n, undefined]);
    expect([now({ id: "prv_2" }), now({ account: "ben" }), now({ model: "n" })]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect([book.current.isEmpty, book.current.knows("m"), book.current.knows("n")]).toEqual([false, true, false]);
  });

  it("is for all machines of the account where it names none, but for those that have one of their own", async () => {
    await book.set(order(5n, { machine: undefined }));
    await book.set(order(7n));
    expect([now(), now({ id: "prv_2" }), now({ account: "ben" })]).toEqual([7n, 5n, undefined]);
  });

  it("may begin later, and never sooner than now", async () => {
    await book.set(order(5n));
    await book.set(order(6n, { fromMs: 20_000 }));
    expect([at(19_999), at(20_000)]).toEqual([5n, 6n]);
    expect(await book.set(order(7n, { fromMs: 9_999 }))).toEqual({ type: "past" });
    // In whole seconds, this one has begun already.
    expect(await book.set(order(8n, { fromMs: 10_000 }))).toMatchObject({ price: { fromMs: clock.wallTime() } });
    expect([now(), at(20_000)]).toEqual([8n, 6n]);
  });

  it("ends at once or later, and then what holds for all machines holds there too", async () => {
    await book.set(order(5n, { machine: undefined }));
    const set = await book.set(order(7n));
    const id = set.type === "set" ? set.price.id : "";
    expect(await book.end(id, "anna", 9_000)).toEqual({ type: "past" });
    expect(await book.end(id, "ben")).toEqual({ type: "unknown" });
    expect(await book.end(id, "anna", 30_000)).toMatchObject({ type: "ended", price: { untilMs: 30_000 } });
    expect([at(29_999), at(30_000)]).toEqual([7n, 5n]);
    expect(await book.end(id, "anna")).toMatchObject({ type: "ended" });
    expect(now()).toBe(5n);
  });

  it("stays what it was for whoever holds an earlier state of it", async () => {
    await book.set(order(5n));
    const before = book.current;
    const atMs = clock.wallTime();
    await book.set(order(6n));
    expect(before.of({ id: "prv_1", account: "anna" }, "m", atMs)?.input).toBe(5n);
    expect(at(atMs)).toBe(6n);
  });

  it("is there after a start, and heard from other coordinators within a moment", async () => {
    await book.set(order(5n));
    using other = await open();
    expect(now({ of: other })).toBe(5n);
    await book.set(order(6n));
    expect(now({ of: other })).toBe(5n);
    clock.advance(DEFAULT_OWNER_PRICES.refreshMs);
    await other.look();
    expect(now({ of: other })).toBe(6n);
  });

  it("is looked for again and again, also after a look that failed, until nobody wants it", async () => {
    using other = await open();
    isAway = true;
    clock.advance(DEFAULT_OWNER_PRICES.refreshMs);
    await other.look();
    isAway = false;
    await kept.prices.setPrice(
      { ...order(5n), id: "p", fromMs: 1, createdAtMs: 1 },
      { perAccount: 9, forgetBeforeMs: 0 },
    );
    // Its own look, on its own time.
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(DEFAULT_OWNER_PRICES.refreshMs);
    await other.look();
    expect(now({ of: other })).toBe(5n);
    book[Symbol.dispose]();
    other[Symbol.dispose]();
    await new Promise((resolve) => setImmediate(resolve));
    expect(clock.pending).toBe(0);
  });

  it("keeps what was told when the look behind it fails, and what was known until then", async () => {
    await book.set(order(5n));
    isAway = true;
    expect(await book.set(order(6n))).toMatchObject({ type: "set" });
    expect(now()).toBe(5n);
    isAway = false;
    await book.look();
    expect(now()).toBe(6n);
  });

  it("is bounded for each account", async () => {
    book[Symbol.dispose]();
    const settings = () => ({ ...DEFAULT_OWNER_PRICES, perAccount: 1, historyDays: 0 });
    using small = await OwnerPriceBook.open({ store: kept.prices, clock, log, settings });
    await small.set(order(5n));
    expect(await small.set(order(5n, { model: "n" }))).toEqual({ type: "account_full" });
    expect(await small.set(order(5n, { account: "ben" }))).toMatchObject({ type: "set" });
  });
});
