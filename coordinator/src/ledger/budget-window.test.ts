import { expect, it } from "vitest";
import { budgetOf, windowStart } from "./budget-window.js";

const at = (text: string): number => Date.parse(`${text}Z`);

it.each([
  ["never", "2026-11-29T12:34:56", 0],
  ["daily", "2026-11-29T12:34:56", at("2026-11-29T00:00:00")],
  ["daily", "2026-11-29T00:00:00", at("2026-11-29T00:00:00")],
  ["weekly", "2026-11-29T23:59:59", at("2026-11-23T00:00:00")],
  ["weekly", "2026-11-30T00:00:00", at("2026-11-30T00:00:00")],
  ["weekly", "1970-01-02T00:00:00", at("1969-12-29T00:00:00")],
  ["monthly", "2028-02-29T23:59:59", at("2028-02-01T00:00:00")],
] as const)("begins a budget that is reset %s, at %s", (reset, now, start) => {
  expect(windowStart(reset, at(now))).toBe(start);
});

it("is none of a key that has none", () => {
  const limits = { budget: undefined } as Parameters<typeof budgetOf>[0]["limits"];
  expect(budgetOf({ keyId: "k", limits }, 0)).toBeUndefined();
  const limited = { ...limits, budget: { microUsd: 5, reset: "never" } } as typeof limits;
  expect(budgetOf({ keyId: "k", limits: limited }, 7)).toEqual({ keyId: "k", windowStartMs: 0, limit: 5n });
});
