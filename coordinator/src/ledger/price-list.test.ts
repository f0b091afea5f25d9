import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { costOf } from "./cost.js";
import { DEFAULT_OWNER_PRICES, type OwnerPriceSettings } from "./owner-price-settings.js";
import {
  type DatedPrice,
  DEFAULT_PRICES,
  FREE,
  type OwnerPrices,
  type Price,
  PriceList,
  type PriceSettings,
  type Quote,
  type Tariff,
  type Worker,
} from "./price-list.js";

const price = (input: number, output = input, cachedInput = input): Price => {
  return { input: BigInt(input), output: BigInt(output), cachedInput: BigInt(cachedInput) };
};
const from = (fromMs: number, given: Price): DatedPrice => ({ fromMs, ...given });
const models = (given: Record<string, DatedPrice[]>): Pick<PriceSettings, "models"> => ({
  models: new Map(Object.entries(given)),
});

interface Owned {
  readonly allowed?: Partial<OwnerPriceSettings>;
  /** What the owners of these machines ask for `a`. */
  readonly asked?: Readonly<Record<string, Price>>;
}

/** Owners, each with one machine of his name. */
function ownersOf(asked: Readonly<Record<string, Price>>): OwnerPrices {
  return {
    isEmpty: Object.keys(asked).length === 0,
    knows: (build) => build === "a",
    of: ({ account }, build) => (build === "a" ? asked[account] : undefined),
  };
}

function list(settings: Partial<PriceSettings>, { allowed, asked = {} }: Owned = {}): PriceList {
  const owners = ownersOf(asked);
  return new PriceList({ ...DEFAULT_PRICES, ...settings }, { ...DEFAULT_OWNER_PRICES, ...allowed }, () => owners);
}

const worker = (account: string): Worker => ({ id: `prv-${account}`, account });
const workers = (...accounts: string[]) => {
  const all = accounts.map(worker);
  return () => all;
};
const quoteOf = (tariff: Tariff | undefined, builds: readonly string[], ...accounts: string[]): Quote =>
  tariff?.quote(builds, workers(...accounts)) as Quote;

/** What a build costs on anybody's machine, where nobody asks anything of his own. */
const costs = (prices: PriceList, atMs: number, build = "a"): Price | undefined =>
  quoteOf(prices.at(atMs), [build]).of(build, worker("p"));

describe("a list of prices", () => {
  it("is none where nothing has a price", () => {
    expect(list({}).at(1)).toBeUndefined();
  });

  it("has a model's own price, else the default, else none", () => {
    const both = list({ default: [from(0, price(1))], ...models({ a: [from(0, price(2))] }) });
    expect([costs(both, 5), costs(both, 5, "b")]).toMatchObject([price(2), price(1)]);
    expect(costs(list(models({ a: [from(0, price(2))] })), 5, "b")).toBeUndefined();
  });

  it("has the latest that holds already, in whatever order they stand, and before the first the default", () => {
    const dated = [from(300, price(3)), from(100, price(1)), from(200, price(2))];
    const prices = list({ default: [from(0, price(9))], ...models({ a: dated }) });
    const at = (ms: number): bigint | undefined => costs(prices, ms)?.input;
    expect([0, 99, 100, 199, 200, 299, 300, 1e15].map(at)).toEqual([9n, 9n, 1n, 1n, 2n, 2n, 3n, 3n]);
  });

  it("has one that begins later as a tariff without a price before", () => {
    const quote = quoteOf(list(models({ a: [from(100, price(1))] })).at(99), ["a"]);
    expect([quote.of("a", worker("p")), quote.dearest]).toEqual([undefined, undefined]);
  });

  it("goes by the moment that it was asked for, not by the machine's clock", () => {
    const prices = list(models({ a: [from(0, price(1)), from(100, price(2))] }));
    const before = quoteOf(prices.at(99), ["a"]);
    expect([before.of("a", worker("p"))?.input, costs(prices, 100)?.input]).toEqual([1n, 2n]);
  });

  it("knows of several builds the dearest, amount by amount", () => {
    const tariff = list(models({ a: [from(0, price(1, 9, 5))], b: [from(0, price(2, 3, 4))] })).at(5);
    expect(quoteOf(tariff, ["a", "b", "free"]).dearest).toEqual(price(2, 9, 5));
    expect([quoteOf(tariff, []).dearest, quoteOf(tariff, ["free"]).dearest]).toEqual([undefined, undefined]);
  });
});

