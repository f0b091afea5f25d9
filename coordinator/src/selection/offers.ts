import type { Provider } from "../fleet/provider.js";
import type { ProviderDirectory } from "../fleet/provider-directory.js";
import { contextOf, type EvaluationContext, type EvaluationDeps } from "./evaluation-context.js";
import { BIT, type GateSet } from "./gate-set.js";
import { closedGates } from "./gates.js";
import { mayWaitFor } from "./ladder.js";
import { type ModelFacts, Offer } from "./offer.js";
import { Subject } from "./subject.js";
import { NOTHING_TRIED, type Traits } from "./traits.js";

/**
 * What would come of a plain request of one caller at this moment: it would be served, it would wait, or it would be
 * refused.
 */
export type Availability = "ready" | "busy" | "unavailable";

/** What there is of a model for one caller. */
export interface ModelOffer extends ModelFacts {
  readonly availability: Availability;
  /** Connected machines that serve it to this caller. */
  readonly providers: number;
  /** Of those, the ones that have it in memory and may serve now or soon. */
  readonly warm: number;
  /** Requests that would be served at once. */
  readonly freeSlots: number;
}

export interface OffersDeps extends EvaluationDeps {
  readonly directory: Pick<ProviderDirectory, "serving">;
}

/** What was read of a model's machines stands for so long, ms … */
const KEPT_MS = 1_000;
/**
 * … and for longer in a large fleet, ms for each pair of machine and model: to read one takes about 1.2 µs, so that
 * whoever asks without end takes some per cent of a core.
 */
const KEPT_MS_PER_PAIR = 0.05;

/** An answer of this many tokens is asked for. */
const PLAIN_ANSWER_TOKENS = 256;

/** With more models than this, and twice as many as the last time, those that nobody serves any more are forgotten. */
const TIDY_ABOVE = 1_024;

interface OfModel {
  readonly providers: readonly Provider[];
  readonly readAt: number;
  /** Of machines that everybody may use. */
  readonly everybody: Offer;
  /** Of machines that only their owner may use, by account. */
  readonly own: ReadonlyMap<string, Offer> | undefined;
}

/** What the fleet offers of its models, by the same gates that a request is chosen by; each model is read once a second. */
export class Offers {
  readonly #deps: OffersDeps;
  readonly #models = new Map<string, OfModel>();
  #pairs = 0;
  #tidyAbove = TIDY_ABOVE;

  constructor(deps: OffersDeps) {
    this.#deps = deps;
  }

  /** Models of which something is remembered. */
  get size(): number {
    return this.#models.size;
  }

  /** Pairs of machine and model that asking for this would read now. */
  toRead(build: string): number {
    const providers = this.#deps.directory.serving(build);
    return this.#isFresh(this.#models.get(build), providers) ? 0 : providers.length;
  }

  /** @param builds those that may stand for one another; who serves none of them offers nothing */
  of(builds: readonly string[], account: string): ModelOffer {
    const parts = builds.flatMap((build) => this.#partsOf(build, account));
    const [first = new Offer()] = parts;
    const sum = parts.length <= 1 ? first : sumOf(parts);
    const { providers, warm, freeSlots, gates } = sum;
    const { contextLength, capabilities, chats, quantizations } = sum.facts;
    const availability = availabilityOf(gates);
    return { contextLength, capabilities, chats, quantizations, providers, warm, freeSlots, availability };
  }

  #partsOf(build: string, account: string): readonly Offer[] {
    const { everybody, own } = this.#read(build);
    const mine = own?.get(account);
    return mine === undefined ? [everybody] : [everybody, mine];
  }

  #read(model: string): OfModel {
    const { directory, clock } = this.#deps;
    const providers = directory.serving(model);
    const before = this.#models.get(model);
    if (before !== undefined && this.#isFresh(before, providers)) return before;
    const read = { providers, readAt: clock.now(), ...readAll(providers, model, this.#deps) };
    this.#pairs += providers.length - (before?.providers.length ?? 0);
    this.#models.set(model, read);
    if (this.#models.size > this.#tidyAbove) this.#forgetGone();
    return read;
  }

  #forgetGone(): void {
    for (const [model, { providers }] of this.#models) {
      if (this.#deps.directory.serving(model).length > 0) continue;
      this.#models.delete(model);
      this.#pairs -= providers.length;
    }
    this.#tidyAbove = Math.max(TIDY_ABOVE, 2 * this.#models.size);
  }

  #isFresh(of: OfModel | undefined, providers: readonly Provider[]): boolean {
    if (of === undefined || of.providers !== providers) return false;
    return this.#deps.clock.now() - of.readAt < KEPT_MS + KEPT_MS_PER_PAIR * this.#pairs;
  }
}

function sumOf(parts: readonly Offer[]): Offer {
  const sum = new Offer();
  for (const part of parts) sum.addAll(part);
  return sum;
}

function readAll(
  providers: readonly Provider[],
  model: string,
  deps: EvaluationDeps,
): Pick<OfModel, "everybody" | "own"> {
  const everybody = new Offer();
  let own: Map<string, Offer> | undefined;
  let [chat, embeddings]: (EvaluationContext | undefined)[] = [];
  for (const provider of providers) {
    const subject = new Subject(provider, model);
    if (subject.chats) chat ??= contextOf(plain(model), deps);
    else embeddings ??= contextOf(plain(model, "embeddings"), deps);
    const context = (subject.chats ? chat : embeddings) as EvaluationContext;
    if (!subject.isPrivate) {
      everybody.add(subject, closedGates(subject, context));
      continue;
    }
    const { account } = provider;
    own ??= new Map();
    const offer = own.get(account) ?? new Offer();
    own.set(account, offer);
    offer.add(subject, closedGates(subject, { ...context, traits: { ...context.traits, account } }));
  }
  return { everybody, own };
}

/** A request that asks for nothing but an answer. */
function plain(
  model: string,
  dialect?: "embeddings",
): { readonly traits: Traits; readonly tried: typeof NOTHING_TRIED } {
  const traits: Traits = {
    ...{ model, dialect, shape: "base", route: "any", allowlist: undefined },
    ...{ account: "", promptTokens: 0, leastPromptTokens: 0, maxTokens: PLAIN_ANSWER_TOKENS },
  };
  return { traits, tried: NOTHING_TRIED };
}

/** As picking goes on: who is well and free serves; else who is out for faults, where nobody well is waited for. */
function availabilityOf(gates: readonly GateSet[]): Availability {
  if (gates.includes(0)) return "ready";
  if (!mayWaitFor(gates)) return "unavailable";
  if (!gates.includes(BIT.error_cooldown)) return "busy";
  return mayWaitFor(gates.filter((each) => (each & BIT.error_cooldown) === 0)) ? "busy" : "ready";
}
