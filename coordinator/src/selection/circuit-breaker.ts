import type { ProviderId } from "@hearth/protocol";
import type { Provider } from "../fleet/provider.js";
import { BreakerRecords, type MachineRecords } from "./breaker-records.js";
import { type BreakerSettings, DEFAULT_BREAKER } from "./breaker-settings.js";
import { CapacityRecord } from "./capacity-record.js";
import type { BreakerStanding, FaultRecord, RecordDeps, Stay } from "./fault-record.js";
import type { Health, Probe } from "./health.js";
import type { RecordedOutcome } from "./outcomes.js";
import type { Fault, Verdict } from "./pick-result.js";
import { SharedLosses } from "./shared-losses.js";
import type { Shape, Traits } from "./traits.js";

export interface BreakerHooks {
  /** The breaker of a provider has opened for requests of this shape. */
  opened(shape: Shape): void;
  capacityCooled(): void;
}

export interface BreakerDeps extends Omit<RecordDeps, "settings"> {
  readonly hooks: BreakerHooks;
  /** Read at each use. Default: `DEFAULT_BREAKER`. */
  readonly settings?: () => BreakerSettings;
}

/** One thing that is held against a machine. */
export interface HeldAgainst extends BreakerStanding {
  readonly provider: ProviderId;
  readonly model: string;
  /** `undefined` = requests of every shape. */
  readonly shape: Shape | undefined;
}

/**
 * The breaker: remembers faults per provider × model × shape, and refusals per provider × model. Keys are the
 * machines' stable ids, so that nobody gets rid of a record by reconnecting.
 *
 * It only says what is known of a provider. Which one to use when it advises against all of them is up to the picker.
 */
export class CircuitBreaker implements Health {
  readonly #hooks: BreakerHooks;
  readonly #settings: () => BreakerSettings;
  readonly #records: BreakerRecords;
  readonly #losses: SharedLosses;

  constructor({ hooks, settings = () => DEFAULT_BREAKER, ...deps }: BreakerDeps) {
    this.#hooks = hooks;
    this.#settings = settings;
    this.#records = new BreakerRecords({ ...deps, settings });
    this.#losses = new SharedLosses(settings);
  }

  /** Records, of a machine's model and shape or of its refusals, that are not closed. */
  get open(): number {
    return this.#records.open;
  }

  isSuspect(id: ProviderId): boolean {
    return this.#records.isSuspect(id);
  }

  isOpen(provider: Provider, traits: Traits): boolean {
    const machine = this.#records.machine(provider.id);
    if (machine === undefined || machine.unwell.size === 0) return false;
    return machine.faultOf(traits)?.isOpen(provider) === true || this.#isMachineOpen(machine, provider);
  }

