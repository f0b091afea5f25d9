import fc from "fast-check";
import { expect, it } from "vitest";
import { MostFrequent } from "./most-frequent.js";

it("tells the most frequent first, exactly where there is room for all", () => {
  const counted = new MostFrequent<[string, string]>(10);
  for (const key of ["b", "a", "b", "c", "b", "a"]) counted.add([key, "x"]);
  expect(counted.top(2)).toEqual([
    { key: ["b", "x"], count: 3 },
    { key: ["a", "x"], count: 2 },
  ]);
});

it("never loses what is frequent among more keys than it has room for, and counts nothing too low", () => {
  const keys = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 50, maxLength: 400 });
  fc.assert(
    fc.property(keys, fc.integer({ min: 2, max: 10 }), (added, capacity) => {
      const counted = new MostFrequent<[string]>(capacity);
      const truth = new Map<string, number>();
      for (const each of added.map(String)) {
        counted.add([each]);
        truth.set(each, (truth.get(each) ?? 0) + 1);
      }
      const told = new Map(counted.top(capacity).map(({ key: [key], count }) => [key, count]));
      expect(told.size).toBeLessThanOrEqual(capacity);
      for (const [key, count] of truth) {
        if (count > added.length / capacity) expect(told.has(key)).toBe(true);
        if (told.has(key)) expect(told.get(key)).toBeGreaterThanOrEqual(count);
      }
    }),
  );
});
