import { expect, it } from "vitest";
import { describeFault } from "./fault.js";

it("keeps the place of an error and drops its message, which may quote a prompt", () => {
  let thrown: unknown;
  try {
    JSON.parse("my secret prompt");
  } catch (error) {
    thrown = error;
  }
  expect(String(thrown)).toContain("my secret");
  const fault = describeFault(thrown);
  expect(fault.name).toBe("SyntaxError");
  expect(fault.at.length).toBeGreaterThan(0);
  expect(JSON.stringify(fault)).not.toContain("secret");
});

it("survives what is no error", () => {
  expect(describeFault("my secret prompt")).toEqual({ name: "string", code: undefined, at: [] });
});
