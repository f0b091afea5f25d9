import type { Provider } from "../fleet/provider.js";
import type { ProviderDirectory } from "../fleet/provider-directory.js";
import { contextOf, type EvaluationContext, type EvaluationDeps } from "./evaluation-context.js";
import { BIT, type GateSet } from "./gate-set.js";
import { closedGates } from "./gates.js";
import { mayWaitFor } from "./ladder.js";
import { type ModelFacts, Offer } from "./offer.js";
import { Subject } from "./subject.js";
import { NO_ATTEMPTS, type Traits } from "./traits.js";

/** What would happen to a plain request of one caller now: it would be served, wait, or be refused. */
export type Availability = "ready" | "busy" | "unavailable";

/** The availability of a model for one caller. */
export interface ModelOffer extends ModelFacts {
  readonly availability: Availability;
  /** Connected machines that serve it to this caller. */
  readonly providers: number;
  /** Those of them that have it in memory and may serve now or soon. */
  readonly warm: number;
  /** How many requests would be served at once. */
  readonly freeSlots: number;
}

export interface OffersDeps extends EvaluationDeps {
  readonly directory: Pick<ProviderDirectory, "serving">;
}

/** How long an offer is kept before the machines are read again, ms … */
const KEPT_MS = 1_000;
/**
 * … and longer in a large fleet, ms for each pair of machine and model. Reading one takes about 1.2 µs, so a client
 * that asks without end uses a few per cent of a core.
 */
const KEPT_MS_PER_PAIR = 0.05;

/** Length of the answer to a plain request, tokens. */
const PLAIN_ANSWER_TOKENS = 256;

/** Above this many models, and each time their number has doubled, those without machines are removed. */
const TIDY_ABOVE = 1_024;

interface OfModel {
  readonly providers: readonly Provider[];
  readonly readAt: number;
  /** Of machines that everybody may use. */
  readonly everybody: Offer;
  /** Of machines that only their owner may use, by account. */
  readonly own: ReadonlyMap<string, Offer> | undefined;
}

/** What the fleet offers, by the same gates as selection. Each model is read once a second. */
export class Offers {
  readonly #deps: OffersDeps;
  readonly #models = new Map<string, OfModel>();
  #pairs = 0;
  #tidyAbove = TIDY_ABOVE;

  constructor(deps: OffersDeps) {
    this.#deps = deps;
  }

  /** Models that are remembered. */
  get size(): number {
    return this.#models.size;
  }

  /** Pairs of machine and model that `of` would have to read now. */
  toRead(build: string): number {
    const providers = this.#deps.directory.serving(build);
    return this.#isFresh(this.#models.get(build), providers) ? 0 : providers.length;
  }

  /** @param builds the builds of an alias, or the one model */
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

/** A request without any special needs. */
export function plain(
  model: string,
  dialect?: "embeddings",
): { readonly traits: Traits; readonly history: typeof NO_ATTEMPTS } {
  const traits: Traits = {
    ...{ model, dialect, shape: "base", route: "any", allowlist: undefined },
    ...{ account: "", promptTokens: 0, leastPromptTokens: 0, maxTokens: PLAIN_ANSWER_TOKENS },
  };
  return { traits, history: NO_ATTEMPTS };
}

/** Follows the picker: a free provider serves; else one with an open breaker, if there is no other to wait for. */
function availabilityOf(gates: readonly GateSet[]): Availability {
  if (gates.includes(0)) return "ready";
  if (!mayWaitFor(gates)) return "unavailable";
  if (!gates.includes(BIT.error_cooldown)) return "busy";
  return mayWaitFor(gates.filter((each) => (each & BIT.error_cooldown) === 0)) ? "busy" : "ready";
}
