import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { MAX_REQUESTS_PER_KEY, ReplaySet } from "./replay-set.js";

const SALT = new Uint8Array(32);
const key = (index: number): Uint8Array => createHash("sha256").update(String(index)).digest();

it("knows what was added, and nothing else, over several segments", () => {
  const set = new ReplaySet(SALT);
  for (let i = 0; i < 20_000; i++) {
    expect(set.has(key(i))).toBe(false);
    set.add(key(i));
  }
  expect(set.size).toBe(20_000);
  for (let i = 0; i < 20_000; i++) expect(set.has(key(i))).toBe(true);
  for (let i = 20_000; i < 40_000; i++) expect(set.has(key(i))).toBe(false);
});

it("forgets nothing when it is full, and takes no more", () => {
  const set = new ReplaySet(SALT, 3);
  for (const i of [1, 2]) set.add(key(i));
  expect(set.full).toBe(false);
  set.add(key(3));
  expect(set.full).toBe(true);
  expect(() => set.add(key(4))).toThrow(RangeError);
  expect([1, 2, 3, 4].map((i) => set.has(key(i)))).toEqual([true, true, true, false]);
});

it("is sized for 36 requests a second all day", () => {
  expect(MAX_REQUESTS_PER_KEY / 86_400).toBeGreaterThan(36);
});
