import fc from "fast-check";
import { expect, it } from "vitest";
import { QuantileSketch } from "./quantile-sketch.js";

it("is within half a step of the true quantile", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 1, maxLength: 300 }),
      fc.constantFrom(0.5, 0.95, 1),
      (samples, q) => {
        const sketch = new QuantileSketch();
        for (const value of samples) sketch.add(value);
        const sorted = samples.toSorted((a, b) => a - b);
        const truth = sorted[Math.ceil(q * sorted.length) - 1] as number;
        const ratio = (sketch.quantile(q) as number) / truth;
        expect(ratio).toBeGreaterThan(1 / 1.16);
        expect(ratio).toBeLessThan(1.16);
      },
    ),
  );
});

it("forgets: after a change the new values show", () => {
  const sketch = new QuantileSketch();
  for (let i = 0; i < 5_000; i++) sketch.add(10_000);
  for (let i = 0; i < 2_000; i++) sketch.add(100);
  expect(sketch.quantile(0.5)).toBeLessThan(120);
  expect(sketch.samples).toBeLessThan(512);
});

it("takes nothing for one, and knows nothing before the first sample", () => {
  const sketch = new QuantileSketch();
  expect(sketch.quantile(0.95)).toBeUndefined();
  sketch.add(0);
  expect(sketch.quantile(0.95)).toBeCloseTo(1.15 ** 0.5);
});
