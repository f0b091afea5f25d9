import type { Rng } from "@hearth/platform";
import type { Affinity } from "./affinity.js";
import type { EvaluationContext } from "./evaluation-context.js";
import type { Exploration } from "./exploration.js";
import { isOtherProgram, promptLimitOf } from "./gates.js";
import type { Candidate } from "./score.js";
import type { TriedProvider } from "./traits.js";

export interface StrategyDeps {
  readonly affinity: Affinity;
  readonly exploration: Exploration;
  readonly rng: Rng;
}

/** Who is to serve, and whether it is somebody new who gets a chance so. */
export interface Choice {
  readonly candidate: Candidate;
  readonly explores: boolean;
}

/** Chooses among those who may serve; `undefined` where there are none. */
export function choose(
  candidates: readonly Candidate[],
  context: EvaluationContext,
  deps: StrategyDeps,
): Choice | undefined {
  const left = preferLargerContext(preferOthers(candidates, context), context);
  const { known, unknown } = byEvidence(left, context);
  if (known.length === 0 || unknown.length === 0) return chosen(left, context, deps);
  // Who has been let down once is not the one to find out with.
  if (context.tried.size > 0) return chosen(known, context, deps);
  const { exploreOneIn } = context.settings.pick;
  const explored = deps.exploration.next(context.traits.model, unknown, exploreOneIn);
  if (explored.length === 0) return chosen(known, context, deps);
  return { candidate: oneOf(explored, deps.rng), explores: true };
}

/** Among those within a tie of the best: who answered the conversation before, else the least busy, by chance. */
function chosen(
  candidates: readonly Candidate[],
  { traits, settings }: EvaluationContext,
  { affinity, rng }: StrategyDeps,
): Choice | undefined {
  const tied = tiedWithBest(candidates, settings.pick.tieMs);
  if (tied.length === 0) return undefined;
  const machine = traits.conversation === undefined ? undefined : affinity.of(traits.conversation);
  const before = machine === undefined ? undefined : tied.find(({ provider }) => provider.id === machine);
  return { candidate: before ?? oneOf(leastBusy(tied), rng), explores: false };
}

function tiedWithBest(candidates: readonly Candidate[], tieMs: number): readonly Candidate[] {
  let best = Number.POSITIVE_INFINITY;
  for (const { total } of candidates) if (total < best) best = total;
  return candidates.filter(({ total }) => total <= best + tieMs);
}

/** Those with the least queue, and of those with the least pending. */
function leastBusy(candidates: readonly Candidate[]): readonly Candidate[] {
  let least: Candidate[] = [];
  for (const candidate of candidates) {
    const order = least.length === 0 ? -1 : byWork(candidate, least[0] as Candidate);
    if (order < 0) least = [candidate];
    else if (order === 0) least.push(candidate);
  }
  return least;
}

function byWork(a: Candidate, b: Candidate): number {
  return (a.slot?.queued ?? 0) - (b.slot?.queued ?? 0) || a.pending - b.pending;
}

function oneOf(candidates: readonly Candidate[], rng: Rng): Candidate {
  return candidates[Math.floor(rng.next() * candidates.length)] as Candidate;
}

/** Those that were not tried, and of those the ones that run another program than those that failed. */
function preferOthers(candidates: readonly Candidate[], { tried }: EvaluationContext): readonly Candidate[] {
  if (tried.size === 0) return candidates;
  const untried = candidates.filter(({ provider }) => !tried.has(provider.id));
  if (untried.length === 0) return candidates;
  const failed: TriedProvider[] = [...tried.values()].filter(({ state }) => state === "failed");
  const others = untried.filter(({ provider, advert }) =>
    failed.every((before) => isOtherProgram(provider, advert, before)),
  );
  return others.length > 0 ? others : untried;
}

/** Those that take the prompt for certain; else, and where others refused it, the ones that take the longest. */
function preferLargerContext(
  candidates: readonly Candidate[],
  { unlikeTried }: EvaluationContext,
): readonly Candidate[] {
  if (!unlikeTried) {
    if (!candidates.some(({ tight }) => tight)) return candidates;
    const certain = candidates.filter(({ tight }) => !tight);
    if (certain.length > 0) return certain;
  }
  let largest = 0;
  for (const candidate of candidates) largest = Math.max(largest, promptLimitOf(candidate));
  return candidates.filter((candidate) => promptLimitOf(candidate) === largest);
}

interface ByEvidence {
  readonly known: readonly Candidate[];
  readonly unknown: readonly Candidate[];
}

/**
 * Under `prefer`, where the caller's own are among them, what these cost less decides, evidence or not; and so it does
 * where all that is known of anybody is that it makes others wait in vain.
 */
function byEvidence(candidates: readonly Candidate[], { traits, settings }: EvaluationContext): ByEvidence {
  const own = traits.route === "prefer" && candidates.some(({ provider }) => provider.account === traits.account);
  let unknown = 0;
  for (const { expectation } of candidates) if (expectation.byDefault) unknown += 1;
  if (own || unknown === 0) return { known: candidates, unknown: [] };
  if (unknown === candidates.length) return { known: [], unknown: candidates };
  const known = candidates.filter(({ expectation }) => !expectation.byDefault);
  const hang = known.every(({ expectation }) => expectation.terms.censored > settings.pick.tieMs);
  if (hang) return { known: candidates, unknown: [] };
  return {
    known,
    unknown: candidates.filter(({ expectation }) => expectation.byDefault),
  };
}
