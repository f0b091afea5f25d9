import { HEALTHY_PLAN } from "./attempt-plans.js";
import { runScenario } from "./run-scenario.js";
import type { AttemptPlan, RequestPlan, Scenario } from "./scenario.js";

/** Runs that shrinking may take. */
const MAX_RUNS = 3_000;

/**
 * The smallest scenario it can find that still breaks the same invariant: leaves out requests, disruptions, habits,
 * providers and steps, as long as the violation stays.
 */
export async function shrink(scenario: Scenario, invariant: string): Promise<Scenario> {
  let smallest = scenario;
  let runs = 0;
  const breaks = async (candidate: Scenario): Promise<boolean> => {
    runs += 1;
    const { violation } = await runScenario(candidate);
    return violation?.invariant === invariant;
  };
  for (let shrunk = true; shrunk && runs < MAX_RUNS; ) {
    shrunk = false;
    for (const candidatesOf of REDUCTIONS) {
      for (let at = 0; runs < MAX_RUNS; ) {
        const candidate = candidatesOf(smallest, at);
        if (candidate === undefined) break;
        if (candidate !== "nothing to leave out" && (await breaks(candidate))) {
          smallest = candidate;
          shrunk = true;
        } else at += 1;
      }
    }
  }
  return smallest;
}

/** The scenario without its n-th part of some kind. `undefined` behind the last one. */
type Reduction = (scenario: Scenario, at: number) => Scenario | "nothing to leave out" | undefined;

const REDUCTIONS: readonly Reduction[] = [
  // Halves first, then ever smaller runs of requests, then single ones.
  (scenario, at) => withoutRun(scenario, at, Math.ceil(scenario.requests.length / 2)),
  (scenario, at) => withoutRun(scenario, at, Math.ceil(scenario.requests.length / 4)),
  (scenario, at) => withoutRun(scenario, at, 1),
  (scenario, at) =>
    eachProvider(scenario, at, (provider) =>
      provider.disruptions.length > 0 ? { ...provider, disruptions: [] } : undefined,
    ),
  (scenario, at) =>
    eachProvider(scenario, at, (provider) => (provider.habit ? { ...provider, habit: undefined } : undefined)),
  (scenario, at) =>
    eachProvider(scenario, at, (provider) => (provider.models.length > 0 ? { ...provider, models: [] } : undefined)),
  (scenario, at) => eachRequest(scenario, at, (request) => simplerConsumer(request)),
  (scenario, at) => eachAttempt(scenario, at, (plan) => (plan === HEALTHY_PLAN ? undefined : HEALTHY_PLAN)),
  (scenario, at) =>
    eachAttempt(scenario, at, (plan) =>
      plan.steps.length > 0 ? { ...plan, steps: plan.steps.slice(0, -1) } : undefined,
    ),
];

function withoutRun(scenario: Scenario, at: number, length: number): ReturnType<Reduction> {
  const { requests } = scenario;
  if (at >= requests.length || requests.length === 1) return undefined;
  return { ...scenario, requests: [...requests.slice(0, at), ...requests.slice(at + length)] };
}

function eachProvider(
  scenario: Scenario,
  at: number,
  change: (provider: Scenario["providers"][number]) => Scenario["providers"][number] | undefined,
): ReturnType<Reduction> {
  const provider = scenario.providers[at];
  if (provider === undefined) return undefined;
  const changed = change(provider);
  if (changed === undefined) return "nothing to leave out";
  return { ...scenario, providers: scenario.providers.with(at, changed) };
}

function eachRequest(
  scenario: Scenario,
  at: number,
  change: (request: RequestPlan) => RequestPlan | undefined,
): ReturnType<Reduction> {
  const request = scenario.requests[at];
  if (request === undefined) return undefined;
  const changed = change(request);
  if (changed === undefined) return "nothing to leave out";
  return { ...scenario, requests: scenario.requests.with(at, changed) };
}

function eachAttempt(
  scenario: Scenario,
  at: number,
  change: (plan: AttemptPlan) => AttemptPlan | undefined,
): ReturnType<Reduction> {
  return eachRequest(scenario, Math.floor(at / 3), (request) => {
    const plan = request.attempts[at % 3];
    const changed = plan && change(plan);
    return changed && { ...request, attempts: request.attempts.with(at % 3, changed) };
  });
}

function simplerConsumer(request: RequestPlan): RequestPlan | undefined {
  const { hangUpAfterMs, shutDownAfterMs, slow } = request.consumer;
  if (hangUpAfterMs === undefined && shutDownAfterMs === undefined && slow === undefined) return undefined;
  return { ...request, consumer: { hangUpAfterMs: undefined, shutDownAfterMs: undefined, slow: undefined } };
}

/** What is left of a scenario, for people. */
export function describeScenario({ seed, providers, requests }: Scenario): string {
  const odd = providers.filter((provider) => provider.habit !== undefined || provider.disruptions.length > 0);
  return JSON.stringify({ seed, requests, providers: odd }, undefined, 1);
}
