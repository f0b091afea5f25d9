import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_MICRO_USD, microUsd, microUsdJson } from "./micro-usd.js";

const refused = expect.objectContaining({ code: "invalid_request" });
const MAX = Number(MAX_MICRO_USD);

describe("an amount of money", () => {
  it("is the same whichever way it came, up to the bound", () => {
    for (const amount of [0n, 1n, 999_999n, MAX_MICRO_USD]) {
      expect(microUsd(amount)).toBe(amount);
      expect(microUsd(Number(amount))).toBe(amount);
      expect(microUsd(String(amount))).toBe(amount);
      expect(BigInt(microUsdJson(amount))).toBe(amount);
    }
    expect(microUsd("-5", "any")).toBe(-5n);
    expect(microUsdJson(-MAX_MICRO_USD)).toBe(-MAX);
  });

  it.each([
    ...[0.5, Number.NaN, Number.POSITIVE_INFINITY, MAX + 1, 2 ** 53, 1e300],
    ...[MAX_MICRO_USD + 1n, 10n ** 40n, "", " ", "1.5", "1e3", "0x10", "+5", "--5", "5 ", "٣", "9".repeat(10_000)],
  ])("is not %s, of whatever sign", (value) => {
    for (const sign of ["any", "not_negative", "positive"] as const) {
      expect(() => microUsd(value, sign)).toThrow(refused);
    }
  });

  it("is below 0 only where that is allowed, and 0 only where that is", () => {
    for (const value of [-1, -1n, "-1", -MAX_MICRO_USD]) {
      expect(() => microUsd(value)).toThrow(refused);
      expect(() => microUsd(value, "positive")).toThrow(refused);
      expect(microUsd(value, "any")).toBeLessThan(0n);
    }
    expect(() => microUsd(0, "positive")).toThrow(refused);
    expect(() => microUsdJson(MAX_MICRO_USD + 1n)).toThrow(refused);
  });

  it("comes back from JSON as it went, whatever it is", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -MAX_MICRO_USD, max: MAX_MICRO_USD }), (amount) => {
        const text = JSON.stringify(microUsdJson(amount));
        expect(microUsd(JSON.parse(text) as number, "any")).toBe(amount);
      }),
    );
  });
});
