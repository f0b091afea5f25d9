import { describe, expect, it } from "vitest";
import { DEFAULT_BREAKER } from "./breaker-settings.js";
import { Outcomes, type RecordedOutcome } from "./outcomes.js";

const KEEP = DEFAULT_BREAKER.outcomesKept;

function recorded(...seen: readonly (readonly [at: number, kind: RecordedOutcome["kind"]])[]) {
  const outcomes = new Outcomes();
  const all = seen.map(([at, kind]): RecordedOutcome => ({ at, kind }));
  for (const outcome of all) outcomes.add(outcome, KEEP);
  return { outcomes, all, areDue: () => outcomes.areDue(DEFAULT_BREAKER) };
}

describe("faults", () => {
  it("are due by their weights: two confirmed, three unconfirmed, or a mixture", () => {
    expect(recorded([1, "confirmed"], [2, "unconfirmed"]).areDue()).toBe(false);
    expect(recorded([1, "confirmed"], [2, "confirmed"]).areDue()).toBe(true);
    expect(recorded([1, "unconfirmed"], [2, "unconfirmed"], [3, "unconfirmed"]).areDue()).toBe(true);
    expect(recorded([1, "unconfirmed"], [2, "unconfirmed"], [3, "confirmed"]).areDue()).toBe(true);
  });

  it("are due within a minute of each other, in whatever order they were told", () => {
    expect(recorded([60_001, "confirmed"], [0, "confirmed"]).areDue()).toBe(false);
    expect(recorded([60_000, "confirmed"], [0, "confirmed"]).areDue()).toBe(true);
  });

  it("are not due any more when they are cleared or taken back", () => {
    const cleared = recorded([1, "confirmed"], [2, "confirmed"]);
    cleared.outcomes.clear();
    expect([cleared.areDue(), cleared.outcomes.lastFaultAt]).toEqual([false, 2]);
    const { outcomes, all, areDue } = recorded([1, "confirmed"], [2, "confirmed"]);
    outcomes.remove(all[1] as RecordedOutcome);
    expect([areDue(), outcomes.lastFaultAt]).toEqual([false, 1]);
  });
});

it("the outcomes that were seen first are forgotten, not those that were told first", () => {
  const { outcomes, areDue } = recorded([101, "confirmed"], [102, "confirmed"]);
  expect(areDue()).toBe(true);
  // Two faults of twenty outcomes are too few; those before them push nothing out.
  for (let at = 1; at <= 18; at++) outcomes.add({ at, kind: "success" }, KEEP);
  expect(areDue()).toBe(false);
  for (let at = 1; at <= 18; at++) outcomes.removeLastSuccess();
  expect(areDue()).toBe(true);
  for (let n = 0; n < KEEP; n++) outcomes.add({ at: 200, kind: "success" }, KEEP);
  expect(outcomes.lastFaultAt).toBe(Number.NEGATIVE_INFINITY);
});
