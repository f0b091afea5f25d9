import { cpus } from "node:os";
import { type Cores, pinSelf } from "./cores.js";
import type { BeginCount } from "./instructions.js";
import { chatJob } from "./job.js";
import { openConnections, runLoad } from "./loader.js";
import { type LoadSample, measureLoad, refuseProblems } from "./measure-load.js";
import { type MemorySample, measureMemory } from "./measure-memory.js";
import { measurePaced, type PacedSample } from "./measure-paced.js";
import { type Plan, SCENARIOS, scenarioName } from "./plan.js";
import { measureOverAgain, type Recorded } from "./recorded.js";
import type { PacedResult, Results, ScenarioResult, Setting } from "./results.js";
import type { Processes } from "./spawn.js";
import { startTargets, type Target, type TargetName } from "./targets.js";

/** Any string will do: only Hearth reads it, and it is told the same. */
export const API_KEY = "bench-api-key-of-thirty-two-chars";

/** What to run. */
export interface Bench {
  readonly plan: Plan;
  readonly targets: readonly TargetName[];
  readonly cores: Cores;
  readonly processes: Processes;
  /** Absent = instructions cannot be counted here. */
  readonly instructions: BeginCount | undefined;
  /** What the run is held against; what is over is measured again. */
  readonly recorded?: Recorded | undefined;
  /** Told what begins, for people who wait. */
  readonly progress: (text: string) => void;
}

/** @throws Error when a program does not start or an answer is broken */
export async function runBench(bench: Bench): Promise<Results> {
  const setting = settingOf(bench.cores);
  pinSelf(bench.cores);
  bench.progress("starting");
  const targets = await startTargets(bench.processes, { names: bench.targets, apiKey: API_KEY });
  await warmUp(bench, targets);
  const scenarios = await measureScenarios(bench, targets);
  const paced = await measurePaces(bench, targets);
  return {
    setting,
    plan: bench.plan,
    scenarios,
    paced,
    memory: await memoryOf(bench, targets),
  };
}

/** Brings everything to the speed at which it stays. */
export async function warmUp(
  { plan, progress }: { readonly plan: Pick<Plan, "warmUpRequests">; readonly progress: Bench["progress"] },
  targets: readonly Target[],
): Promise<void> {
  for (const target of targets) {
    progress(`warming up ${target.name}`);
    const connections = await openConnections(target.port, 32);
    const jobs = [chatJob(false, API_KEY, target.endpoint), chatJob(true, API_KEY, target.endpoint)];
    const { problems } = await runLoad({ connections, jobs, until: { requests: 2 * plan.warmUpRequests } });
    for (const connection of connections) connection.close();
    refuseProblems(target, problems);
  }
}

/** A scenario, to which rounds are added. */
interface Measured extends ScenarioResult {
  readonly rounds: Map<TargetName, LoadSample[]>;
}

/**
 * Rounds go through everything, and targets take turns within each scenario: a slow minute of the machine hits all
 * targets, and what is still warming up is in one round of several.
 */
async function measureScenarios(bench: Bench, targets: readonly Target[]): Promise<ScenarioResult[]> {
  const results = SCENARIOS.map(
    (scenario): Measured => ({
      scenario,
      rounds: new Map<TargetName, LoadSample[]>(targets.map(({ name }) => [name, []])),
    }),
  );
  await measureRounds(bench, targets, results);
  if (bench.recorded !== undefined) {
    await measureOverAgain(results, bench.recorded, (over) => {
      const again = results.filter((each) => over.includes(each));
      return measureRounds(bench, targets, again);
    });
  }
  return results;
}

/** Adds a plan's rounds to what was measured. */
async function measureRounds(
  { plan, progress, instructions }: Bench,
  targets: readonly Target[],
  results: readonly Measured[],
): Promise<void> {
  for (let round = 1; round <= plan.rounds; round += 1) {
    for (const { scenario, rounds } of results) {
      progress(`round ${round} of ${plan.rounds}, concurrency ${scenarioName(scenario)}`);
      const options = {
        concurrency: scenario.concurrency,
        elapsedMs: plan.loadMs,
        atLeast: plan.leastRequests,
        instructions,
      };
      for (const target of targets) {
        const job = chatJob(scenario.stream, API_KEY, target.endpoint);
        rounds.get(target.name)?.push(await measureLoad(target, job, options));
      }
    }
  }
}

async function measurePaces({ plan, progress }: Bench, targets: readonly Target[]): Promise<PacedResult[]> {
  const paced: PacedResult[] = [];
  for (const perSecond of plan.paced.perSecond) {
    const samples = new Map<TargetName, PacedSample>();
    for (const target of targets) {
      progress(`streams of ${perSecond} chunks/s, ${target.name}`);
      samples.set(target.name, await measurePaced(target, { ...plan.paced, perSecond }, API_KEY));
    }
    paced.push({ perSecond, samples });
  }
  return paced;
}

/** Hearth's memory only: the floors hold nothing that could grow. */
async function memoryOf({ plan, progress }: Bench, targets: readonly Target[]): Promise<Map<TargetName, MemorySample>> {
  const memory = new Map<TargetName, MemorySample>();
  for (const target of targets.filter(({ name }) => name === "hearth")) {
    progress(`memory over ${plan.memoryRequests} requests`);
    const jobs = [chatJob(false, API_KEY), chatJob(true, API_KEY)];
    memory.set(target.name, await measureMemory(target, jobs, plan.memoryRequests));
  }
  return memory;
}

function settingOf(cores: Cores): Setting {
  const all = cpus();
  return {
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    cpu: all[0]?.model ?? "unknown",
    cores: all.length,
    pinned: cores ?? null,
    startedAt: new Date().toISOString(),
  };
}
