import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { costOf } from "./cost.js";
import { type DatedPrice, DEFAULT_PRICES, type Price, PriceList, type PriceSettings } from "./price-list.js";

const price = (input: number, output = input, cachedInput = input): Price => {
  return { input: BigInt(input), output: BigInt(output), cachedInput: BigInt(cachedInput) };
};
const from = (fromMs: number, given: Price): DatedPrice => ({ fromMs, ...given });
const list = (settings: Partial<PriceSettings>, ...owners: ConstructorParameters<typeof PriceList>[1][]): PriceList =>
  new PriceList({ ...DEFAULT_PRICES, ...settings }, ...owners);
const models = (given: Record<string, DatedPrice[]>): Pick<PriceSettings, "models"> => ({
  models: new Map(Object.entries(given)),
});

describe("a list of prices", () => {
  it("is none where nothing has a price", () => {
    expect(list({}).at(1)).toBeUndefined();
  });

  it("has a model's own price, else the default, else none", () => {
    const tariff = list({ default: [from(0, price(1))], ...models({ a: [from(0, price(2))] }) }).at(5);
    expect([tariff?.of("a", "p"), tariff?.of("b", "p")]).toMatchObject([price(2), price(1)]);
    expect(
      list(models({ a: [from(0, price(2))] }))
        .at(5)
        ?.of("b", "p"),
    ).toBeUndefined();
  });

  it("has the latest that holds already, in whatever order they stand, and before the first the default", () => {
    const dated = [from(300, price(3)), from(100, price(1)), from(200, price(2))];
    const prices = list({ default: [from(0, price(9))], ...models({ a: dated }) });
    const at = (ms: number): bigint | undefined => prices.at(ms)?.of("a", "p")?.input;
    expect([0, 99, 100, 199, 200, 299, 300, 1e15].map(at)).toEqual([9n, 9n, 1n, 1n, 2n, 2n, 3n, 3n]);
  });

  it("has one that begins later as a tariff without a price before", () => {
    const tariff = list(models({ a: [from(100, price(1))] })).at(99);
    expect(tariff).toBeDefined();
    expect([tariff?.of("a", "p"), tariff?.dearest(["a"])]).toEqual([undefined, undefined]);
  });

  it("goes by the moment that it was asked for, not by the machine's clock", () => {
    const prices = list(models({ a: [from(0, price(1)), from(100, price(2))] }));
    const before = prices.at(99);
    expect([before?.of("a", "p")?.input, prices.at(100)?.of("a", "p")?.input]).toEqual([1n, 2n]);
  });

  it("knows of several builds the dearest, amount by amount", () => {
    const given = { a: [from(0, price(1, 9, 5))], b: [from(0, price(2, 3, 4))] };
    const tariff = list(models(given)).at(5);
    expect(tariff?.dearest(["a", "b", "free"])).toEqual(price(2, 9, 5));
    expect([tariff?.dearest([]), tariff?.dearest(["free"])]).toEqual([undefined, undefined]);
  });
});

describe("an owner's own price", () => {
  const listed = models({ a: [from(0, price(100, 200, 10))] });
  const owner = (given: Price) => ({
    of: (machine: string, model: string) => (machine === "mine" && model === "a" ? given : undefined),
  });

  it("counts on that machine only, and up to so many times the operator's", () => {
    const tariff = list({ ...listed, ownerMaxFactor: 1.5 }, owner(price(50, 400, 15))).at(0);
    expect(tariff?.of("mine", "a")).toBeUndefined();
    expect(tariff?.of("a", "mine")).toEqual(price(50, 300, 15));
    expect(tariff?.of("a", "other")).toMatchObject(price(100, 200, 10));
  });

  it("is none where the operator asks for nothing", () => {
    const free = list(models({ b: [from(0, price(1))] }), owner(price(50))).at(0);
    expect(free?.of("a", "mine")).toBeUndefined();
  });

  it("is asked for by the moment of the request", () => {
    const asked: number[] = [];
    const owners = {
      of(_machine: string, _model: string, atMs: number): undefined {
        asked.push(atMs);
      },
    };
    list(listed, owners).at(4711)?.of("a", "mine");
    expect(asked).toEqual([4711]);
  });

  it("makes no answer dearer than what is reserved for it", () => {
    const amount = fc.nat(1_000_000).map(BigInt);
    const prices = fc.record({ input: amount, output: amount, cachedInput: amount });
    const cases = fc.record({ listed: prices, asked: prices, factor: fc.double({ min: 0, max: 100, noNaN: true }) });
    fc.assert(
      fc.property(cases, fc.nat(), fc.nat(), ({ listed: one, asked, factor }, prompt, completion) => {
        const tariff = list({ ...models({ a: [from(0, one)] }), ownerMaxFactor: factor }, owner(asked)).at(0);
        const usage = { prompt_tokens: prompt, completion_tokens: completion, cached_tokens: prompt >> 1 };
        const [posted, dearest] = [tariff?.of("a", "mine"), tariff?.dearest(["a"])];
        expect(posted && dearest && costOf(posted, usage) <= costOf(dearest, usage)).toBe(true);
      }),
    );
  });
});
