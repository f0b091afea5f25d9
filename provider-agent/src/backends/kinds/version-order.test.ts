import { expect, it } from "vitest";
import { isAtLeast } from "./version-order.js";

it.each([
  ["0.13.3", true],
  ["v0.13.3", true],
  ["0.13.10", true],
  ["1.0.0", true],
  ["0.14.0-rc1", true],
  ["0.13.2", false],
  ["0.9.99", false],
  ["nightly", false],
  [undefined, false],
])("compares %s with 0.13.3 number by number", (version, expected) => {
  expect(isAtLeast(version, "0.13.3")).toBe(expected);
});
