import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LatencySketch } from "./latency-sketch.js";
import { TtftHistory } from "./ttft-history.js";

describe("the sketch", () => {
  it("is within half a step of the true quantile", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 1, maxLength: 300 }),
        fc.constantFrom(0.5, 0.95, 1),
        (samples, q) => {
          const sketch = new LatencySketch();
          for (const ms of samples) sketch.add(ms);
          const sorted = samples.toSorted((a, b) => a - b);
          const truth = sorted[Math.ceil(q * sorted.length) - 1] as number;
          const ratio = (sketch.quantile(q) as number) / truth;
          expect(ratio).toBeGreaterThan(1 / 1.16);
          expect(ratio).toBeLessThan(1.16);
        },
      ),
    );
  });

  it("forgets: after a change of speed the new one shows", () => {
    const sketch = new LatencySketch();
    for (let i = 0; i < 5_000; i++) sketch.add(10_000);
    for (let i = 0; i < 2_000; i++) sketch.add(100);
    expect(sketch.quantile(0.5)).toBeLessThan(120);
    expect(sketch.samples).toBeLessThan(512);
  });
});

describe("the hedge delay", () => {
  it("is half the deadline before there is evidence", () => {
    const history = new TtftHistory();
    for (let i = 0; i < 19; i++) history.observe("m", 100, 500);
    expect(history.hedgeDelayMs("m", 100, 10_000)).toBe(5_000);
  });

  it("is the 95th percentile of this model and prompt size", () => {
    const history = new TtftHistory();
    for (let i = 0; i < 100; i++) history.observe("m", 100, i < 90 ? 500 : 2_000);
    const delay = history.hedgeDelayMs("m", 200, 10_000);
    expect(delay).toBeGreaterThan(1_700);
    expect(delay).toBeLessThan(2_300);
    expect(history.hedgeDelayMs("m", 5_000, 10_000)).toBe(5_000);
    expect(history.hedgeDelayMs("other", 100, 10_000)).toBe(5_000);
  });

  it("never races noise, and leaves a backup time to make the deadline", () => {
    const history = new TtftHistory();
    for (let i = 0; i < 100; i++) history.observe("fast", 1, 20);
    expect(history.hedgeDelayMs("fast", 1, 10_000)).toBe(250);
    for (let i = 0; i < 100; i++) history.observe("slow", 1, 8_000);
    const delay = history.hedgeDelayMs("slow", 1, 10_000);
    expect(delay).toBeGreaterThan(1_000);
    expect(delay).toBeLessThan(3_000);
  });

  it("remembers a bounded number of models", () => {
    const history = new TtftHistory();
    for (let i = 0; i < 20; i++) history.observe("first", 1, 20);
    for (let i = 0; i < 3_000; i++) history.observe(`m${i}`, 1, 20);
    expect(history.hedgeDelayMs("first", 1, 10_000)).toBe(5_000);
  });
});
