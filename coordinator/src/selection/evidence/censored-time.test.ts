import { expect, it } from "vitest";
import { CensoredTime, type WaitedInVain } from "./censored-time.js";
import { DEFAULT_EVIDENCE } from "./settings.js";

function after(...waited: Partial<WaitedInVain>[]): (promptTokens: number, now: number) => number {
  const time = new CensoredTime();
  for (const each of waited) time.add({ excessMs: 8_000, promptTokens: 1_000, at: 0, ...each }, DEFAULT_EVIDENCE);
  return (promptTokens, now) => time.msFor(promptTokens, now, DEFAULT_EVIDENCE);
}

it("counts at once, halves each minute, and is gone after four", () => {
  const msFor = after({});
  expect([0, 60_000, 120_000, 240_000].map((now) => msFor(1_000, now))).toEqual([8_000, 4_000, 2_000, 500]);
  expect(msFor(1_000, 240_001)).toBe(0);
});

it("goes by the size of the prompt, within bounds", () => {
  const msFor = after({});
  expect([10, 500, 2_000, 100_000].map((tokens) => msFor(tokens, 0))).toEqual([2_000, 4_000, 16_000, 32_000]);
});

it("takes very small prompts for alike", () => {
  expect(after({ promptTokens: 1 })(64, 0)).toBe(8_000);
});

it("is the largest of several, not their sum", () => {
  expect(after({}, { excessMs: 3_000 }, { excessMs: 8_000 })(1_000, 0)).toBe(8_000);
  // What has faded gives way to what is more by now.
  expect(after({}, { excessMs: 5_000, at: 60_000 })(1_000, 60_000)).toBe(5_000);
  expect(after({}, { excessMs: 3_000, at: 60_000 })(1_000, 60_000)).toBe(4_000);
});

it("knows nothing of who waited no longer than was expected", () => {
  expect(after({ excessMs: 0 }, { excessMs: -5_000 })(1_000, 0)).toBe(0);
  // Nor does that one take anything from what is known.
  expect(after({}, { excessMs: -1, at: 600_000 })(1_000, 0)).toBe(8_000);
});
