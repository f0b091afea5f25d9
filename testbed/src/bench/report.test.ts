import { describe, expect, it } from "vitest";
import type { LoadSample } from "./measure-load.js";
import type { MemorySample } from "./measure-memory.js";
import type { PacedSample } from "./measure-paced.js";
import { QUICK_PLAN, SCENARIOS, type Scenario } from "./plan.js";
import { report } from "./report.js";
import { medianSample, type PacedResult, type Results, toJson } from "./results.js";
import { TARGETS, type TargetName } from "./targets.js";
import { judge } from "./verdict.js";

const SAMPLE: LoadSample = {
  requests: 100,
  requestsPerSecond: 1000,
  latencyP50Ms: 1,
  latencyP99Ms: 2,
  firstContentP50Ms: 0.5,
  firstContentP99Ms: 0.9,
};
const CPU: Readonly<Record<TargetName, number | undefined>> = {
  direct: undefined,
  plain: 50,
  sealed: 200,
  hearth: 240,
  peer: 900,
};
const MEMORY: MemorySample = {
  requests: 100_000,
  points: [
    { x: 1, y: 2 ** 20 },
    { x: 2, y: 2 ** 20 },
  ],
  slopeBytes: 12,
  growth: 1.04,
};
const PACED: PacedSample = { chunks: 18_000, delayP50Ms: 0.3, delayP99Ms: 3 };
const SLOWER: PacedSample = { ...PACED, delayP50Ms: 5, delayP99Ms: 25 };

function sample(target: TargetName, scenario: Scenario): LoadSample {
  const frontCpuMicros = CPU[target];
  const first = scenario.concurrency === 1 && target === "hearth" ? { firstContentP50Ms: 1.6 } : {};
  return { ...SAMPLE, ...first, ...(frontCpuMicros === undefined ? {} : { frontCpuMicros }) };
}

/** The same at every pace of the plan. */
const paces = (samples: PacedResult["samples"]): PacedResult[] =>
  QUICK_PLAN.paced.perSecond.map((perSecond) => ({ perSecond, samples }));

function results(change: Partial<Results> = {}): Results {
  return {
    setting: {
      node: "20.19.0",
      platform: "linux x64",
      cpu: "chip",
      cores: 2,
      pinned: { front: 0, rest: 1 },
      startedAt: "now",
    },
    plan: QUICK_PLAN,
    scenarios: SCENARIOS.map((scenario) => ({
      scenario,
      rounds: new Map(TARGETS.map((target) => [target, [sample(target, scenario)]])),
    })),
    paced: paces(new Map(TARGETS.map((target) => [target, target === "hearth" ? SLOWER : PACED]))),
    memory: new Map([["hearth", MEMORY]]),
    ...change,
  };
}

describe("the median of rounds", () => {
  it("is taken of each figure by itself", () => {
    const rounds = [
      { ...SAMPLE, requestsPerSecond: 10, latencyP99Ms: 9 },
      { ...SAMPLE, requestsPerSecond: 30, latencyP99Ms: 1 },
      { ...SAMPLE, requestsPerSecond: 20, latencyP99Ms: 5 },
    ];
    expect(medianSample(rounds)).toEqual({ ...SAMPLE, requestsPerSecond: 20, latencyP99Ms: 5 });
  });

  it("is absent for a figure that was not measured", () => {
    expect(medianSample([SAMPLE, SAMPLE])).not.toHaveProperty("frontCpuMicros");
  });
});

describe("the verdict", () => {
  it("states each aim with the number reached", () => {
    expect(judge(results())).toEqual([
      {
        state: "reached",
        text: "coordinator CPU a non-stream request at concurrency 32: 1.20 × the sealed floor (aim: at most 1.25 ×)",
      },
      {
        state: "reached",
        text: "coordinator CPU a non-stream request at concurrency 32: 240 µs (aim: at most 300 µs)",
      },
      {
        state: "reached",
        text: "coordinator CPU a 20-chunk stream at concurrency 32: 1.20 × the sealed floor (aim: at most 1.25 ×)",
      },
      { state: "reached", text: "coordinator CPU a 20-chunk stream at concurrency 32: 240 µs (aim: at most 500 µs)" },
      { state: "reached", text: "median time to first content added at concurrency 1: 1.10 ms (aim: at most 1.2 ms)" },
      ...[20, 40].map((perSecond) => ({
        state: "reached",
        text: `delay added to a chunk of 600 streams of ${perSecond} chunks/s: p50 4.7 ms, p99 22.0 ms (aim: under 5 and 25 ms)`,
      })),
      {
        state: "reached",
        text: "coordinator memory over 100,000 requests: its last fifth 1.04 × its second (aim: at most 1.1 ×)",
      },
    ]);
  });

  it("calls an aim missed when the number is beyond it", () => {
    const slower = results({
      scenarios: SCENARIOS.map((scenario) => ({
        scenario,
        rounds: new Map(
          TARGETS.map((target) => [
            target,
            [target === "hearth" ? { ...SAMPLE, firstContentP50Ms: 3, frontCpuMicros: 501 } : sample(target, scenario)],
          ]),
        ),
      })),
      paced: paces(
        new Map([
          ["direct", PACED],
          ["hearth", { ...SLOWER, delayP99Ms: 28 }],
        ]),
      ),
      memory: new Map([["hearth", { ...MEMORY, growth: 1.11 }]]),
    });
    expect(judge(slower).map(({ state }) => state)).toEqual(Array(8).fill("missed"));
  });

  it("does not judge what was not measured, nor memory over too few requests", () => {
    const quick = judge(results({ memory: new Map([["hearth", { ...MEMORY, requests: 4_000 }]]) }));
    expect(quick.at(-1)?.state).toBe("not judged");
    const nothing = judge(results({ scenarios: [], paced: [], memory: new Map() }));
    expect(new Set(nothing.map(({ state }) => state))).toEqual(new Set(["not judged"]));
  });
});

