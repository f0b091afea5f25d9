import { describe, expect, it } from "vitest";
import type { LoadSample } from "./measure-load.js";
import { QUICK_PLAN, SCENARIOS, scenarioName } from "./plan.js";
import { hold, measureOverAgain, ratiosOf, readRecorded } from "./recorded.js";
import type { Results } from "./results.js";

const sample = (frontCpuMicros: number) => ({ frontCpuMicros }) as LoadSample;

/** A run in which the floor costs 100 µs unless it is said otherwise, and Hearth so much in each round. */
function run(hearth: number | readonly number[], sealed: readonly number[] = [100, 100, 100]): Results {
  const all = typeof hearth === "number" ? sealed.map(() => hearth) : hearth;
  return {
    setting: { node: "", platform: "", cpu: "", cores: 2, pinned: null, startedAt: "" },
    plan: QUICK_PLAN,
    scenarios: SCENARIOS.map((scenario) => ({
      scenario,
      rounds: new Map([
        ["sealed", sealed.map(sample)],
        ["hearth", all.map(sample)],
      ]),
    })),
    paced: [],
    memory: new Map(),
  };
}

it("tells what a run has cost as a multiple of the floor", () => {
  expect(ratiosOf(run(250)).ratios).toMatchObject({ "32 non-stream": 2.5, "32 stream": 2.5 });
});

it("leaves out one request at a time, which goes by how a machine sleeps", () => {
  expect(Object.keys(ratiosOf(run(250)).ratios)).toEqual([
    "32 non-stream",
    "32 stream",
    "128 non-stream",
    "128 stream",
  ]);
});

it("compares what was measured in the same round, and takes the middle of them", () => {
  expect(ratiosOf(run([200, 900, 1_000], [100, 300, 100])).ratios).toMatchObject({ "32 stream": 3 });
});

describe("what is over", () => {
  const recorded = ratiosOf(run(200));
  const at = SCENARIOS.findIndex(({ concurrency }) => concurrency === 32);
  /** Measures again, each time as told, and counts. */
  async function again(first: readonly number[], ...more: readonly (readonly number[])[]) {
    const scenarios = run(first).scenarios.slice(at, at + 1);
    const [one] = scenarios;
    const rounds = one?.rounds as Map<string, LoadSample[]>;
    let times = 0;
    await measureOverAgain(scenarios, recorded, async (over) => {
      expect(over.map((each) => each.scenario)).toEqual([SCENARIOS[at]]);
      for (const micros of more[times] ?? first) {
        rounds.get("hearth")?.push(sample(micros));
        rounds.get("sealed")?.push(sample(100));
      }
      times += 1;
    });
    const [held] = hold({ scenarios }, { ratios: { [scenarioName(SCENARIOS[at]!)]: 2 } });
    return { times, isOver: held?.isOver };
  }

  it("is not measured again where it is within bounds", async () => {
    expect(await again([290, 500, 200])).toEqual({ times: 0, isOver: false });
  });

  it("was a busy minute when it is not over again", async () => {
    expect(await again([400, 400, 400], [190, 190, 190], [200, 200, 200])).toEqual({ times: 1, isOver: false });
    expect(await again([450, 450, 450], [450, 200, 200], [200, 200, 200])).toEqual({ times: 2, isOver: false });
  });

  it("is slower code when it stays so", async () => {
    expect(await again([400, 400, 400])).toEqual({ times: 2, isOver: true });
  });
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
