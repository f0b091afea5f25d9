import { expect, it } from "vitest";
import type { MeasuredDraw } from "./draw-watch.js";
import { electricityOf } from "./electricity-of.js";

const HOUR = 3_600_000;
const BUSY = { todayMs: HOUR / 2, weekMs: 10 * HOUR, totalMs: 1_000 * HOUR, since: 0 };
const measured = (draw: MeasuredDraw) => (): MeasuredDraw => draw;
const unasked = (): MeasuredDraw => {
  throw new Error("nothing is to be measured");
};

it("is extra watts × busy time × price", () => {
  expect(electricityOf({ usdPerKwh: 0.3, extraWatts: 120 }, BUSY, unasked)).toEqual({
    type: "estimated",
    usd_per_kwh: 0.3,
    extra_watts: 120,
    watts_of: "settings",
    today: { kwh: 0.06, micro_usd: 18_000 },
    week: { kwh: 1.2, micro_usd: 360_000 },
    total: { kwh: 120, micro_usd: 36_000_000 },
  });
});

it("takes measured watts where the owner has said none, and says of what they are", () => {
  const draw = measured({ type: "measured", extraWatts: 200.04, of: "gpu" });
  expect(electricityOf({ usdPerKwh: 0, extraWatts: undefined }, BUSY, draw)).toMatchObject({
    extra_watts: 200,
    watts_of: "gpu",
    week: { kwh: 2.0004, micro_usd: 0 },
  });
});

it.each(["no_meter", "too_few_readings"] as const)("makes no number up where there are no watts: %s", (reason) => {
  const shown = electricityOf({ usdPerKwh: 0.3, extraWatts: undefined }, BUSY, measured({ type: reason }));
  expect(shown).toEqual({ type: "unknown", usd_per_kwh: 0.3, reason });
});
