import { expect, it } from "vitest";
import type { LoadSample } from "./measure-load.js";
import { QUICK_PLAN, SCENARIOS } from "./plan.js";
import { hold, ratiosOf, readRecorded } from "./recorded.js";
import type { Results } from "./results.js";

/** A run in which the floor costs 100 µs, and Hearth this much. */
function run(hearth: number): Results {
  const sample = (frontCpuMicros: number) => [{ frontCpuMicros } as LoadSample];
  return {
    setting: { node: "", platform: "", cpu: "", cores: 2, pinned: null, startedAt: "" },
    plan: QUICK_PLAN,
    scenarios: SCENARIOS.map((scenario) => ({
      scenario,
      rounds: new Map([
        ["sealed", sample(100)],
        ["hearth", sample(hearth)],
      ]),
    })),
    paced: new Map(),
    memory: new Map(),
  };
}

it("tells what a run has cost as a multiple of the floor", () => {
  expect(ratiosOf(run(250)).ratios).toMatchObject({ "32 non-stream": 2.5, "32 stream": 2.5 });
});

it("finds what has become more than half as slow again, and nothing else", () => {
  const recorded = readRecorded(JSON.stringify(ratiosOf(run(200))));
  expect(hold(run(299), recorded).some(({ isOver }) => isOver)).toBe(false);
  expect(hold(run(301), recorded).every(({ isOver }) => isOver)).toBe(true);
});

it("finds what was not measured at all", () => {
  const recorded = { ratios: { "32 stream": 2, "64 stream": 2 } };
  expect(hold(run(200), recorded).map(({ isOver }) => isOver)).toEqual([false, true]);
});

it.each(["{}", '{"ratios":{"32 stream":0}}', '{"ratios":{"32 stream":"2"}}'])("takes %s for no record", (json) => {
  expect(() => readRecorded(json)).toThrow();
});
