import { expect, it } from "vitest";
import { fingerprintOf } from "./identity-fingerprint.js";

it("shows the first 80 bits in groups that people can compare", () => {
  const identity = Buffer.from(Array.from({ length: 32 }, (_, n) => n * 8)).toString("base64url");
  expect(fingerprintOf(identity)).toBe("0008-1018-2028-3038-4048");
});
