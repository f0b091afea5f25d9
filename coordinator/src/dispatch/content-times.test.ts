import fc from "fast-check";
import { expect, it } from "vitest";
import { ContentTimes } from "./content-times.js";

/** @param gaps between arrivals, ms */
function timesOf(gaps: readonly number[], startAt = 1_000): ContentTimes {
  const times = new ContentTimes();
  let now = startAt;
  times.came(now);
  for (const gap of gaps) {
    now += gap;
    times.came(now);
  }
  return times;
}

it("tells nothing of an answer without content, and no gap of one that came at once", () => {
  expect(ContentTimes.summary([])).toBeUndefined();
  expect(ContentTimes.summary([new ContentTimes()])).toBeUndefined();
  expect(ContentTimes.summary([timesOf([]), new ContentTimes()])).toEqual({ count: 1, ms: 0 });
});

it("tells how often content came, for how long, and how long it was silent", () => {
  expect(ContentTimes.summary([timesOf([1, 1, 1, 40.4, 0])])).toEqual({ count: 6, ms: 43, p50GapMs: 1, maxGapMs: 40 });
});

it("takes the answers to one request together", () => {
  const all = [timesOf([2, 2], 1_000), timesOf([3, 3, 90], 1_500), new ContentTimes()];
  expect(ContentTimes.summary(all)).toEqual({ count: 7, ms: 596, p50GapMs: 3, maxGapMs: 90 });
});

it("is off by an eighth at most for any gaps, however long", () => {
  const gap = fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 130_000 }));
  fc.assert(
    fc.property(fc.array(gap, { minLength: 1, maxLength: 50 }), (gaps) => {
      const sorted = gaps.toSorted((a, b) => a - b);
      const median = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
      const told = ContentTimes.summary([timesOf(gaps)]);
      expect(told).toMatchObject({ count: gaps.length + 1, maxGapMs: sorted.at(-1) });
      expect(Math.abs((told?.p50GapMs ?? Number.NaN) - median)).toBeLessThanOrEqual(Math.ceil(median / 8));
    }),
  );
});

it("holds out what no clock should say", () => {
  expect(ContentTimes.summary([timesOf([-5, 1e12])])).toMatchObject({ count: 3, maxGapMs: 1e12 });
});
