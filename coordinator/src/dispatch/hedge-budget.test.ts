import { expect, it } from "vitest";
import { HedgeBudget, type HedgeSituation } from "./hedge-budget.js";
import { DEFAULT_HEDGING } from "./hedge-settings.js";

const CALM: HedgeSituation = { queueDepth: 0, slotsUsed: 0.5 };

it("lends a burst of ten, then one hedge for ten primaries", () => {
  const budget = new HedgeBudget();
  for (let i = 0; i < DEFAULT_HEDGING.burst; i++) expect(budget.hedge(CALM)).toBeUndefined();
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
  expect(budget.tokens).toBe(DEFAULT_HEDGING.burst);
});

it("is not spent while the model has a queue or its slots are nearly full", () => {
  const budget = new HedgeBudget();
  expect(budget.hedge({ ...CALM, queueDepth: 1 })).toBe("queue");
  expect(budget.hedge({ ...CALM, slotsUsed: 0.81 })).toBe("slots");
  expect(budget.hedge({ ...CALM, slotsUsed: 0.8 })).toBeUndefined();
  expect(budget.tokens).toBe(DEFAULT_HEDGING.burst - 1);
});

it("stops when hedges have not been winning, but for one in sixteen", () => {
  const budget = new HedgeBudget();
  for (let i = 0; i < DEFAULT_HEDGING.minEvidence; i++) budget.decided(false);
  const allowed = Array.from({ length: 32 }, () => budget.hedge(CALM)).filter((reason) => reason === undefined);
  expect(allowed).toHaveLength(2);
});

it("goes on while one in ten wins, and before there is evidence", () => {
  const budget = new HedgeBudget();
  for (let i = 0; i < DEFAULT_HEDGING.minEvidence - 1; i++) budget.decided(false);
  expect(budget.hedge(CALM)).toBeUndefined();
  for (let i = 0; i < 5; i++) budget.decided(true);
  expect(budget.hedge(CALM)).toBeUndefined();
});

it("goes by its settings as they are now", () => {
  let settings = { ...DEFAULT_HEDGING, burst: 1, perPrimary: 0 };
  const budget = new HedgeBudget(() => settings);
  expect([budget.hedge(CALM), budget.hedge(CALM)]).toEqual([undefined, "budget"]);
  settings = { ...settings, burst: 2, perPrimary: 1, maxSlotsUsed: 0.4 };
  budget.primary();
  expect(budget.hedge(CALM)).toBe("slots");
  expect(budget.hedge({ ...CALM, slotsUsed: 0.4 })).toBeUndefined();
});
