import { describe, expect, it } from "vitest";
import { TtftHistory } from "./ttft-history.js";

describe("the hedge delay", () => {
  it("is unknown before there is evidence", () => {
    const history = new TtftHistory();
    for (let i = 0; i < 19; i++) history.observe("m", 100, 500);
    expect(history.hedgeDelayMs("m", 100)).toBeUndefined();
    history.observe("m", 100, 500);
    expect(history.hedgeDelayMs("m", 100)).toBeGreaterThan(400);
  });

  it("is the 95th percentile of this model and prompt size", () => {
    const history = new TtftHistory();
    for (let i = 0; i < 100; i++) history.observe("m", 100, i < 90 ? 500 : 2_000);
    const delay = history.hedgeDelayMs("m", 200);
    expect(delay).toBeGreaterThan(1_700);
    expect(delay).toBeLessThan(2_300);
    expect(history.hedgeDelayMs("m", 5_000)).toBeUndefined();
    expect(history.hedgeDelayMs("other", 100)).toBeUndefined();
  });

  it("never races noise", () => {
    const history = new TtftHistory();
    for (let i = 0; i < 100; i++) history.observe("fast", 1, 20);
    expect(history.hedgeDelayMs("fast", 1)).toBe(250);
  });

  it("is moved by attempts that were given up late, and not by those that were given up early", () => {
    const history = new TtftHistory();
    for (let i = 0; i < 100; i++) history.observe("m", 100, 500);
    const before = history.hedgeDelayMs("m", 100);
    for (let i = 0; i < 50; i++) history.censored("m", 100, 300);
    expect(history.hedgeDelayMs("m", 100)).toBe(before);
    for (let i = 0; i < 10; i++) history.censored("m", 100, 8_000);
    expect(history.hedgeDelayMs("m", 100)).toBeGreaterThan(7_000);
    // Where nothing has ever come, nothing is usual.
    for (let i = 0; i < 50; i++) history.censored("silent", 100, 30_000);
    expect(history.hedgeDelayMs("silent", 100)).toBeUndefined();
  });

  it("remembers a bounded number of models", () => {
    const history = new TtftHistory();
    for (let i = 0; i < 20; i++) history.observe("first", 1, 20);
    for (let i = 0; i < 3_000; i++) history.observe(`m${i}`, 1, 20);
    expect(history.hedgeDelayMs("first", 1)).toBeUndefined();
  });
});
