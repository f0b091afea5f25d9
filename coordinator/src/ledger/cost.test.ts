import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_MICRO_USD } from "../platform/micro-usd.js";
import { costOf, MAX_TOKENS, maxCost, sharesOf, type TokenCounts } from "./cost.js";
import type { Price } from "./price-list.js";

const amount = fc.bigInt({ min: 0n, max: MAX_MICRO_USD });
const prices: fc.Arbitrary<Price> = fc.record({ input: amount, output: amount, cachedInput: amount });
/** What a provider may say: counts, and what are none. */
const tokens = fc.oneof(
  fc.nat(),
  fc.integer({ min: 0, max: MAX_TOKENS }),
  fc.constantFrom(-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.MAX_VALUE),
);
const usages: fc.Arbitrary<TokenCounts> = fc.record({
  prompt_tokens: tokens,
  completion_tokens: tokens,
  cached_tokens: fc.option(tokens, { nil: undefined }),
});
const usage = (prompt_tokens: number, completion_tokens: number, cached_tokens?: number): TokenCounts => {
  return { prompt_tokens, completion_tokens, cached_tokens };
};
const PRICE: Price = { input: 100_000n, output: 400_000n, cachedInput: 10_000n };

describe("the cost of an answer", () => {
  it.each([
    ["nothing", usage(0, 0), 0n],
    ["a million of each", usage(1_000_000, 1_000_000), 500_000n],
    ["a million, half of it cached", usage(1_000_000, 0, 500_000), 55_000n],
    ["one token of each, rounded up once", usage(1, 1), 1n],
    ["eleven read, of which ten were cached, and two written", usage(11, 2, 10), 1n],
    ["exactly two micro-USD", usage(0, 5), 2n],
    ["a little over two micro-USD", usage(0, 6), 3n],
    ["more cached than read", usage(1_000_000, 0, 2_000_000), 10_000n],
    ["less than nothing cached", usage(1_000_000, 0, -5), 100_000n],
  ])("of %s", (_name, given, expected) => {
    expect(costOf(PRICE, given)).toBe(expected);
  });

  it("is an amount of money, whatever is said to have been used", () => {
    fc.assert(
      fc.property(prices, usages, (price, used) => {
        const cost = costOf(price, used);
        expect(cost >= 0n && cost <= MAX_MICRO_USD).toBe(true);
      }),
    );
  });

  it("is what was used times the price, to the last digit, up to the most tokens that count", () => {
    const small = fc.bigInt({ min: 0n, max: 1_000n });
    fc.assert(
      fc.property(fc.record({ input: small, output: small, cachedInput: small }), usages, (price, used) => {
        const count = (told: number | undefined): bigint =>
          BigInt(Math.min(MAX_TOKENS, Math.ceil(Number.isNaN(told) ? 0 : Math.max(0, told ?? 0))));
        const prompt = count(used.prompt_tokens);
        const told = count(used.cached_tokens);
        const fresh = told > prompt ? 0n : prompt - told;
        const exact = fresh * price.input + (prompt - fresh) * price.cachedInput;
        const whole = exact + count(used.completion_tokens) * price.output;
        const cost = costOf(price, used) * 1_000_000n;
        expect(cost >= whole && cost - whole < 1_000_000n).toBe(true);
      }),
    );
  });

  it("never falls when more is used, or when a price rises", () => {
    const more = fc.record({ price: prices, used: usages, rise: amount, extra: fc.nat() });
    fc.assert(
      fc.property(more, ({ price, used, rise, extra }) => {
        const cost = costOf(price, used);
        for (const name of ["prompt_tokens", "completion_tokens"] as const) {
          if (!Number.isFinite(used[name])) continue;
          expect(costOf(price, { ...used, [name]: used[name] + extra }) >= cost).toBe(true);
        }
        for (const name of ["input", "output", "cachedInput"] as const) {
          expect(costOf({ ...price, [name]: price[name] + rise }, used) >= cost).toBe(true);
        }
      }),
    );
  });

  it("is within what was reserved for anything within the bounds, at any price up to the dearest", () => {
    const below = (most: bigint) => fc.bigInt({ min: 0n, max: most });
    const cases = fc
      .record({ dearest: prices, prompt: fc.nat(), output: fc.nat() })
      .chain(({ dearest, prompt, output }) =>
        fc.record({
          ...{ dearest: fc.constant(dearest), prompt: fc.constant(prompt), output: fc.constant(output) },
          price: fc.record({
            input: below(dearest.input),
            output: below(dearest.output),
            cachedInput: below(dearest.cachedInput),
          }),
          used: fc.record({
            prompt_tokens: fc.nat(prompt),
            completion_tokens: fc.nat(output),
            cached_tokens: tokens,
          }),
        }),
      );
    fc.assert(
      fc.property(cases, ({ dearest, prompt, output, price, used }) => {
        expect(costOf(price, used) <= maxCost(dearest, prompt, output)).toBe(true);
      }),
    );
  });

  it("overflows nowhere", () => {
    const dearest = { input: MAX_MICRO_USD, output: MAX_MICRO_USD, cachedInput: MAX_MICRO_USD };
    expect(costOf(dearest, usage(1e12, 1e12))).toBe(MAX_MICRO_USD);
    expect(costOf({ ...dearest, output: 0n, input: 1_000n }, usage(1e12, 0))).toBe(1_000_000_000n);
    expect(maxCost(dearest, Number.POSITIVE_INFINITY, Number.NaN)).toBe(MAX_MICRO_USD);
  });
});

describe("the shares of a charge", () => {
  const modest = fc.record({
    price: fc.record({
      input: fc.bigInt({ min: 0n, max: 10_000_000n }),
      output: fc.bigInt({ min: 0n, max: 10_000_000n }),
      cachedInput: fc.bigInt({ min: 0n, max: 10_000_000n }),
    }),
    usage: fc.record({ prompt_tokens: fc.nat(), completion_tokens: fc.nat() }),
  });

  it("add up to no more than each by itself, and miss that by what rounding up gives away", () => {
    fc.assert(
      fc.property(fc.array(modest, { maxLength: 8 }), (parts) => {
        const shares = sharesOf(parts);
        const sum = shares.reduce((one, other) => one + other, 0n);
        const apart = parts.reduce((one, { price, usage: used }) => one + costOf(price, used), 0n);
        expect(shares.every((share) => share >= 0n)).toBe(true);
        expect(sum <= apart && apart - sum < BigInt(Math.max(1, parts.length))).toBe(true);
      }),
    );
  });

  it("of one usage in slices come to what the whole costs", () => {
    fc.assert(
      fc.property(prices, fc.nat(), fc.array(fc.nat(), { maxLength: 8 }), (price, prompt, slices) => {
        const parts = slices.map((completion, index) => ({
          price,
          usage: usage(index === 0 ? prompt : 0, completion),
        }));
        const written = slices.reduce((one, other) => one + other, 0);
        const sum = sharesOf(parts).reduce((one, other) => one + other, 0n);
        expect(sum).toBe(slices.length === 0 ? 0n : costOf(price, usage(prompt, written)));
      }),
    );
  });
});
