import { BoundedMap } from "@hearth/platform";
import type { ProviderId } from "@hearth/protocol";
import type { Provider } from "../fleet/provider.js";
import { CapacityRecord } from "./capacity-record.js";
import { FaultRecord, type RecordDeps } from "./fault-record.js";
import type { Health, Probe } from "./health.js";
import { DEFAULT_OUTLIER, type OutlierSettings } from "./outlier-policy.js";
import type { Verdict } from "./pick-result.js";
import type { Shape, Traits } from "./traits.js";

export interface OutlierHooks {
  ejected(shape: Shape): void;
  capacityCooled(): void;
}

export interface OutlierDeps extends Omit<RecordDeps, "settings"> {
  readonly hooks: OutlierHooks;
  /** Read at each use. Default: `DEFAULT_OUTLIER`. */
  readonly settings?: () => OutlierSettings;
}

/**
 * The breaker: remembers faults per provider × model × shape, and refusals per provider × model. Keys are the
 * machines' stable ids, so that reconnecting launders nothing.
 *
 * It only says what is known of a provider. Whom to use when nobody is left whom it does not advise against is the
 * picker's to decide.
 */
export class OutlierDetector implements Health {
  readonly #deps: RecordDeps;
  readonly #hooks: OutlierHooks;
  readonly #faults = new BoundedMap<string, FaultRecord>(DEFAULT_OUTLIER.maxRecords);
  readonly #capacity = new BoundedMap<string, CapacityRecord>(DEFAULT_OUTLIER.maxRecords);

  constructor({ hooks, settings = () => DEFAULT_OUTLIER, ...deps }: OutlierDeps) {
    this.#deps = { ...deps, settings };
    this.#hooks = hooks;
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
    return this.#capacity.get(capacityKey(provider.id, model))?.isCooled() ?? false;
  }

  believesHeadroom(provider: Provider, model: string): boolean {
    const record = this.#capacity.get(capacityKey(provider.id, model));
    return record?.believes(provider.lastHeartbeatAt) ?? true;
  }

  /**
   * A request is about to run there. Claims the probe where one is due.
   *
   * @param traits the object that is given to `judge` and `report` for this request: it is known by that
   * @returns whether this is a probe: it may hedge at once
   */
  claim(provider: Provider, traits: Traits): boolean {
    const { model, shape } = traits;
    const now = this.#deps.clock.now();
    const fault = this.#faults.get(faultKey(provider.id, model, shape))?.claimProbe(now, buildOf(provider, model));
    const capacity = this.#capacity.get(capacityKey(provider.id, model))?.claimProbe(traits);
    return fault === true || capacity === true;
  }

  /**
   * Tells how a request went there.
   *
   * @param observedAt when it was seen, ms: a report that comes late is weighed by that, not by its arrival
   */
  judge(provider: Provider, traits: Traits, verdict: Verdict, observedAt: number): void {
    const { model, shape } = traits;
    // Whatever came of it tells nothing about room, or has been told by `report`.
    this.#capacity.get(capacityKey(provider.id, model))?.release(traits);
    switch (verdict) {
      case "retraction":
        this.#faults.get(faultKey(provider.id, model, shape))?.unsaySuccess();
        return this.#fault(provider, model, shape, observedAt);
      case "success":
        this.#faults.get(faultKey(provider.id, model, shape))?.succeeded(observedAt);
        return;
      case "neutral":
        this.#faults.get(faultKey(provider.id, model, shape))?.releaseProbe();
        return;
      default:
        return this.#fault(provider, model, shape, observedAt);
    }
  }

  /** Tells what is known of a provider's room at once. */
  report(provider: Provider, traits: Traits, sign: "accept" | "refusal", observedAt: number): void {
    const { model, shape } = traits;
    switch (sign) {
      case "refusal":
        this.#faults.get(faultKey(provider.id, model, shape))?.releaseProbe();
        return this.#refusal(provider.id, traits, observedAt);
      case "accept":
        this.#capacity.get(capacityKey(provider.id, model))?.accepted(observedAt);
        return;
    }
  }

  #fault(provider: Provider, model: string, shape: Shape, at: number): void {
    const now = this.#deps.clock.now();
    const record = touch(this.#faults, faultKey(provider.id, model, shape), () => new FaultRecord());
    record.failed(at, buildOf(provider, model));
    if (record.openIfDue(now, this.#deps.rng)) this.#hooks.ejected(shape);
  }

  #refusal(id: ProviderId, traits: Traits, at: number): void {
    const record = touch(this.#capacity, capacityKey(id, traits.model), () => new CapacityRecord(this.#deps, traits));
    if (record.refused(at, traits)) this.#hooks.capacityCooled();
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
