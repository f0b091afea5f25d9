import type { Provider } from "../fleet/provider.js";
import type { ProviderDirectory } from "../fleet/provider-directory.js";
import { type Evaluation, evaluate, survey } from "./evaluate.js";
import { contextOf, type EvaluationContext, type EvaluationDeps } from "./evaluation-context.js";
import { plain } from "./offers.js";
import { planFor } from "./route-plan.js";
import { chats } from "./subject.js";
import { NO_ATTEMPTS, type Traits } from "./traits.js";

/** One machine for one build of what was asked for. */
export interface ExplainedProvider extends Evaluation {
  /** The build that it would serve. */
  readonly model: string;
  /** Its place among those that could serve now, from 1; `undefined` = a gate is closed. */
  readonly rank: number | undefined;
}

/** What selection thinks of every machine, for one request that is not made. */
export interface Explanation {
  /** The builds that the name stands for, best first. */
  readonly builds: readonly string[];
  /** Those that could serve come first, as they rank, then those that serve the model, then all others. */
  readonly providers: readonly ExplainedProvider[];
  /** Machines that were not looked at, because there are too many. */
  readonly leftOut: number;
}

/** One model of a machine. */
export interface ExplainedModel extends Pick<ExplainedProvider, "model" | "gates" | "total" | "terms" | "rank"> {
  /** How many machines could serve it now. */
  readonly able: number;
  /** The score of the best of them, ms; infinite where there is none. */
  readonly bestTotal: number;
}

export interface ExplainDeps extends EvaluationDeps {
  readonly directory: Pick<ProviderDirectory, "serving" | "providers">;
}

/** Models of one machine that are looked at … */
const MAX_MODELS = 32;
/** … as long as those who serve them are no more than this, all together: about 5 ms. */
const MAX_PAIRS = 4_000;

/** Machines that are looked at for one question at most: about 5 µs each. */
const MAX_EXPLAINED = 2_000;

/**
 * Says what selection would think of each machine now, by the function that it chooses by: all gates that are closed, or
 * the terms of the score. Claims, counts and explores nothing.
 */
export function explain(asked: Traits, deps: ExplainDeps): Explanation {
  const { builds } = planFor(deps.catalog(), asked.model);
  const found: { provider: Provider; context: EvaluationContext }[] = [];
  const seen = new Set<Provider>();
  let leftOut = 0;
  const look = (provider: Provider, context: EvaluationContext): void => {
    seen.add(provider);
    if (found.length < MAX_EXPLAINED) found.push({ provider, context });
    else leftOut += 1;
  };
  const contexts = builds.map((build) => contextFor(build, asked, deps));
  for (const context of contexts) {
    for (const provider of deps.directory.serving(context.traits.model)) look(provider, context);
  }
  const [first] = contexts as [EvaluationContext];
  for (const provider of deps.directory.providers()) if (!seen.has(provider)) look(provider, first);
  return { builds, providers: ranked(found, builds), leftOut };
}

/** What selection thinks of one machine for a plain request of a stranger, for each of its models. */
export function explainMachine(provider: Provider, deps: ExplainDeps): readonly ExplainedModel[] {
  const explained: ExplainedModel[] = [];
  let pairs = 0;
  for (const [model, advert] of provider.models) {
    const serving = deps.directory.serving(model);
    pairs += serving.length;
    if (explained.length >= MAX_MODELS || (explained.length > 0 && pairs > MAX_PAIRS)) break;
    const context = contextOf(plain(model, chats(advert) ? undefined : "embeddings"), deps);
    const { gates, total, terms } = evaluate(provider, context);
    const totals = survey(serving, context).candidates.map((each) => each.total);
    const rank = gates.length > 0 ? undefined : 1 + totals.filter((each) => each < total).length;
    explained.push({ model, gates, total, terms, rank, able: totals.length, bestTotal: Math.min(...totals) });
  }
  return explained;
}

/** A request without any special needs, of somebody without machines. */
export function plainTraits(model: string, serving: readonly Provider[]): Traits {
  return plain(model, embedsOnly(model, serving) ? "embeddings" : undefined).traits;
}

const embedsOnly = (model: string, serving: readonly Provider[]): boolean =>
  serving.length > 0 && serving.every(({ models }) => !chats(models.get(model)));

function contextFor(model: string, asked: Traits, deps: ExplainDeps): EvaluationContext {
  const dialect = embedsOnly(model, deps.directory.serving(model)) ? { dialect: "embeddings" as const } : {};
  const traits: Traits = { ...asked, model, ...dialect };
  return contextOf({ traits, history: NO_ATTEMPTS }, deps);
}

function ranked(
  found: readonly { readonly provider: Provider; readonly context: EvaluationContext }[],
  builds: readonly string[],
): readonly ExplainedProvider[] {
  const all = found.map(({ provider, context }) => ({
    ...evaluate(provider, context),
    model: context.traits.model,
  }));
  const able = all.filter(({ gates }) => gates.length === 0);
  able.sort((a, b) => builds.indexOf(a.model) - builds.indexOf(b.model) || a.total - b.total);
  const stopped = all.filter(({ gates }) => gates.length > 0);
  return [
    ...able.map((each, at) => ({ ...each, rank: at + 1 })),
    ...stopped.map((each) => ({ ...each, rank: undefined })),
  ];
}
