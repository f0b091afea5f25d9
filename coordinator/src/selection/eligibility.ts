import { BoundedMap, type Clock } from "@hearth/platform";
import { type Eligibility, type ModelAdvert, type ProviderId, SCORE_TERMS } from "@hearth/protocol";
import type { Provider } from "../fleet/provider.js";
import type { EvaluationContext } from "./evaluation-context.js";
import {
  type ExplainDeps,
  type ExplainedModel,
  explainMachine,
  type Field,
  fieldOf,
  machineGates,
  plainContext,
} from "./explain.js";
import { chats } from "./subject.js";

/** How long a comparison of all machines of a model is kept, ms, and so much longer for each of them: about 1 µs of work. */
const KEPT_MS = 2_000;
const KEPT_MS_PER_MACHINE = 1;
/** How long a plain request stays the same, ms: what the operator has set, and the time. */
const KEPT_CONTEXT_MS = 500;
/** Comparisons kept at once. */
const MAX_FIELDS = 2_000;
/** What is told of a score at most, ms. */
const MAX_TOLD_MS = 1e9;

export interface EligibilityDeps extends ExplainDeps {
  readonly directory: ExplainDeps["directory"] & { link(id: ProviderId): Provider | undefined };
  readonly clock: Pick<Clock, "now" | "wallTime">;
}

interface KeptField extends Field {
  readonly until: number;
}

/** Explains machines to their owners, thousands a second: each is compared with what its neighbours were a moment ago. */
export class EligibilityReader {
  readonly #deps: EligibilityDeps;
  readonly #contexts = {
    chat: new BoundedMap<string, EvaluationContext>(MAX_FIELDS),
    embeddings: new BoundedMap<string, EvaluationContext>(MAX_FIELDS),
  };
  /** By model and what is asked of it. */
  readonly #fields = new BoundedMap<string, KeptField>(MAX_FIELDS);

  constructor(deps: EligibilityDeps) {
    this.#deps = deps;
  }

  /** The same for as long as no gate opens or closes and the models are the same; `undefined` = the machine is not connected. Cheap. */
  gates(id: ProviderId): string | undefined {
    const provider = this.#deps.directory.link(id);
    return provider && [...machineGates(provider, (model, advert) => this.#context(model, advert))].join();
  }

  /** What its owner is to know of each model. */
  of(id: ProviderId): readonly Eligibility[] {
    const provider = this.#deps.directory.link(id);
    if (provider === undefined) return [];
    return explainMachine(provider, this.#deps, (context) => this.#field(context)).map(eligibilityOf);
  }

  #context(model: string, advert: ModelAdvert): EvaluationContext {
    const now = this.#deps.clock.now();
    const contexts = chats(advert) ? this.#contexts.chat : this.#contexts.embeddings;
    const kept = contexts.get(model);
    if (kept !== undefined && now - kept.now < KEPT_CONTEXT_MS) return kept;
    const context = plainContext(model, advert, this.#deps);
    contexts.set(model, context);
    return context;
  }

  #field(context: EvaluationContext): Field {
    const { model, dialect = "" } = context.traits;
    const key = `${dialect} ${model}`;
    const kept = this.#fields.get(key);
    if (kept !== undefined && context.now < kept.until) return kept;
    const serving = this.#deps.directory.serving(model);
    const until = context.now + KEPT_MS + KEPT_MS_PER_MACHINE * serving.length;
    const field = { ...fieldOf(serving, context), until };
    this.#fields.set(key, field);
    return field;
  }
}

/** As it is told: with the one term that makes the machine dearer than the best. */
export function eligibilityOf({ model, gates, rank, able, total, ...rest }: ExplainedModel): Eligibility {
  if (rank === undefined) return { model, gates: [...gates] };
  const { terms, bestTotal, bestTerms } = rest;
  let [term, excess]: [Eligibility["gates"][number] | undefined, number] = [undefined, 0];
  for (const each of SCORE_TERMS) {
    const more = bestTerms === undefined ? 0 : terms[each] - bestTerms[each];
    if (more > excess) [term, excess] = [each, more];
  }
  const score = { rank, able, total_ms: told(total), best_ms: told(Math.min(bestTotal, total)) };
  return { model, gates: [], score: term === undefined ? score : { ...score, term, term_ms: told(excess) } };
}

const told = (ms: number): number => Math.min(MAX_TOLD_MS, Math.round(ms));