describe("the report", () => {
  const lines = report(results()).split("\n");
  const cellsOf = (label: string): string[] =>
    (lines.find((line) => line.startsWith(`| ${label} `)) ?? "").split("|").map((cell) => cell.trim());

  it("has a line for each scenario and target, with ratios to both floors", () => {
    for (const { concurrency, stream } of SCENARIOS) {
      const cells = cellsOf(`${concurrency} ${stream ? "stream" : "non-stream"}, hearth`);
      expect(cells.slice(2, 4)).toEqual(["1000", "1.00"]);
      expect(cells.slice(7, 10)).toEqual(["240", "4.80", "1.20"]);
    }
    expect(cellsOf("32 stream, sealed").slice(7, 10)).toEqual(["200", "4.00", "1.00"]);
  });

  it("shows a dash where there is nothing to show", () => {
    expect(cellsOf("32 stream, direct").slice(7, 10)).toEqual(["–", "–", "–"]);
  });

  it("shows instructions in thousands where they are counted, and says where they are not", () => {
    const counted: LoadSample = { ...SAMPLE, frontInstructions: 1_234_567, backInstructions: 765_432 };
    const rounds = new Map([["hearth" as const, [counted]]]);
    const text = report(results({ scenarios: [{ scenario: { concurrency: 32, stream: true }, rounds }] }));
    const row = text.split("\n").find((line) => line.startsWith("| 32 stream, hearth")) ?? "";
    expect(row.split("|").map((cell) => cell.trim())).toEqual(expect.arrayContaining(["1235", "765"]));
    expect(text).toContain("counted by perf");
    expect(cellsOf("32 stream, hearth").slice(11, 13)).toEqual(["–", "–"]);
    expect(lines.join("\n")).toContain("not available on this machine");
  });

  it("shows paced delays as added to those of the direct way", () => {
    const samples = new Map([
      ["direct" as const, PACED],
      ["hearth" as const, { ...PACED, delayP50Ms: 1.3, delayP99Ms: 5, frontCpuMicros: 20 }],
    ]);
    const paced = [{ perSecond: 40, samples }];
    const row =
      report(results({ paced }))
        .split("\n")
        .find((line) => /^\| × 40 chunks\/s, hearth .*20\.0/.test(line)) ?? "";
    expect(
      row
        .split("|")
        .map((cell) => cell.trim())
        .slice(2),
    ).toEqual(["12000", "1.30", "5.00", "1.00", "2.00", "20.0", "–", ""]);
  });

  it("has tables whose lines are equally long", () => {
    const table = lines.filter((line) => line.startsWith("| 32"));
    expect(new Set(table.map((line) => line.length)).size).toBe(1);
  });

  it("says what Hearth's non-stream figures are", () => {
    expect(lines.join("\n")).toContain("folded by the agent");
  });
});

describe("the JSON", () => {
  it("holds every round and the medians", () => {
    const json = JSON.parse(toJson(results())) as {
      scenarios: { targets: { hearth: { median: object; rounds: object[] } } }[];
    };
    expect(json.scenarios).toHaveLength(6);
    expect(json.scenarios[2]?.targets.hearth.rounds).toHaveLength(1);
    expect(json.scenarios[2]?.targets.hearth.median).toMatchObject({ frontCpuMicros: 240 });
    expect(json).toMatchObject({
      paced: [{ perSecond: 20, targets: { sealed: PACED } }, { perSecond: 40 }],
      memory: { hearth: MEMORY },
    });
  });
});
