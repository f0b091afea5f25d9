import fc from "fast-check";
import { expect, it } from "vitest";
import { bytesText, microUsdOf, percentText, shortText, usdText } from "./amounts.js";

it("shows money as finely as there is something to show", () => {
  expect([0, 1, 1_234, 12_345_678, 1_234_567_890, -5_000_000].map(usdText)).toEqual([
    "$0.00",
    "$0.000001",
    "$0.0012",
    "$12.35",
    "$1,234.57",
    "−$5.00",
  ]);
  expect(usdText("2500000")).toBe("$2.50");
  expect(usdText(null)).toBe("–");
});

it("reads what it shows, and every amount down to a millionth", () => {
  expect(["5", "0.5", "$12.50", " 3.000001 "].map(microUsdOf)).toEqual([5_000_000, 500_000, 12_500_000, 3_000_001]);
  expect(["", "x", "1,5", "-1", "1.0000001", "1e3"].map(microUsdOf)).toEqual(Array(6).fill(undefined));
  fc.assert(
    fc.property(fc.nat({ max: 999_999_999 }), fc.nat({ max: 999_999 }), (whole, rest) => {
      expect(microUsdOf(`${whole}.${String(rest).padStart(6, "0")}`)).toBe(whole * 1_000_000 + rest);
    }),
  );
});

it("shows sizes and shares in the unit that says most", () => {
  expect([0, 512, 1_536, 68_719_476_736].map(bytesText)).toEqual(["0 B", "512 B", "1.5 KiB", "64 GiB"]);
  expect(percentText(0.256)).toBe("26 %");
  expect(shortText(1_250_000)).toBe("1.3M");
});