  lastFaultAt(provider: Provider, traits: Traits): number {
    const machine = this.#records.machine(provider.id);
    if (machine === undefined) return Number.NEGATIVE_INFINITY;
    const own = machine.faultOf(traits)?.lastFaultAt ?? Number.NEGATIVE_INFINITY;
    if (!this.#isMachineOpen(machine, provider)) return own;
    return Math.max(own, ...[...machine.unwell].map((record) => record.lastFaultAt));
  }

  probe(provider: Provider, traits: Traits): Probe {
    const machine = this.#records.machine(provider.id);
    const probes = [machine?.faultOf(traits)?.probe(provider), machine?.capacity.get(traits.model)?.probe()];
    if (probes.includes("claimed")) return "claimed";
    return probes.includes("free") ? "free" : "none";
  }

  isCapacityCooled(provider: Provider, model: string): boolean {
    return this.#records.machine(provider.id)?.capacity.get(model)?.isCooled() ?? false;
  }

  lastRefusalAt(provider: Provider, model: string): number {
    return this.#records.machine(provider.id)?.capacity.get(model)?.lastRefusalAt ?? Number.NEGATIVE_INFINITY;
  }

  believesHeadroom(provider: Provider, model: string): boolean {
    return this.#records.machine(provider.id)?.capacity.get(model)?.believes(provider.lastHeartbeatAt) ?? true;
  }

  /**
   * A request is about to run there. Claims the probe if there is one to claim. That may be before its time: when no
   * other provider is left, requests go to those that are open or in a cooldown.
   *
   * @param traits the very object that `judge` and `report` will get for this request: it is recognised by identity
   * @returns whether this request is a probe, which may hedge at once
   */
  claim(provider: Provider, traits: Traits): boolean {
    const machine = this.#records.machine(provider.id);
    const fault = machine?.faultOf(traits)?.claimProbe({ provider, traits });
    const capacity = machine?.capacity.get(traits.model)?.claimProbe(traits);
    return fault === true || capacity === true;
  }

  /**
   * Tells how a request went there.
   *
   * @param observedAt when it was seen, ms: by this a late verdict is placed, not by its arrival
   */
  judge(provider: Provider, traits: Traits, verdict: Verdict, observedAt: number): void {
    const stay = { provider, traits };
    // A verdict says nothing about capacity; `report` has told what there was to tell.
    this.#records.machine(provider.id)?.capacity.get(traits.model)?.release(traits);
    switch (verdict) {
      case "success":
        return this.#tell(stay, (record) => {
          record.succeeded(observedAt, traits);
          return false;
        });
      case "neutral":
      case "refused_alone":
        return this.#release(stay);
      case "late":
        return this.#tell(stay, (record) => record.late(observedAt, stay));
      case "retraction":
      case "false_receipt":
        return this.#tell(stay, (record) => record.retracted(observedAt, stay));
      default:
        return this.#fault(stay, verdict, observedAt);
    }
  }

  /** Tells at once whether a provider had capacity. */
  report(provider: Provider, traits: Traits, sign: "accept" | "refusal", observedAt: number): void {
    switch (sign) {
      case "refusal": {
        this.#release({ provider, traits });
        const record = this.#records.capacity(provider.id, traits);
        if (record.refused(observedAt, traits)) this.#hooks.capacityCooled();
        return this.#records.touched(record);
      }
      case "accept": {
        const record = this.#records.machine(provider.id)?.capacity.get(traits.model);
        if (record === undefined) return;
        record.accepted(observedAt);
        return this.#records.touched(record);
      }
    }
  }

  /**
   * A machine's connection was lost without a goodbye. When most of the fleet loses its connections at once, our own
   * network is to blame: verdicts about these losses, past and future, count against no machine.
   *
   * @param at ms
   * @param connected machines that were connected just before
   */
  connectionLost(id: ProviderId, at: number, connected: number): void {
    for (const each of this.#losses.lost(id, at, connected)) this.#takeBack(each);
  }

  /** What is held against machines now, the longest untouched first. */
  *held(): IterableIterator<HeldAgainst> {
    for (const [record, provider] of this.#records.held()) {
      const { standing, model } = record;
      if (standing === undefined) continue;
      yield { ...standing, provider, model, shape: record instanceof CapacityRecord ? undefined : record.shape };
    }
  }

  /**
   * Holds nothing against a machine any more.
   *
   * @param model for this model alone; absent = for any
   * @returns how many records were forgotten
   */
  clear(id: ProviderId, model?: string): number {
    return this.#records.forget(id, model);
  }

  #fault(stay: Stay, { confirmed, connectionLost }: Fault, at: number): void {
    const outcome: RecordedOutcome = { at, kind: confirmed ? "confirmed" : "unconfirmed" };
    if (!connectionLost) return this.#tell(stay, (record) => record.failed(outcome, stay));
    if (this.#losses.covers(at)) return this.#release(stay);
    const { id, connectedAt } = stay.provider;
    const known = this.#records.machine(id)?.losses.get(connectedAt);
    if (known === undefined) {
      this.#tell(stay, (record) => {
        this.#records.machine(id)?.losses.set(connectedAt, { type: "fault", record, outcome });
        return record.failed(outcome, stay);
      });
      return;
    }
    // A lost connection is one fault, however many requests it carried, and confirmed if one of them was.
    this.#release(stay);
    if (known.type === "fault" && confirmed) {
      this.#openedIf(known.record.confirm(known.outcome), known.record);
      this.#records.touched(known.record);
    }
  }

  #takeBack(id: ProviderId): void {
    const machine = this.#records.machine(id);
    for (const [connectedAt, loss] of [...(machine?.losses.entries() ?? [])]) {
      if (loss.type === "taken_back" || !this.#losses.covers(loss.outcome.at)) continue;
      loss.record.takeBack(loss.outcome);
      machine?.losses.set(connectedAt, { type: "taken_back" });
      this.#records.touched(loss.record);
    }
  }

  #tell({ provider, traits }: Stay, tell: (record: FaultRecord) => boolean): void {
    const record = this.#records.faults(provider.id, traits);
    this.#openedIf(tell(record), record);
    this.#records.touched(record);
  }

  #release({ provider, traits }: Stay): void {
    this.#records.machine(provider.id)?.faultOf(traits)?.release(traits);
  }

  #openedIf(opened: boolean, { shape }: FaultRecord): void {
    if (opened) this.#hooks.opened(shape);
  }

  /** A machine that fails in several ways at once gets no requests of any kind. */
  #isMachineOpen({ unwell }: MachineRecords, provider: Provider): boolean {
    const { openToFenceMachine } = this.#settings();
    if (unwell.size < openToFenceMachine) return false;
    let out = 0;
    for (const record of unwell) {
      if (record.isOpen(provider)) out += 1;
      if (out >= openToFenceMachine) return true;
    }
    return false;
  }
}
