import { expect, it } from "vitest";
import { digestOf } from "./digest.js";

it("names the same texts alike, and others differently wherever they are cut", () => {
  expect(digestOf("a", "bc")).toBe(digestOf("a", "bc"));
  const names = [
    digestOf("a", "bc"),
    digestOf("ab", "c"),
    digestOf("abc"),
    digestOf("bc", "a"),
    digestOf("a", "bc", ""),
  ];
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[\w-]{22}$/);
});
