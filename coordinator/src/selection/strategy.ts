import type { Rng } from "@hearth/platform";
import type { Affinity } from "./affinity.js";
import type { Contender } from "./contenders.js";
import type { EvaluationContext } from "./evaluation-context.js";
import type { Exploration } from "./exploration.js";
import { isOtherProgram } from "./gates.js";
import type { PastAttempt } from "./traits.js";

export interface StrategyDeps {
  readonly affinity: Affinity;
  readonly exploration: Exploration;
  readonly rng: Rng;
}

/** The chosen provider, and whether it was chosen to explore it. */
export interface Choice {
  readonly candidate: Contender;
  readonly explores: boolean;
}

/** Chooses among the providers that may serve; `undefined` if there are none. */
export function choose(
  candidates: readonly Contender[],
  context: EvaluationContext,
  deps: StrategyDeps,
): Choice | undefined {
  const left = preferLargerContext(preferAble(preferOthers(candidates, context), context), context);
  const { known, unknown } = byEvidence(left, context);
  if (known.length === 0 || unknown.length === 0) return chosen(left, context, deps);
  // A request that has failed once is not used for exploring.
  if (context.history.size > 0) return chosen(known, context, deps);
  const { exploreOneIn } = context.settings.pick;
  const explored = deps.exploration.next(context.traits.model, unknown, exploreOneIn);
  if (explored.length === 0) return chosen(known, context, deps);
  return { candidate: oneOf(explored, deps.rng), explores: true };
}

/** Among those within a tie of the best: the one that answered the conversation before, else one of the least busy. */
function chosen(
  candidates: readonly Contender[],
  { traits, settings }: EvaluationContext,
  { affinity, rng }: StrategyDeps,
): Choice | undefined {
  const tied = tiedWithBest(candidates, settings.pick.tieMs);
  if (tied.length === 0) return undefined;
  const machine = traits.conversation === undefined ? undefined : affinity.of(traits.conversation);
  const before = machine === undefined ? undefined : tied.find(({ provider }) => provider.id === machine);
  return { candidate: before ?? oneOf(leastBusy(tied), rng), explores: false };
}

function tiedWithBest(candidates: readonly Contender[], tieMs: number): readonly Contender[] {
  let best = Number.POSITIVE_INFINITY;
  for (const { total } of candidates) if (total < best) best = total;
  return candidates.filter(({ total }) => total <= best + tieMs);
}

/** Those with the shortest queue, and of these the ones with the fewest pending requests. */
function leastBusy(candidates: readonly Contender[]): readonly Contender[] {
  let least: Contender[] = [];
  for (const candidate of candidates) {
    const order = least.length === 0 ? -1 : byWork(candidate, least[0] as Contender);
    if (order < 0) least = [candidate];
    else if (order === 0) least.push(candidate);
  }
  return least;
}

function byWork(a: Contender, b: Contender): number {
  return a.queued - b.queued || a.pending - b.pending;
}

function oneOf(candidates: readonly Contender[], rng: Rng): Contender {
  return candidates[Math.floor(rng.next() * candidates.length)] as Contender;
}

/** Those known to have the abilities that are asked for; if there are none, all. */
function preferAble(candidates: readonly Contender[], { traits }: EvaluationContext): readonly Contender[] {
  const { structuredOutput = false, logprobs = false } = traits;
  if (!structuredOutput && !logprobs) return candidates;
  const able = candidates.filter(({ advert }) => {
    const { structured_output: keepsToSchemas, logprobs: tells } = advert?.capabilities ?? {};
    return (!structuredOutput || keepsToSchemas === true) && (!logprobs || tells === true);
  });
  return able.length === 0 ? candidates : able;
}

/** Those that were not tried yet, and of these the ones with another program than those that failed. */
function preferOthers(candidates: readonly Contender[], { history }: EvaluationContext): readonly Contender[] {
  if (history.size === 0) return candidates;
  const untried = candidates.filter(({ provider }) => !history.has(provider.id));
  if (untried.length === 0) return candidates;
  const failed: PastAttempt[] = [...history.values()].filter(({ state }) => state === "failed");
  const others = untried.filter(({ provider, advert }) =>
    failed.every((before) => isOtherProgram(provider, advert, before)),
  );
  return others.length > 0 ? others : untried;
}

/** Those that certainly take the prompt. If there are none, or others have refused it, those with the largest limit. */
function preferLargerContext(
  candidates: readonly Contender[],
  { unlikeEarlier }: EvaluationContext,
): readonly Contender[] {
  if (!unlikeEarlier) {
    if (!candidates.some(({ tight }) => tight)) return candidates;
    const certain = candidates.filter(({ tight }) => !tight);
    if (certain.length > 0) return certain;
  }
  let largest = 0;
  for (const { promptLimit } of candidates) largest = Math.max(largest, promptLimit);
  return candidates.filter(({ promptLimit }) => promptLimit === largest);
}

interface ByEvidence {
  readonly known: readonly Contender[];
  readonly unknown: readonly Contender[];
}

/**
 * Splits the candidates into those with evidence and those without. All count as known under `prefer` when the caller's
 * own machines are among them, and when the only evidence of any machine is of waits in vain: then the score decides.
 */
function byEvidence(candidates: readonly Contender[], { traits, settings }: EvaluationContext): ByEvidence {
  const own = traits.route === "prefer" && candidates.some(({ provider }) => provider.account === traits.account);
  let unknown = 0;
  for (const { byDefault } of candidates) if (byDefault) unknown += 1;
  if (own || unknown === 0) return { known: candidates, unknown: [] };
  if (unknown === candidates.length) return { known: [], unknown: candidates };
  const known = candidates.filter(({ byDefault }) => !byDefault);
  if (known.every(({ censoredMs }) => censoredMs > settings.pick.tieMs)) return { known: candidates, unknown: [] };
  return { known, unknown: candidates.filter(({ byDefault }) => byDefault) };
}
