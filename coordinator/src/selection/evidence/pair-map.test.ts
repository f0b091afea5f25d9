import type { ProviderId } from "@hearth/protocol";
import { expect, it } from "vitest";
import { PairMap } from "./pair-map.js";

const id = (n: number | string): ProviderId => `p${n}` as ProviderId;
const pair = (n: number | string, model = "m") => ({ provider: id(n), model });

it("keeps machines and models apart", () => {
  const pairs = new PairMap();
  for (const n of [1, 2]) for (const model of ["a", "b"]) pairs.set(pair(n, model), 10);
  expect(pairs.get(id(1), "b")).toEqual(pair(1, "b"));
  expect(pairs.get(id(2), "a")).toEqual(pair(2, "a"));
  expect(pairs.get(id(3), "a")).toBeUndefined();
  expect(pairs.get(id(1), "c")).toBeUndefined();
});

it("lets the one go that was set longest ago; to be looked up keeps none", () => {
  const pairs = new PairMap();
  const first = pair(1);
  for (const each of [first, pair(2), pair(3), first]) pairs.set(each, 3);
  pairs.get(id(2), "m");
  pairs.set(pair(4), 3);
  expect([1, 2, 3, 4].map((n) => pairs.get(id(n), "m") !== undefined)).toEqual([true, false, true, true]);
  expect(pairs.size).toBe(3);
});

it("makes room at once for a bound that has become smaller", () => {
  const pairs = new PairMap();
  for (let n = 0; n < 100; n++) pairs.set(pair(n, `m${n}`), 100);
  pairs.set(pair("new"), 10);
  expect(pairs.size).toBe(10);
  expect(pairs.get(id(0), "m0")).toBeUndefined();
  expect(pairs.get(id(99), "m99")).toBeDefined();
});

it("counts a pair that is replaced once", () => {
  const pairs = new PairMap<{ provider: ProviderId; model: string; n: number }>();
  for (const n of [1, 2]) pairs.set({ ...pair("x"), n }, 2);
  expect([pairs.size, pairs.get(id("x"), "m")?.n]).toEqual([1, 2]);
});

it("tells that the pairs of a model are others, and not that one was touched", () => {
  const pairs = new PairMap();
  const one = pair(1);
  const seen = new Set([pairs.revision("m")]);
  const differs = (change: () => void): boolean => {
    change();
    const { size } = seen;
    return seen.add(pairs.revision("m")).size > size;
  };
  expect(differs(() => pairs.set(one, 10))).toBe(true);
  expect(differs(() => pairs.set(one, 10))).toBe(false);
  expect(differs(() => pairs.set(pair(1), 10))).toBe(true);
  expect(differs(() => pairs.set(pair(2, "other"), 10))).toBe(false);
  // Both of them make room, the second for a pair that comes back.
  pairs.set(pair(3, "other"), 1);
  expect(pairs.revision("m")).toBe(0);
  expect(differs(() => pairs.set(pair(1), 1))).toBe(true);
});
