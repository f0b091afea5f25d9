import { BoundedMap, type Clock, type Rng } from "@hearth/platform";
import type { ProviderId } from "@hearth/protocol";
import type { Provider } from "../fleet/provider.js";
import { CapacityRecord } from "./capacity-record.js";
import { FaultRecord } from "./fault-record.js";
import type { Health, Probe } from "./health.js";
import { DEFAULT_OUTLIER } from "./outlier-policy.js";
import type { Verdict } from "./pick-result.js";
import type { Shape, Traits } from "./traits.js";

export interface OutlierHooks {
  ejected(shape: Shape): void;
  capacityCooled(): void;
}

export interface OutlierDeps {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly hooks: OutlierHooks;
}

/**
 * The breaker: remembers faults per provider × model × shape, and refusals per provider × model. Keys are the
 * machines' stable ids, so that reconnecting launders nothing.
 *
 * It only says what is known of a provider. Whom to use when nobody is left whom it does not advise against is the
 * picker's to decide.
 */
export class OutlierDetector implements Health {
  readonly #deps: OutlierDeps;
  readonly #faults = new BoundedMap<string, FaultRecord>(DEFAULT_OUTLIER.maxRecords);
  readonly #capacity = new BoundedMap<string, CapacityRecord>(DEFAULT_OUTLIER.maxRecords);

  constructor(deps: OutlierDeps) {
    this.#deps = deps;
  }

  isEjected(provider: Provider, { model, shape }: Traits): boolean {
    const now = this.#deps.clock.now();
    const record = this.#faults.get(faultKey(provider.id, model, shape));
    return record?.isOut(now, buildOf(provider, model)) === true;
  }

  lastFaultAt(provider: Provider, { model, shape }: Traits): number {
    return this.#faults.get(faultKey(provider.id, model, shape))?.lastFaultAt ?? Number.NEGATIVE_INFINITY;
  }

  probe(provider: Provider, { model, shape }: Traits): Probe {
    const record = this.#faults.get(faultKey(provider.id, model, shape));
    return record?.probe(this.#deps.clock.now(), buildOf(provider, model)) ?? "none";
  }

  isCapacityCooled(provider: Provider, model: string): boolean {
    return this.#capacity.get(capacityKey(provider.id, model))?.isCooled(this.#deps.clock.now()) ?? false;
  }

  believesHeadroom(provider: Provider, model: string): boolean {
    const record = this.#capacity.get(capacityKey(provider.id, model));
    return record?.believes(provider.lastHeartbeatAt, this.#deps.clock.now()) ?? true;
  }

  /**
   * A request is about to run there. Claims the probe where one is due.
   *
   * @returns whether this is a probe: it may hedge at once
   */
  claim(provider: Provider, { model, shape }: Traits): boolean {
    const now = this.#deps.clock.now();
    const fault = this.#faults.get(faultKey(provider.id, model, shape))?.claimProbe(now, buildOf(provider, model));
    const capacity = this.#capacity.get(capacityKey(provider.id, model))?.claimProbe(now);
    return fault === true || capacity === true;
  }

  /**
   * Tells how a request went there.
   *
   * @param observedAt when it was seen, ms: a report that comes late is weighed by that, not by its arrival
   */
  judge(provider: Provider, { model, shape }: Traits, verdict: Verdict, observedAt: number): void {
    switch (verdict) {
      case "retraction":
        this.#faults.get(faultKey(provider.id, model, shape))?.unsaySuccess();
        return this.#fault(provider, model, shape, observedAt);
      case "success":
        this.#faults.get(faultKey(provider.id, model, shape))?.succeeded(observedAt);
        return;
      case "neutral":
        this.#faults.get(faultKey(provider.id, model, shape))?.releaseProbe();
        this.#capacity.get(capacityKey(provider.id, model))?.releaseProbe();
        return;
      default:
        return this.#fault(provider, model, shape, observedAt);
    }
  }

  /** Tells what is known of a provider's room at once. */
  report(provider: Provider, { model, shape }: Traits, sign: "accept" | "refusal", observedAt: number): void {
    switch (sign) {
      case "refusal":
        this.#faults.get(faultKey(provider.id, model, shape))?.releaseProbe();
        return this.#refusal(provider.id, model, observedAt);
      case "accept":
        this.#capacity.get(capacityKey(provider.id, model))?.accepted();
        return;
    }
  }

  #fault(provider: Provider, model: string, shape: Shape, at: number): void {
    const now = this.#deps.clock.now();
    const record = touch(this.#faults, faultKey(provider.id, model, shape), () => new FaultRecord());
    record.failed(at, buildOf(provider, model));
    // A fault tells nothing about room: whether there is any is for the next request to find out.
    this.#capacity.get(capacityKey(provider.id, model))?.releaseProbe();
    if (record.openIfDue(now, this.#deps.rng)) this.#deps.hooks.ejected(shape);
  }

  #refusal(id: ProviderId, model: string, at: number): void {
    const record = touch(this.#capacity, capacityKey(id, model), () => new CapacityRecord());
    if (record.refused(at, this.#deps.clock.now())) this.#deps.hooks.capacityCooled();
  }
}

const faultKey = (id: ProviderId, model: string, shape: Shape): string => `${id}\n${model}\n${shape}`;
const capacityKey = (id: ProviderId, model: string): string => `${id}\n${model}`;

/** What must change for a reconnect to earn a probe: the agent's binary or the model's weights. */
function buildOf(provider: Provider, model: string): string {
  return `${provider.agentVersion}\n${provider.models.get(model)?.weights_hash ?? ""}`;
}

/** Gets or makes a record and moves it to the young end. */
function touch<R>(records: BoundedMap<string, R>, key: string, make: () => R): R {
  const record = records.get(key) ?? make();
  records.set(key, record);
  return record;
}
