import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dollarText } from "../platform/decimal-text.js";
import { MAX_MICRO_USD } from "../platform/micro-usd.js";
import { dollars, duration, nullable, orNone, someDollars, usd, whole } from "./amounts.js";

describe("an amount of money that somebody types", () => {
  it("is exact, whatever it is", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: MAX_MICRO_USD }), fc.integer({ min: 1, max: 9 }), (amount, zeros) => {
        const text = dollarText(amount);
        expect(dollars(text)).toBe(amount);
        expect(dollars((text.includes(".") ? text : `${text}.`).padEnd(text.length + 1 + zeros, "0"))).toBe(amount);
      }),
    );
  });

  it.each([
    ["0.1", 100_000n],
    ["0.29", 290_000n],
    ["1.000001", 1_000_001n],
    ["007", 7_000_000n],
    ["1000000000", MAX_MICRO_USD],
  ])("reads %s", (text, amount) => expect(someDollars(text)).toBe(amount));

  it.each([
    ["-5", "negative"],
    ["-.5", "negative"],
    ["NaN", "number of US dollars"],
    ["Infinity", "number of US dollars"],
    ["1e3", "number of US dollars"],
    ["0x10", "number of US dollars"],
    ["1,5", "number of US dollars"],
    ["1.", "number of US dollars"],
    [".5", "number of US dollars"],
    ["", "number of US dollars"],
    [" 5", "number of US dollars"],
    ["$5", "number of US dollars"],
    ["٥", "number of US dollars"],
    ["0.0000001", "millionths"],
    ["1000000000.000001", "more than"],
    ["9".repeat(400), "more than"],
    ["0", "more than 0"],
    ["0.000000", "more than 0"],
  ])("is not %j", (text, words) => expect(() => someDollars(text)).toThrow(words));
});

it("shows micro-USD as dollars", () => {
  expect([usd(0), usd(1), usd(12_500_000), usd(1e15)]).toEqual(["$0.00", "$0.000001", "$12.50", "$1000000000.00"]);
});

it("reads whole numbers, lengths of time, and that there is to be none", () => {
  expect([whole("60"), duration("90s"), duration("45m"), duration("12h"), duration("30d")]).toEqual([
    60, 90, 2_700, 43_200, 2_592_000,
  ]);
  expect([orNone(whole)("none"), orNone(whole)("7")].map(nullable)).toEqual([null, 7]);
  for (const text of ["", "-1", "1.5", "ten", "1e3"]) expect(() => whole(text)).toThrow("whole number");
  for (const text of ["", "30", "1.5h", "-1d", "1w"]) expect(() => duration(text)).toThrow("length of time");
});
