import fc from "fast-check";
import { expect, it } from "vitest";
import { BoundedMap } from "./bounded-map.js";

it("holds the entries that were set last, and no more of them than it may", () => {
  const moves = fc.array(fc.record({ key: fc.nat(12), drop: fc.boolean() }), { maxLength: 60 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), moves, (max, sequence) => {
      const map = new BoundedMap<number, number>(max);
      let expected: (readonly [number, number])[] = [];
      for (const [at, { key, drop }] of sequence.entries()) {
        expected = expected.filter(([each]) => each !== key);
        if (drop) {
          map.delete(key);
          continue;
        }
        map.set(key, at);
        expected = [...expected, [key, at] as const].slice(-max);
      }
      expect([...map.entries()]).toEqual(expected);
      expect(map.size).toBe(expected.length);
      for (const [key, value] of expected) expect([map.has(key), map.get(key)]).toEqual([true, value]);
    }),
  );
});

it("makes room at the next entry when its bound has become smaller", () => {
  let max = 3;
  const map = new BoundedMap<number, string>(() => max);
  for (const key of [1, 2, 3]) map.set(key, "");
  max = 2;
  expect(map.size).toBe(3);
  map.set(4, "");
  expect([...map.entries()].map(([key]) => key)).toEqual([3, 4]);
});

it("hands over what it drops to make room, and nothing that was deleted or replaced", () => {
  const dropped: string[] = [];
  const map = new BoundedMap<number, string>(2, { dropped: (value) => void dropped.push(value) });
  map.set(1, "first");
  map.set(1, "replaced");
  map.set(2, "deleted");
  map.delete(2);
  map.set(3, "third");
  expect(dropped).toEqual([]);
  map.set(4, "fourth");
  expect(dropped).toEqual(["replaced"]);
});
