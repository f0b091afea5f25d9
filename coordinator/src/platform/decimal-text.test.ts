import fc from "fast-check";
import { expect, it } from "vitest";
import { decimalText } from "./decimal-text.js";

it.each([
  [0n, 6, "0"],
  [1n, 6, "0.000001"],
  [1_200n, 6, "0.0012"],
  [1_000_000n, 6, "1"],
  [10_000_000n, 6, "10"],
  [1_000_000_000_000_000n, 6, "1000000000"],
  [123_456_789n, 6, "123.456789"],
  [100_000n, 12, "0.0000001"],
])("writes %s parts of %s places as %s", (parts, places, text) => {
  expect(decimalText(parts, places)).toBe(text);
});

it("loses no amount of money, also where it is read as a number", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 15n }), (amount) => {
      expect(BigInt(Math.round(Number(decimalText(amount, 6)) * 1e6))).toBe(amount);
    }),
  );
});
