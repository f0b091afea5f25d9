import { expect, it } from "vitest";
import { newSecret, randomId, randomText } from "./random-text.js";

it("gives no id twice, over many fillings of its pool", () => {
  const ids = Array.from({ length: 5_000 }, () => randomId("req_"));
  expect(new Set(ids).size).toBe(5_000);
  expect(ids.every((id) => /^req_[A-Za-z0-9_-]{22}$/.test(id))).toBe(true);
});

it("has as many bytes as were asked for, and a prefix where one was", () => {
  expect(Buffer.from(randomText(32), "base64url")).toHaveLength(32);
  expect(newSecret("hk-")).toMatch(/^hk-[A-Za-z0-9_-]{32}$/);
});
