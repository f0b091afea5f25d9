import { expect, it } from "vitest";
import { type KeyWishes, keyOrderOf } from "./key-order.js";

const OPEN: KeyWishes = {
  ...{ name: " app ", budget: "", reset: "never", requestsPerMinute: "", tokensPerMinute: "", concurrency: "" },
  ...{ models: "", days: "", scopes: ["inference"] },
};

it("orders a key without limits where none was filled in", () => {
  expect(keyOrderOf(OPEN)).toEqual({ name: "app", scopes: ["inference"], limits: {} });
});

it("orders what was filled in, and nothing of what is no number", () => {
  const wishes: KeyWishes = {
    ...OPEN,
    ...{ budget: "12.50", reset: "monthly", requestsPerMinute: "60", concurrency: "many", models: "a, b,", days: "30" },
  };
  expect(keyOrderOf(wishes)).toEqual({
    name: "app",
    scopes: ["inference"],
    limits: { requests_per_minute: 60, budget: { micro_usd: 12_500_000, reset: "monthly" } },
    allowed_models: ["a", "b"],
    expires_in: 2_592_000,
  });
});
