import type { Clock, Rng } from "@hearth/platform";
import type { Gate, ProviderId } from "@hearth/protocol";
import type { ProviderDirectory } from "../fleet/provider-directory.js";
import type { Looked } from "../fleet/work-tally.js";
import { HearthError } from "../platform/errors.js";
import type { Affinity } from "./affinity.js";
import type { Catalog } from "./catalog.js";
import { type Contender, contendersOf } from "./contenders.js";
import { type Survey, survey } from "./evaluate.js";
import { contextOf, type EvaluationContext } from "./evaluation-context.js";
import type { Expecting } from "./expecting.js";
import { Exploration } from "./exploration.js";
import { BIT, firstOf, type GateSet } from "./gate-set.js";
import { closedGates } from "./gates.js";
import { SOON, whyNobody } from "./ladder.js";
import { type Breaker, takeLease } from "./lease.js";
import type { Picked, PickResult } from "./pick-result.js";
import type { Reputation } from "./reputation/reputation.js";
import { score, termsOf } from "./score.js";
import type { Score } from "./score-terms.js";
import type { SelectionSettings } from "./settings.js";
import { choose } from "./strategy.js";
import { NO_ATTEMPTS, type Search, type Traits } from "./traits.js";

export interface Picker {
  /** Chooses synchronously among the providers as they are known now, and leases a slot of the chosen one. */
  pick(search: Search, look?: Look): PickResult;
  /** The slots of all providers that could serve this if they were free. */
  slots(traits: Traits): Slots;
}

export interface Slots {
  readonly used: number;
  readonly all: number;
}

/** Whether this is a request's first search, or another one because no slot was free. Default `first`. */
export type Look = "first" | "again";

export interface PickerHooks {
  /** A first search, or a later one that found a provider. Other later searches are only polling, and are not told. */
  looked(look: Looked): void;
  decided(provider: ProviderId, score: Score): void;
  /** The breakers of all providers are open, so the one that failed longest ago serves. */
  servedAlthoughOpen(): void;
}

export interface PickerDeps {
  readonly directory: Pick<ProviderDirectory, "serving">;
  /** As the operator has it now. */
  readonly catalog: () => Catalog;
  readonly settings: () => SelectionSettings;
  readonly breaker: Breaker;
  readonly expecting: Expecting;
  readonly reputation: Pick<Reputation, "judged">;
  readonly affinity: Affinity;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly hooks: PickerHooks;
}

/** Evaluate → choose → lease. */
export function createPicker(deps: PickerDeps): Picker {
  return new EvaluatingPicker(deps);
}

/** The gates that are closed only for want of a free slot. */
const ROOM: GateSet = BIT.no_headroom | BIT.capacity_cooldown;

class EvaluatingPicker implements Picker {
  readonly #deps: PickerDeps;
  readonly #exploration = new Exploration();

  constructor(deps: PickerDeps) {
    this.#deps = deps;
  }

