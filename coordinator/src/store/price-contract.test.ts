import { beforeEach, describe, expect, it } from "vitest";
import type { AskedPrice, OwnPrice, PriceStore } from "./price-store.js";
import { placeForTests, STORE_PLACES } from "./testing/store-places.js";

const NO_BOUNDS = { perAccount: 1_000, forgetBeforeMs: 0 };

const amounts = (amount: bigint): AskedPrice => ({ input: amount, output: amount * 2n, cachedInput: amount / 10n });

const priced = (id: string, given: Partial<OwnPrice> = {}): OwnPrice & { readonly price: AskedPrice } => ({
  ...{ id, account: "anna", machine: "prv_1", model: "m", fromMs: 1_000, createdAtMs: 1_000 },
  ...given,
  price: given.price ?? amounts(100n),
});

describe.each(STORE_PLACES)("$name", (engine) => {
  const place = placeForTests(engine);
  let store: PriceStore;
  let other: PriceStore;

  beforeEach(() => {
    store = place().store.prices;
    other = place().other.prices;
  });

  const ids = async (account?: string): Promise<readonly string[]> =>
    (await store.listPrices({ account, limit: 100 })).map(({ id }) => id);
  const end = (id: string, atMs: number, given: { readonly nowMs?: number; readonly account?: string } = {}) =>
    store.endPrice({ id, account: "anna", atMs, nowMs: atMs, endId: `end-${id}-${atMs}`, ...given });

  it("keeps every member of a price, the largest amounts too", async () => {
    const most = 10n ** 12n;
    const full = priced("p1", { price: { input: most, output: 0n, cachedInput: 7n }, createdAtMs: 900 });
    expect(await store.setPrice(full, NO_BOUNDS)).toEqual({ type: "set", price: { ...full, untilMs: undefined } });
    const all = priced("p2", { machine: undefined });
    await store.setPrice(all, NO_BOUNDS);
    expect(await other.listPrices({ limit: 10 })).toEqual([
      { ...full, untilMs: undefined },
      { ...all, untilMs: undefined },
    ]);
  });

  it("lists page by page, oldest first, everybody's or one account's, each with the moment that the next begins", async () => {
    for (const [id, account, machine, fromMs, createdAtMs] of [
      ["b", "anna", "prv_1", 5_000, 1],
      ["a", "anna", "prv_1", 3_000, 1],
      ["d", "ben", "prv_1", 4_000, 2],
      ["c", "anna", undefined, 6_000, 3],
    ] as const) {
      await store.setPrice(priced(id, { account, machine, fromMs, createdAtMs }), NO_BOUNDS);
    }
    expect((await store.listPrices({ limit: 10 })).map(({ id, untilMs }) => [id, untilMs])).toEqual([
      ["a", 5_000],
      ["b", undefined],
      ["d", undefined],
      ["c", undefined],
    ]);
    expect((await store.listPrices({ limit: 2, after: "b" })).map(({ id }) => id)).toEqual(["d", "c"]);
    expect((await store.listPrices({ limit: 9, account: "anna", after: "a" })).map(({ id }) => id)).toEqual(["b", "c"]);
  });

  it("has one price of a subject from one moment: the later word counts", async () => {
    await store.setPrice(priced("p1"), NO_BOUNDS);
    await store.setPrice(priced("p2"), NO_BOUNDS);
    await store.setPrice(priced("p3", { model: "n" }), NO_BOUNDS);
    expect(await ids()).toEqual(["p2", "p3"]);
  });

  it("ends a price that holds, and no other", async () => {
    await store.setPrice(priced("p1"), NO_BOUNDS);
    await store.setPrice(priced("p2", { machine: undefined }), NO_BOUNDS);
    expect(await end("p1", 2_000)).toMatchObject({ type: "ended", price: { id: "p1", untilMs: 2_000 } });
    expect((await store.listPrices({ limit: 9 })).map(({ id, untilMs }) => [id, untilMs])).toEqual([
      ["p1", 2_000],
      ["p2", undefined],
    ]);
    expect(await end("p1", 2_000)).toEqual({ type: "over" });
    expect(await end("p1", 3_000)).toEqual({ type: "over" });
    expect(await end("p2", 3_000, { account: "ben" })).toEqual({ type: "unknown" });
    expect(await end("nothing", 3_000)).toEqual({ type: "unknown" });
    expect(await end("end-p1-2000", 3_000)).toEqual({ type: "unknown" });
  });

  it("moves an end that has not come yet to an earlier moment", async () => {
    await store.setPrice(priced("p1"), NO_BOUNDS);
    await end("p1", 9_000, { nowMs: 2_000 });
    expect(await end("p1", 5_000, { nowMs: 2_000 })).toMatchObject({ type: "ended" });
    expect(await store.pricesSince(0)).toMatchObject({
      accounts: [{ account: "anna", prices: [{ id: "p1" }, { fromMs: 5_000, price: undefined }] }],
    });
  });

  it("withdraws a price that has not begun, and what was before it goes on", async () => {
    await store.setPrice(priced("p1"), NO_BOUNDS);
    await store.setPrice(priced("p2", { fromMs: 5_000 }), NO_BOUNDS);
    expect(await end("p2", 2_000)).toMatchObject({ type: "withdrawn", price: { id: "p2" } });
    expect(await store.listPrices({ limit: 9 })).toMatchObject([{ id: "p1", untilMs: undefined }]);
  });

  it("withdraws a price that has not begun with the end that it was given", async () => {
    await store.setPrice(priced("p1"), NO_BOUNDS);
    await store.setPrice(priced("p2", { fromMs: 5_000, createdAtMs: 2_000 }), NO_BOUNDS);
    await end("p2", 7_000, { nowMs: 2_000 });
    expect(await end("p2", 2_000)).toMatchObject({ type: "withdrawn" });
    expect(await store.pricesSince(0)).toMatchObject({ accounts: [{ prices: [{ id: "p1" }] }] });
    expect(await store.listPrices({ limit: 9 })).toMatchObject([{ id: "p1", untilMs: undefined }]);
  });

  it("keeps the end that a price had before the one that is withdrawn", async () => {
    await store.setPrice(priced("p1"), NO_BOUNDS);
    await end("p1", 7_000, { nowMs: 2_000 });
    await store.setPrice(priced("p2", { fromMs: 5_000, createdAtMs: 3_000 }), NO_BOUNDS);
    expect(await end("p2", 3_000)).toMatchObject({ type: "withdrawn" });
    expect(await store.listPrices({ limit: 9 })).toMatchObject([{ id: "p1", untilMs: 7_000 }]);
  });

  it("ends one in the very moment in which it began, and brings none back", async () => {
    await store.setPrice(priced("p1", { fromMs: 500 }), NO_BOUNDS);
    await store.setPrice(priced("p2"), NO_BOUNDS);
    expect(await end("p2", 1_000)).toMatchObject({ type: "ended", price: { untilMs: 1_000 } });
    expect(await store.pricesSince(0)).toMatchObject({
      accounts: [{ prices: [{ id: "p1" }, { fromMs: 1_000, price: undefined }] }],
    });
  });

  it("ends one that has not begun later than that", async () => {
    await store.setPrice(priced("p1", { fromMs: 5_000 }), NO_BOUNDS);
    expect(await end("p1", 7_000, { nowMs: 2_000 })).toMatchObject({ type: "ended", price: { untilMs: 7_000 } });
  });

  it("has no more of an account than its bound, and forgets what was over long ago", async () => {
    for (const n of [1, 2, 3]) await store.setPrice(priced(`p${n}`, { fromMs: n * 1_000 }), NO_BOUNDS);
    const another = priced("p4", { fromMs: 4_000 });
    expect(await store.setPrice(another, { perAccount: 3, forgetBeforeMs: 1_999 })).toEqual({ type: "account_full" });
    expect(await ids()).toEqual(["p1", "p2", "p3"]);
    expect(await store.setPrice(another, { perAccount: 3, forgetBeforeMs: 2_000 })).toMatchObject({ type: "set" });
    expect(await ids()).toEqual(["p2", "p3", "p4"]);
    expect(await store.setPrice(priced("b", { account: "ben" }), { perAccount: 1, forgetBeforeMs: 0 })).toMatchObject({
      type: "set",
    });
  });

  it("replaces a price in an account that is full, and ends one there", async () => {
    await store.setPrice(priced("p1"), NO_BOUNDS);
    expect(await store.setPrice(priced("p2"), { perAccount: 1, forgetBeforeMs: 0 })).toMatchObject({ type: "set" });
    expect(await end("p2", 2_000)).toMatchObject({ type: "ended" });
    const after = priced("p3", { fromMs: 3_000 });
    expect(await store.setPrice(after, { perAccount: 1, forgetBeforeMs: 2_000 })).toMatchObject({ type: "set" });
    expect(await store.pricesSince(0)).toMatchObject({ accounts: [{ prices: [{ id: "p3" }] }] });
  });

  it("counts ends too, and keeps none that ends nothing", async () => {
    const bounds = { perAccount: 4, forgetBeforeMs: 0 };
    // Each by itself leaves a price and its end.
    const setAndEnd = async (n: number, lastsMs: number): Promise<string> => {
      const fromMs = 10_000 + n * 100;
      const { type } = await store.setPrice(priced(`p${n}`, { fromMs, createdAtMs: fromMs }), bounds);
      if (type === "set") await end(`p${n}`, fromMs + lastsMs, { nowMs: fromMs });
      return type;
    };
    const entries = async (): Promise<number> => (await store.pricesSince(0)).accounts[0]?.prices.length ?? 0;
    for (let n = 0; n < 9; n++) expect(await setAndEnd(n, 0)).toBe("set");
    expect(await entries()).toBe(1);
    expect([await setAndEnd(10, 50), await setAndEnd(11, 50), await setAndEnd(12, 50)]).toEqual([
      ...["set", "set", "account_full"],
    ]);
    expect(await entries()).toBe(4);
  });

  it("tells which accounts have changed since a look, with all that they ask, ends too", async () => {
    expect(await store.pricesSince(0)).toEqual({ revision: 0, accounts: [] });
    await store.setPrice(priced("p1"), NO_BOUNDS);
    await other.setPrice(priced("b1", { account: "ben" }), NO_BOUNDS);
    const first = await store.pricesSince(0);
    expect(first.accounts.map(({ account, prices }) => [account, prices.length])).toEqual([
      ["anna", 1],
      ["ben", 1],
    ]);
    expect(await store.pricesSince(first.revision)).toEqual({ revision: first.revision, accounts: [] });
    await end("p1", 2_000);
    const second = await other.pricesSince(first.revision);
    expect(second.accounts).toEqual([
      {
        account: "anna",
        prices: [priced("p1"), { ...priced("end-p1-2000"), fromMs: 2_000, createdAtMs: 2_000, price: undefined }],
      },
    ]);
    await store.setPrice(priced("p2", { fromMs: 9_000 }), NO_BOUNDS);
    await end("p2", 3_000);
    expect((await store.pricesSince(second.revision)).accounts).toMatchObject([{ account: "anna", prices: [{}, {}] }]);
  });

  it("misses no change of those who write at the same time", async () => {
    let revision = 0;
    const seen = new Set<string>();
    const look = async (): Promise<void> => {
      const since = await other.pricesSince(revision);
      for (const { account } of since.accounts) seen.add(account);
      revision = since.revision;
    };
    const accounts = Array.from({ length: 40 }, (_, n) => `a${n}`);
    const racers = accounts.map((account, n) =>
      (n % 2 ? store : other).setPrice(priced(`p${n}`, { account }), NO_BOUNDS).then(look),
    );
    await Promise.all(racers);
    await look();
    expect([...seen].sort()).toEqual(accounts.sort());
  });
});
