import { describe, expect, it } from "vitest";
import { TtftHistory } from "./ttft-history.js";

describe("the hedge delay", () => {
  it("is half the deadline before there is evidence", () => {
    const history = new TtftHistory();
    for (let i = 0; i < 19; i++) history.observe("m", 100, 500);
    expect(history.hedgeDelayMs("m", 100, 10_000)).toBe(5_000);
  });

  it("is the 95th percentile of this model and prompt size", () => {
    const history = new TtftHistory();
    for (let i = 0; i < 100; i++) history.observe("m", 100, i < 90 ? 500 : 2_000);
    const delay = history.hedgeDelayMs("m", 200, 10_000);
    expect(delay).toBeGreaterThan(1_700);
    expect(delay).toBeLessThan(2_300);
    expect(history.hedgeDelayMs("m", 5_000, 10_000)).toBe(5_000);
    expect(history.hedgeDelayMs("other", 100, 10_000)).toBe(5_000);
  });

  it("never races noise, and leaves a backup time to make the deadline", () => {
    const history = new TtftHistory();
    for (let i = 0; i < 100; i++) history.observe("fast", 1, 20);
    expect(history.hedgeDelayMs("fast", 1, 10_000)).toBe(250);
    for (let i = 0; i < 100; i++) history.observe("slow", 1, 8_000);
    const delay = history.hedgeDelayMs("slow", 1, 10_000);
    expect(delay).toBeGreaterThan(1_000);
    expect(delay).toBeLessThan(3_000);
  });

  it("remembers a bounded number of models", () => {
    const history = new TtftHistory();
    for (let i = 0; i < 20; i++) history.observe("first", 1, 20);
    for (let i = 0; i < 3_000; i++) history.observe(`m${i}`, 1, 20);
    expect(history.hedgeDelayMs("first", 1, 10_000)).toBe(5_000);
  });
});