describe("an owner's own price", () => {
  const listed = models({ a: [from(0, price(100, 200, 10))] });

  it("counts on the owner's machines only, between the floor and the cap that the platform's price gives", () => {
    const asked = { anna: price(20, 400, 11), ben: price(50, 150, 9) };
    const prices = list(listed, { allowed: { maxMultiple: 1.5, minMultiple: 0.5 }, asked });
    const quote = quoteOf(prices.at(0), ["a", "anna"], "anna", "ben", "carl");
    expect(quote.of("anna", worker("a"))).toBeUndefined();
    expect(quote.of("a", worker("anna"))).toEqual(price(50, 300, 11));
    expect(quote.of("a", worker("ben"))).toEqual(price(50, 150, 9));
    expect(quote.of("a", worker("carl"))).toMatchObject(price(100, 200, 10));
    expect(prices.limits("a", 0)).toEqual({ least: price(50, 100, 5), most: price(150, 300, 15) });
  });

  it("is never over the platform's unless the operator lets it be", () => {
    const quote = quoteOf(list(listed, { asked: { anna: price(500, 20, 10) } }).at(0), ["a"], "anna");
    expect(quote.of("a", worker("anna"))).toEqual(price(100, 20, 10));
  });

  it("has no effect where the platform asks for nothing", () => {
    const free = list(models({ b: [from(0, price(1))] }), { asked: { anna: price(50) } });
    expect([costs(free, 0), quoteOf(free.at(0), ["a"], "anna").dearest]).toEqual([undefined, undefined]);
    expect(free.limits("a", 0)).toBeUndefined();
    expect(list({}, { asked: { anna: price(50) } }).at(0)).toBeUndefined();
  });

  it("counts there up to what the operator allows, where the operator does", () => {
    const allowed = { unpricedMostMicroUsd: 40 };
    const prices = list({}, { allowed, asked: { anna: price(50, 30) } });
    const quote = quoteOf(prices.at(0), ["a"], "anna", "ben");
    expect([quote.of("a", worker("anna")), quote.of("a", worker("ben"))]).toEqual([price(40, 30, 40), undefined]);
    expect(prices.limits("a", 0)).toEqual({ least: FREE, most: price(40) });
    expect(prices.at(0)?.range(["a"], workers("anna", "ben"))).toMatchObject({ platform: FREE, cheapest: FREE });
    expect(list({}, { allowed }).at(0)).toBeUndefined();
  });

  it("is reserved for where a machine of it may serve, and what the platform asks where none may", () => {
    const asked = { anna: price(50, 60, 5), dear: price(150, 10, 5) };
    const tariff = list(listed, { allowed: { maxMultiple: 2 }, asked }).at(0);
    expect(quoteOf(tariff, ["a"], "anna").dearest).toEqual(price(50, 60, 5));
    expect(quoteOf(tariff, ["a"], "anna", "dear").dearest).toEqual(price(150, 60, 5));
    expect(quoteOf(tariff, ["a"], "anna", "carl").dearest).toEqual(price(100, 200, 10));
    expect(quoteOf(tariff, ["a"]).dearest).toMatchObject(price(100, 200, 10));
    expect(tariff?.range(["a"], workers("anna", "dear"))).toMatchObject({
      platform: price(100, 200, 10),
      cheapest: price(50, 10, 5),
      dearest: price(150, 60, 5),
    });
  });

  it("costs nobody more than was told when his request came, also on a machine that comes later", () => {
    const tariff = list(listed, { allowed: { maxMultiple: 2 }, asked: { anna: price(50), late: price(150) } }).at(0);
    const quote = quoteOf(tariff, ["a"], "anna");
    expect(quote.of("a", worker("late"))).toEqual(price(50, 50, 20));
    expect(quote.of("a", worker("without"))).toEqual(price(50, 50, 10));
  });

  it("does not ask for the machines of a build that nobody asks anything for", () => {
    const never = (): never => {
      throw new Error("asked");
    };
    const tariff = list({ default: [from(0, price(7))] }, { asked: { anna: price(5) } }).at(0);
    expect(tariff?.quote(["b"], never).dearest).toMatchObject(price(7));
  });

  it("stays for a quote what it was, and changes for the next one", () => {
    let owners = ownersOf({ anna: price(60) });
    const prices = new PriceList({ ...DEFAULT_PRICES, ...listed }, DEFAULT_OWNER_PRICES, () => owners);
    const tariff = prices.at(4711);
    const before = quoteOf(tariff, ["a"], "anna");
    owners = ownersOf({ anna: price(50) });
    expect(before.of("a", worker("anna"))).toEqual(price(60, 60, 10));
    expect(quoteOf(tariff, ["a"], "anna").of("a", worker("anna"))).toEqual(price(60, 60, 10));
    expect(quoteOf(prices.at(4711), ["a"], "anna").of("a", worker("anna"))).toEqual(price(50, 50, 10));
  });

  it("makes no answer dearer than what is reserved for it", () => {
    const amount = fc.nat(1_000_000).map(BigInt);
    const prices = fc.record({ input: amount, output: amount, cachedInput: amount });
    const multiple = { min: 0, noNaN: true } as const;
    const cases = fc.record({
      listed: prices,
      asked: fc.dictionary(fc.constantFrom("anna", "ben", "carl", "late"), prices),
      there: fc.subarray(["anna", "ben", "carl"]),
      maxMultiple: fc.double({ ...multiple, min: 1, max: 100 }),
      minMultiple: fc.double({ ...multiple, max: 1 }),
    });
    fc.assert(
      fc.property(cases, fc.nat(), fc.nat(), ({ listed: one, asked, there, ...allowed }, prompt, completion) => {
        const quote = quoteOf(list(models({ a: [from(0, one)] }), { allowed, asked }).at(0), ["a"], ...there);
        const usage = { prompt_tokens: prompt, completion_tokens: completion, cached_tokens: prompt >> 1 };
        const reserved = costOf(quote.dearest as Price, usage);
        for (const account of ["anna", "ben", "carl", "late", "nobody"]) {
          expect(costOf(quote.of("a", worker(account)) as Price, usage) <= reserved).toBe(true);
        }
      }),
    );
  });
});
