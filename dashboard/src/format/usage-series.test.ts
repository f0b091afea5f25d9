import fc from "fast-check";
import { expect, it } from "vitest";
import type { UsageBucket } from "../api/account-types.js";
import { usageSeries } from "./usage-series.js";

const HOUR = 3_600;
const bucket = (hour: number, model: string, cost: number): UsageBucket => ({
  ...{ start_time: hour * HOUR, end_time: (hour + 1) * HOUR, model, requests: 1, refused: 0, failed: 0, cancelled: 0 },
  ...{ prompt_tokens: 10, completion_tokens: 5, cost_micro_usd: cost, average_first_content_ms: null },
});
const series = (buckets: readonly UsageBucket[], most = 5) =>
  usageSeries(buckets, ({ model }) => model ?? "", "cost_micro_usd", most);

it("fills the hours in which nothing was, and has the dearest first", () => {
  expect(series([bucket(4, "a", 1), bucket(1, "b", 7), bucket(1, "a", 2)])).toEqual({
    times: [1, 2, 3, 4].map((hour) => hour * HOUR),
    series: [
      { name: "b", values: [7, 0, 0, 0], sum: 7 },
      { name: "a", values: [2, 0, 0, 1], sum: 3 },
    ],
  });
  expect(series([])).toEqual({ times: [], series: [] });
});

it("loses nothing of what is shown together", () => {
  const buckets = fc.array(
    fc.record({ hour: fc.nat({ max: 30 }), model: fc.constantFrom(..."abcdefgh"), cost: fc.nat() }),
  );
  fc.assert(
    fc.property(buckets, fc.integer({ min: 1, max: 5 }), (told, most) => {
      const shown = series(
        told.map(({ hour, model, cost }) => bucket(hour, model, cost)),
        most,
      );
      expect(shown.series.length).toBeLessThanOrEqual(most);
      expect(shown.series.reduce((sum, each) => sum + each.sum, 0)).toBe(told.reduce((sum, { cost }) => sum + cost, 0));
    }),
  );
});
