import type { LoadSample } from "./measure-load.js";
import type { MemorySample } from "./measure-memory.js";
import type { PacedSample } from "./measure-paced.js";
import type { Plan, Scenario } from "./plan.js";
import { median } from "./statistics.js";
import type { TargetName } from "./targets.js";

/** The machine and the programs, so that figures of two runs are compared only where they can be. */
export interface Setting {
  readonly node: string;
  readonly platform: string;
  readonly cpu: string;
  readonly cores: number;
  /** Cores that processes were pinned to, or `null`. */
  readonly pinned: { readonly front: number; readonly rest: number } | null;
  readonly startedAt: string;
}

/** One scenario, all rounds of each target. */
export interface ScenarioResult {
  readonly scenario: Scenario;
  readonly rounds: ReadonlyMap<TargetName, readonly LoadSample[]>;
}

/** Paced streams of one pace. */
export interface PacedResult {
  /** Chunks of each stream. */
  readonly perSecond: number;
  readonly samples: ReadonlyMap<TargetName, PacedSample>;
}

/** Everything a run measured. */
export interface Results {
  readonly setting: Setting;
  readonly plan: Plan;
  readonly scenarios: readonly ScenarioResult[];
  readonly paced: readonly PacedResult[];
  readonly memory: ReadonlyMap<TargetName, MemorySample>;
}

/** The median over rounds of each figure by itself. A figure that a round lacks, the median lacks too. */
export function medianSample(rounds: readonly LoadSample[]): LoadSample {
  const [first] = rounds;
  if (first === undefined) throw new RangeError("no rounds");
  const keys = Object.keys(first) as (keyof LoadSample)[];
  const figures = keys.flatMap((key) => {
    const values = rounds.flatMap((round) => round[key] ?? []);
    return values.length < rounds.length ? [] : [[key, median(values)] as const];
  });
  return Object.fromEntries(figures) as unknown as LoadSample;
}

/** The medians of one target in one scenario, where it was measured. */
export function sampleOf(results: Results, scenario: Scenario, target: TargetName): LoadSample | undefined {
  const found = results.scenarios.find(
    ({ scenario: { concurrency, stream } }) => concurrency === scenario.concurrency && stream === scenario.stream,
  );
  const rounds = found?.rounds.get(target);
  return rounds === undefined ? undefined : medianSample(rounds);
}

/** The results as JSON: every round as measured, and the medians beside them. */
export function toJson(results: Results): string {
  const scenarios = results.scenarios.map(({ scenario, rounds }) => ({
    ...scenario,
    targets: Object.fromEntries(
      [...rounds].map(([name, samples]) => [name, { median: medianSample(samples), rounds: samples }]),
    ),
  }));
  const paced = results.paced.map(({ perSecond, samples }) => ({ perSecond, targets: Object.fromEntries(samples) }));
  const memory = Object.fromEntries(results.memory);
  return `${JSON.stringify({ setting: results.setting, plan: results.plan, scenarios, paced, memory }, null, 2)}\n`;
}