  pick(search: Search, look: Look = "first"): PickResult {
    const { directory, hooks, affinity, rng } = this.#deps;
    const context = this.#contextOf(search);
    if (context.now >= (search.expectedBefore ?? Number.POSITIVE_INFINITY)) return tooLate();
    const found = survey(directory.serving(search.traits.model), context);
    const candidates = inTime(found.candidates, search, context);
    const choice = choose(candidates, context, { affinity, rng, exploration: this.#exploration });
    const isFirst = look === "first";
    if (isFirst || choice !== undefined) {
      const winner = choice?.candidate.provider.id;
      hooks.looked({ model: search.traits.model, isFirst, winner, rejected: byFirstGate(found.rejected) });
    }
    if (choice === undefined) return this.#pickForWant(found, search, context);
    return this.#take(choice.candidate, context, { explores: choice.explores, probes: false });
  }

  slots(traits: Traits): Slots {
    const context = this.#contextOf({ traits, history: NO_ATTEMPTS });
    let [used, all] = [0, 0];
    for (const contender of contendersOf(this.#deps.directory.serving(traits.model), context)) {
      const gates = closedGates(contender, context);
      if ((gates & ~ROOM) !== 0) continue;
      const { concurrency, load } = contender;
      all += concurrency;
      // A provider that has no capacity counts as fully used, whatever its slots say.
      used += gates === 0 ? load : concurrency;
    }
    return { used, all };
  }

  #contextOf(search: Search): EvaluationContext {
    const { catalog, settings, breaker, expecting, clock } = this.#deps;
    return contextOf(search, { catalog, settings, health: breaker, expecting, clock });
  }

  /**
   * No provider is well, free and in time. If all are unwell, those with an open breaker serve, and those in a capacity
   * cooldown are tried by one request at a time. If some are only busy, an idle one with an open breaker may be probed
   * early rather than let the request wait.
   */
  #pickForWant({ candidates, rejected }: Survey, search: Search, context: EvaluationContext): PickResult {
    // A provider that is free but too slow now may have less to do before this request is late.
    const why: NotPicked = candidates.length > 0 ? { type: "queue" } : whyNobody(rejected, context);
    if (why.type === "unavailable" && why.error.code !== "providers_cooling") return why;
    const nobodyLeft = candidates.length === 0 && !rejected.some(isWell);
    const usable = rejected.filter((each) =>
      nobodyLeft ? this.#mayServeLast(each, context) : isOnlyOpen(each) && this.#mayProbe(each, context),
    );
    for (const each of usable) score(each, context);
    const [first, ...others] = inTime(usable, search, context);
    if (first === undefined) return why;
    const chosen = others.reduce((least, each) => (this.#isSooner(each, least, context) ? each : least), first);
    if (nobodyLeft && isOpen(chosen)) this.#deps.hooks.servedAlthoughOpen();
    return this.#take(chosen, context, { explores: false, probes: !nobodyLeft });
  }

  /** During a capacity cooldown one request at a time is enough: more would only be refused too. */
  #mayServeLast(contender: Contender, { traits }: EvaluationContext): boolean {
    if (isOnlyOpen(contender)) return true;
    return isOnlyCooling(contender) && this.#deps.breaker.probe(contender.provider, traits) !== "claimed";
  }

  #mayProbe({ provider, load }: Contender, { traits, now, settings }: EvaluationContext): boolean {
    const { breaker } = this.#deps;
    if (load > 0 || breaker.probe(provider, traits) === "claimed") return false;
    return now - breaker.lastFaultAt(provider, traits) >= settings.pick.earlyProbeAfterMs;
  }

  /** An open breaker is preferred to a capacity cooldown; among equals, the one whose last failure is longest ago. */
  #isSooner(one: Contender, other: Contender, { traits }: EvaluationContext): boolean {
    const { breaker } = this.#deps;
    if (isCooled(one) !== isCooled(other)) return isCooled(other);
    const lastAt = ({ provider }: Contender): number =>
      isCooled(one) ? breaker.lastRefusalAt(provider, traits.model) : breaker.lastFaultAt(provider, traits);
    return lastAt(one) < lastAt(other);
  }

  #take(
    candidate: Contender,
    context: EvaluationContext,
    { explores, probes }: { readonly explores: boolean; readonly probes: boolean },
  ): Picked {
    const { provider, total } = candidate;
    const { traits, answerTokens, expecting } = context;
    const expectation = expecting.expect(provider, traits);
    const score = { total, terms: termsOf(candidate, expectation.terms, context) };
    this.#deps.hooks.decided(provider.id, score);
    const exploring = explores ? this.#exploration.begin(provider.account) : undefined;
    const tokens = traits.promptTokens + answerTokens;
    const lease = takeLease(this.#deps, { provider, traits, tokens, probes, exploring });
    return { type: "picked", provider: provider.id, lease, expectation, score, hedgeAtOnce: explores || lease.probe };
  }
}

type NotPicked = Exclude<PickResult, { type: "picked" }>;

const tooLate = (): NotPicked => ({
  type: "unavailable",
  error: new HearthError("no_capacity", "Nobody is expected to begin in time.", { retryAfterSeconds: 2 }),
});

/** Rejected providers by the first gate against each, as which the rejection is counted. */
function byFirstGate(rejected: readonly Contender[]): ReadonlyMap<Gate, readonly ProviderId[]> {
  const byGate = new Map<Gate, ProviderId[]>();
  for (const { provider, gates } of rejected) {
    const gate = firstOf(gates) as Gate;
    const providers = byGate.get(gate);
    if (providers === undefined) byGate.set(gate, [provider.id]);
    else providers.push(provider.id);
  }
  return byGate;
}

/** The candidates whose first content is expected in time. */
function inTime(
  candidates: readonly Contender[],
  { expectedBefore }: Search,
  { now }: EvaluationContext,
): readonly Contender[] {
  if (expectedBefore === undefined) return candidates;
  return candidates.filter(({ expectedMs }) => now + expectedMs < expectedBefore);
}

const isOpen = ({ gates }: Contender): boolean => (gates & BIT.error_cooldown) !== 0;
const isOnlyOpen = ({ gates }: Contender): boolean => gates === BIT.error_cooldown;

const isCooled = ({ gates }: Contender): boolean => (gates & BIT.capacity_cooldown) !== 0;
/** Only an open breaker or a capacity cooldown is against it. */
const isOnlyCooling = ({ gates }: Contender): boolean =>
  gates !== 0 && (gates & ~(BIT.error_cooldown | BIT.capacity_cooldown)) === 0;

/** Nothing is wrong with it: it only lacks a free slot. */
const isWell = ({ gates }: Contender): boolean => (gates & ~SOON) === 0;
