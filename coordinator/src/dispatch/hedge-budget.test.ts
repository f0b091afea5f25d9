import { expect, it } from "vitest";
import { HEDGE_BUDGET, HedgeBudget, type HedgeSituation } from "./hedge-budget.js";

const CALM: HedgeSituation = { queueDepth: 0, slotsUsed: 0.5 };

it("lends a burst of ten, then one hedge for ten primaries", () => {
  const budget = new HedgeBudget();
  for (let i = 0; i < HEDGE_BUDGET.burst; i++) expect(budget.hedge(CALM)).toBeUndefined();
  expect(budget.hedge(CALM)).toBe("budget");
  for (let i = 0; i < 9; i++) budget.primary();
  expect(budget.hedge(CALM)).toBe("budget");
  budget.primary();
  budget.primary();
  expect(budget.hedge(CALM)).toBeUndefined();
});

it("is shared with retries, which always go ahead", () => {
  const budget = new HedgeBudget();
  for (let i = 0; i < 25; i++) budget.retry();
  expect(budget.tokens).toBe(0);
  expect(budget.hedge(CALM)).toBe("budget");
});

it("never holds more than the burst", () => {
  const budget = new HedgeBudget();
  for (let i = 0; i < 1_000; i++) budget.primary();
  expect(budget.tokens).toBe(HEDGE_BUDGET.burst);
});

it("is not spent while the model has a queue or its slots are nearly full", () => {
  const budget = new HedgeBudget();
  expect(budget.hedge({ ...CALM, queueDepth: 1 })).toBe("queue");
  expect(budget.hedge({ ...CALM, slotsUsed: 0.81 })).toBe("slots");
  expect(budget.hedge({ ...CALM, slotsUsed: 0.8 })).toBeUndefined();
  expect(budget.tokens).toBe(HEDGE_BUDGET.burst - 1);
});

it("stops when hedges have not been winning, but for one in sixteen", () => {
  const budget = new HedgeBudget();
  for (let i = 0; i < HEDGE_BUDGET.minEvidence; i++) budget.decided(false);
  const allowed = Array.from({ length: 32 }, () => budget.hedge(CALM)).filter((reason) => reason === undefined);
  expect(allowed).toHaveLength(2);
});

it("goes on while one in ten wins, and before there is evidence", () => {
  const budget = new HedgeBudget();
  for (let i = 0; i < HEDGE_BUDGET.minEvidence - 1; i++) budget.decided(false);
  expect(budget.hedge(CALM)).toBeUndefined();
  for (let i = 0; i < 5; i++) budget.decided(true);
  expect(budget.hedge(CALM)).toBeUndefined();
});
