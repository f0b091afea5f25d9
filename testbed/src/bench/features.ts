import { pinSelf } from "./cores.js";
import { type FeatureResult, featuresReport } from "./features-report.js";
import { startHearth } from "./hearth.js";
import { chatJob } from "./job.js";
import { type LoadSample, measureLoad } from "./measure-load.js";
import type { Scenario } from "./plan.js";
import { API_KEY, type Bench, warmUp } from "./run.js";
import type { Processes } from "./spawn.js";
import { hearthTarget, startStub, type Target } from "./targets.js";
import { AS_IT_IS, VARIANTS, type Variant } from "./variants.js";

const SCENARIOS: readonly Scenario[] = [false, true].map((stream) => ({ concurrency: 32, stream }));

/** How much is measured. */
const FULL = { rounds: 9, loadMs: 1_500, leastRequests: 500, warmUpRequests: 6_000 };
const QUICK = { rounds: 3, loadMs: 350, leastRequests: 250, warmUpRequests: 1_000 };

/**
 * Measures Hearth with each feature on and off, side by side: every round visits all of them, beginning with another
 * one, so that what the machine does meanwhile hits all alike.
 *
 * @returns a table, as Markdown
 * @throws Error when a program does not start or an answer is broken
 */
export async function benchFeatures(
  { cores, processes, progress, instructions }: Omit<Bench, "plan" | "targets">,
  quick: boolean,
): Promise<string> {
  const plan = quick ? QUICK : FULL;
  pinSelf(cores);
  progress("starting");
  const stubPort = await startStub(processes);
  const results: (FeatureResult & { readonly target: Target })[] = [];
  for (const variant of [AS_IT_IS, ...VARIANTS]) {
    const target = await startVariant(processes, variant, stubPort);
    await warmUp({ plan, progress: () => progress(`warming up, ${variant.name}`) }, [target]);
    results.push({ name: variant.name, target, rounds: SCENARIOS.map((): LoadSample[] => []) });
  }
  for (let round = 0; round < plan.rounds; round += 1) {
    progress(`round ${round + 1} of ${plan.rounds}`);
    for (const [at, { concurrency, stream }] of SCENARIOS.entries()) {
      for (const { target, rounds } of inTurn(results, round)) {
        const load = { concurrency, elapsedMs: plan.loadMs, atLeast: plan.leastRequests, instructions };
        rounds[at]?.push(await measureLoad(target, chatJob(stream, API_KEY), load));
      }
    }
  }
  await processes.stopAll();
  return featuresReport(SCENARIOS, results);
}

/** Starts Hearth in one variant in front of the stub. */
async function startVariant(processes: Processes, variant: Variant, stubPort: number): Promise<Target> {
  const hearth = await startHearth(processes, { stubPort, apiKey: API_KEY, flags: {}, ...variant.settings });
  await variant.prepare?.(hearth.port);
  return hearthTarget(hearth);
}

/** All of them, beginning with another one each round. */
function inTurn<T>(all: readonly T[], round: number): readonly T[] {
  const first = round % all.length;
  return [...all.slice(first), ...all.slice(0, first)];
}
