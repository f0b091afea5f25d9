import { expect, it } from "vitest";
import { sightOf } from "./marked-load.js";
import { readAnswer } from "./marked-text.js";
import { SUDDEN_FAULTS } from "./marking-backend.js";
import { runChaos } from "./run-chaos.js";

/** Half a minute of chaos on a machine that may be busy, and machines that come back in their own time, ms. */
const LONG = 300_000;

it("shows no consumer anything but whole answers and errors, and leaks nothing", { timeout: LONG }, async () => {
  const problems: string[] = [];
  const result = await runChaos({
    seed: 7,
    machines: 3,
    concurrency: 16,
    requests: 1_500,
    seconds: 12,
    faultShare: 0.02,
    // Those that a deadline ends take the deadline's time: the long run has them.
    faults: SUDDEN_FAULTS,
    report: (problem) => problems.push(problem),
  });
  expect(problems).toEqual([]);
  expect(result.after.slots).toBe(0);
  expect(result.after.descriptors ?? 0).toBeLessThanOrEqual(result.before.descriptors ?? 0);
  // Chaos that spares everybody proves nothing.
  expect(result.tally.whole).toBeGreaterThan(1_000);
  expect([...result.faults.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(10);
  expect([...result.troubles.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(3);
});

const ASKED = { id: "r1", pieces: 3, gapMs: 0 };
const WHOLE = "<r1:0><r1:1><r1:2>";

it.each([
  [WHOLE, "whole"],
  ["<r1:0><r1:1>", "beginning"],
  ["<r1:0><r1:", "beginning"],
  ["<r1:0><r1:2>", "foreign"],
  ["<r1:0><r2:1>", "foreign"],
  [`${WHOLE}<r1:3>`, "foreign"],
] as const)("tells by its marks what an answer is: %s", (text, expected) => {
  expect(readAnswer(ASKED, text)).toBe(expected);
});

it("takes nothing that looks like success for one", () => {
  expect(sightOf(ASKED, { type: "answer", content: "<r1:0>" }, false)).toBe("truncated");
  expect(sightOf(ASKED, { type: "answer", content: "<r2:0><r2:1><r2:2>" }, false)).toBe("mixed");
  expect(sightOf(ASKED, { type: "told", content: "<r2:0>", finished: false }, false)).toBe("mixed");
  expect(sightOf(ASKED, { type: "misled", status: 200, body: "" }, false)).toBe("broken");
  expect(sightOf(ASKED, { type: "misled", status: 0, body: "" }, true)).toBe("hung");
});
