import type { Clock, Rng } from "@hearth/platform";
import type { HedgeSettings } from "../dispatch/hedge-settings.js";
import { Hedging, type HedgingHooks } from "../dispatch/hedging.js";
import type { OpenAttemptDeps } from "../dispatch/open-attempt.js";
import type { Eligibilities } from "../fleet/heartbeat-news.js";
import type { Provider } from "../fleet/provider.js";
import type { FleetDirectory } from "../fleet/provider-directory.js";
import { Affinity } from "../selection/affinity.js";
import type { BreakerSettings } from "../selection/breaker-settings.js";
import type { Catalog } from "../selection/catalog.js";
import { type BreakerHooks, CircuitBreaker } from "../selection/circuit-breaker.js";
import { EligibilityReader } from "../selection/eligibility.js";
import { Evidence } from "../selection/evidence/evidence.js";
import type { EvidenceSettings } from "../selection/evidence/settings.js";
import { type ExplainedModel, type Explanation, explain, explainMachine, plainTraits } from "../selection/explain.js";
import { Offers } from "../selection/offers.js";
import { createPicker, type Picker, type PickerHooks, type Slots } from "../selection/picker.js";
import type { Reputation } from "../selection/reputation/reputation.js";
import type { SelectionSettings } from "../selection/settings.js";
import type { Traits } from "../selection/traits.js";
import { WaitQueue, type WaitQueueHooks } from "../selection/wait-queue.js";

export interface Selection extends Pick<OpenAttemptDeps, "picker" | "queue" | "hedging" | "evidence"> {
  readonly breaker: CircuitBreaker;
  readonly offers: Offers;
  /** What would be thought of each machine for a request. */
  readonly explain: (traits: Traits) => Explanation;
  /** The slots that a plain request of a stranger could have, used or not. */
  readonly slots: (build: string) => Slots;
  /** What is thought of one machine for plain requests. */
  readonly explainMachine: (provider: Provider) => readonly ExplainedModel[];
  /** The same, in short, for the machines themselves. */
  readonly eligibility: Eligibilities;
  /** A machine's connection broke off: for all that remember it. */
  readonly connectionLost: CircuitBreaker["connectionLost"];
}

export interface SelectionHooks {
  readonly picker: PickerHooks;
  readonly breaker: BreakerHooks;
  readonly queue: WaitQueueHooks;
  readonly hedging: HedgingHooks;
}

export interface SelectionDeps {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly directory: FleetDirectory;
  readonly hooks: SelectionHooks;
  readonly reputation: Reputation;
  /** Stand around the real parts, in tests that watch them. */
  readonly around?: {
    picker(real: Picker): Picker;
    queue(...deps: ConstructorParameters<typeof WaitQueue>): WaitQueue;
  };
  // As the operator has them now: read at each use.
  readonly catalog: () => Catalog;
  readonly settings: () => SelectionSettings;
  readonly breaker: () => BreakerSettings;
  readonly evidence: () => EvidenceSettings;
  readonly hedging: () => HedgeSettings;
}

/** Chooses providers: the picker with its breaker, the queue before it, the hedges beside it. */
export function createSelection(deps: SelectionDeps): Selection {
  const { clock, rng, directory, reputation, catalog, settings, hooks, around } = deps;
  const evidence = new Evidence(clock, deps.evidence, reputation);
  const breaker = new CircuitBreaker({ clock, rng, settings: deps.breaker, hooks: hooks.breaker });
  const chosen = createPicker({
    directory,
    catalog,
    settings,
    breaker,
    expecting: evidence,
    reputation,
    affinity: new Affinity(),
    clock,
    rng,
    hooks: hooks.picker,
  });
  const picker = around?.picker(chosen) ?? chosen;
  const waiting = [picker, clock, hooks.queue, () => settings().queue] as const;
  const queue = around?.queue(...waiting) ?? new WaitQueue(...waiting);
  directory.watch((models) => queue.drain(models?.keys()));
  const hedging = new Hedging({ picker, queue, hooks: hooks.hedging, settings: deps.hedging });
  const evaluation = { directory, catalog, settings, health: breaker, expecting: evidence, clock };
  const offers = new Offers(evaluation);
  const connectionLost: Selection["connectionLost"] = (...loss) => {
    breaker.connectionLost(...loss);
    reputation.connectionLost(...loss);
  };
  return {
    ...{ picker, queue, hedging, breaker, evidence, offers, connectionLost },
    slots: (build) => picker.slots(plainTraits(build, directory.serving(build))),
    explain: (traits) => explain(traits, evaluation),
    explainMachine: (provider) => explainMachine(provider, evaluation),
    eligibility: new EligibilityReader(evaluation),
  };
}
