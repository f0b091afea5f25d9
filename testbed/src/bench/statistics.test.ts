import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { median, percentile, slope } from "./statistics.js";

const figures = fc.array(fc.double({ min: -1e9, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 50 });

describe("median", () => {
  it("is the middle of an odd count and the mean of the two middle ones of an even count", () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([9, 1, 5, 7])).toBe(6);
  });

  it("sorts by value, not by text", () => {
    expect(median([100, 20, 3])).toBe(20);
  });

  it("does not depend on order", () => {
    fc.assert(fc.property(figures, (values) => median(values.toReversed()) === median(values)));
  });

  it("leaves its argument as it was", () => {
    const values = [3, 1, 2];
    median(values);
    expect(values).toEqual([3, 1, 2]);
  });

  it("refuses to make a figure out of nothing", () => {
    expect(() => median([])).toThrow(RangeError);
  });
});

describe("percentile", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1);

  it("is the nearest rank", () => {
    expect(percentile(hundred, 0.5)).toBe(50);
    expect(percentile(hundred, 0.99)).toBe(99);
    expect(percentile([1, 2, 3], 0.5)).toBe(2);
  });

  it("reaches both ends", () => {
    expect(percentile(hundred, 0)).toBe(1);
    expect(percentile(hundred, 1)).toBe(100);
    expect(percentile([7], 0.99)).toBe(7);
  });

  it("is always one of the values, and at least that fraction does not exceed it", () => {
    fc.assert(
      fc.property(figures, fc.double({ min: 0, max: 1, noNaN: true }), (values, fraction) => {
        const found = percentile(values, fraction);
        expect(values).toContain(found);
        expect(values.filter((value) => value <= found).length).toBeGreaterThanOrEqual(fraction * values.length);
      }),
    );
  });

  it("refuses to make a figure out of nothing", () => {
    expect(() => percentile([], 0.5)).toThrow(RangeError);
  });
});

describe("slope", () => {
  it("is that of the line through points on a line", () => {
    expect(slope([1, 2, 3, 7].map((x) => ({ x, y: 5 - 2 * x })))).toBeCloseTo(-2, 10);
  });

  it("averages noise out", () => {
    const noise = [1, -1, -1, 1];
    expect(slope(noise.map((y, x) => ({ x, y: 3 * x + y })))).toBeCloseTo(3, 10);
  });

  it("refuses points that have no direction", () => {
    expect(() => slope([])).toThrow(RangeError);
    expect(() => slope([{ x: 1, y: 1 }])).toThrow(RangeError);
  });
});
