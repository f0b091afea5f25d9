import fc from "fast-check";
import { expect, it } from "vitest";
import { filtered, sorted } from "./rows.js";

it("orders numbers as numbers, names as people do, and what has no value last", () => {
  expect(sorted([10, null, 9, 100], (row) => row, false)).toEqual([9, 10, 100, null]);
  expect(sorted([10, null, 9, 100], (row) => row, true)).toEqual([100, 10, 9, null]);
  expect(sorted(["mac-10", "Mac-2", "mac-1"], (row) => row, false)).toEqual(["mac-1", "Mac-2", "mac-10"]);
});

it("keeps every row once, and ties as they were", () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 5 })), fc.boolean(), (values, descending) => {
      const rows = values.map((value, at) => ({ value, at }));
      const found = sorted(rows, (row) => row.value, descending);
      expect(new Set(found).size).toBe(rows.length);
      for (const [n, row] of found.entries()) {
        const next = found[n + 1];
        if (next?.value === row.value) expect(next.at).toBeGreaterThan(row.at);
      }
    }),
  );
});

it("finds rows that have all of the words, wherever they stand", () => {
  const rows = ["Mac Studio serving", "Mac Mini offline", "Linux serving"];
  const find = (words: string) => filtered(rows, (row) => row, words);
  expect(find("serving mac")).toEqual(["Mac Studio serving"]);
  expect(find("  ")).toEqual(rows);
  expect(find("windows")).toEqual([]);
});
