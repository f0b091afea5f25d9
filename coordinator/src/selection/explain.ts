import type { ModelAdvert } from "@hearth/protocol";
import type { Provider } from "../fleet/provider.js";
import type { ProviderDirectory } from "../fleet/provider-directory.js";
import { buildsOf, isSwitchedOff } from "./catalog.js";
import { type Evaluation, evaluate, survey } from "./evaluate.js";
import { contextOf, type EvaluationContext, type EvaluationDeps } from "./evaluation-context.js";
import type { GateSet } from "./gate-set.js";
import { closedGates } from "./gates.js";
import { plain } from "./offers.js";
import type { ScoreTerms } from "./score-terms.js";
import { chats, Subject } from "./subject.js";
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
  /** Its terms. */
  readonly bestTerms: ScoreTerms | undefined;
}

/** The machines that could serve a model now. */
export interface Field {
  /** Their scores, ms, the best first. */
  readonly totals: Float64Array;
  readonly bestTerms: ScoreTerms | undefined;
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
  const catalog = deps.catalog();
  const builds = buildsOf(catalog, asked.model);
  const isOff = isSwitchedOff(catalog, asked.model);
  const found: { provider: Provider; context: EvaluationContext }[] = [];
  const seen = new Set<Provider>();
  let leftOut = 0;
  const look = (provider: Provider, context: EvaluationContext): void => {
    seen.add(provider);
    if (found.length < MAX_EXPLAINED) found.push({ provider, context });
    else leftOut += 1;
  };
  const contexts = builds.map((build) => {
    const context = contextFor(build, asked, deps);
    // An alias may be, and its builds not.
    return isOff ? { ...context, isSwitchedOff: true, isParticular: true } : context;
  });
  for (const context of contexts) {
    for (const provider of deps.directory.serving(context.traits.model)) look(provider, context);
  }
  const [first] = contexts as [EvaluationContext];
  for (const provider of deps.directory.providers()) if (!seen.has(provider)) look(provider, first);
  return { builds, providers: ranked(found, builds), leftOut };
}

/**
 * What selection thinks of one machine for a plain request of a stranger, for each of its models.
 *
 * @param fields who is compared with, where that is known already
 */
export function explainMachine(
  provider: Provider,
  deps: ExplainDeps,
  fields?: (context: EvaluationContext) => Field,
): readonly ExplainedModel[] {
  const explained: ExplainedModel[] = [];
  let pairs = 0;
  for (const [model, advert] of provider.models) {
    const serving = deps.directory.serving(model);
    pairs += serving.length;
    const isTooMuch = fields === undefined && explained.length > 0 && pairs > MAX_PAIRS;
    if (explained.length >= MAX_MODELS || isTooMuch) break;
    const context = plainContext(model, advert, deps);
    const { gates, total, terms } = evaluate(provider, context);
    const { totals, bestTerms } = fields?.(context) ?? fieldOf(serving, context);
    const rank = gates.length > 0 ? undefined : 1 + better(totals, total);
    const able = Math.max(totals.length, rank ?? 0);
    explained.push({
      model,
      gates,
      total,
      terms,
      rank,
      able,
      bestTotal: totals[0] ?? Number.POSITIVE_INFINITY,
      bestTerms,
    });
  }
  return explained;
}

/**
 * The gates against one machine for a plain request of a stranger, for as many of its models as are explained.
 *
 * @param contextFor for one of its models
 */
export function machineGates(
  provider: Provider,
  contextFor: (model: string, advert: ModelAdvert) => EvaluationContext,
): ReadonlyMap<string, GateSet> {
  const found = new Map<string, GateSet>();
  for (const [model, advert] of provider.models) {
    if (found.size >= MAX_MODELS) break;
    found.set(model, closedGates(new Subject(provider, model), contextFor(model, advert)));
  }
  return found;
}

/** A plain request of a stranger for a model, as its advert says what it can be asked. */
export const plainContext = (model: string, advert: ModelAdvert, deps: EvaluationDeps): EvaluationContext =>
  contextOf(plain(model, chats(advert) ? undefined : "embeddings"), deps);

/** Compares all machines of a model. */
export function fieldOf(serving: readonly Provider[], context: EvaluationContext): Field {
  const { candidates } = survey(serving, context);
  const [first] = candidates;
  if (first === undefined) return { totals: new Float64Array(), bestTerms: undefined };
  const best = candidates.reduce((a, b) => (b.total < a.total ? b : a), first);
  const totals = Float64Array.from(candidates, ({ total }) => total).sort();
  return { totals, bestTerms: evaluate(best.provider, context).terms };
}

/** How many are less than this; they are sorted. */
function better(totals: Float64Array, total: number): number {
  let [from, to] = [0, totals.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if ((totals[middle] ?? 0) < total) from = middle + 1;
    else to = middle;
  }
  return from;
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
