import type { Clock } from "@hearth/platform";
import type { HeartbeatFrame, ModelAdvert, RegisterFrame, RuntimeStatusFrame, Slot } from "@hearth/protocol";
import { LeasedSlots } from "./leased-slots.js";
import type { Provider, Vitals } from "./provider.js";
import { type RuntimeRules, RuntimeVerdict } from "./trust/runtime-manifest.js";

/** The part of a provider that its machine reports, or that we count ourselves. */
export type Reported = Pick<
  Provider,
  | "models"
  | "slots"
  | "vitals"
  | "availableTo"
  | "lastHeartbeatAt"
  | "runtimeUnverified"
  | "acquire"
  | "inFlight"
  | "load"
  | "tokensAhead"
  | "unreportedTokens"
>;

/** One connected machine as it last reported itself, and our leases of its slots. */
export class MachineState implements Reported {
  readonly #agentVersion: string;
  readonly #newLeased: () => LeasedSlots;
  readonly #freed: () => void;
  readonly #runtime = new RuntimeVerdict();
  #models: ReadonlyMap<string, ModelAdvert>;
  #slots: ReadonlyMap<string, Slot>;
  #vitals: Vitals = {};
  #availableTo: Provider["availableTo"];
  #leased: LeasedSlots;

  /**
   * @param frame what it said when it registered
   * @param freed called when one of our leases ends
   */
  constructor(frame: RegisterFrame, clock: Clock, freed: () => void) {
    this.#agentVersion = frame.agent.version;
    this.#models = byId(frame.models);
    this.#slots = bySlotModel(frame.slots);
    this.#availableTo = availableTo(frame);
    this.#freed = freed;
    this.#newLeased = () => new LeasedSlots(clock, freed);
    this.#leased = this.#newLeased();
  }

  get models(): ReadonlyMap<string, ModelAdvert> {
    return this.#models;
  }

  get slots(): ReadonlyMap<string, Slot> {
    return this.#slots;
  }

  get vitals(): Vitals {
    return this.#vitals;
  }

  get availableTo(): Provider["availableTo"] {
    return this.#availableTo;
  }

  get lastHeartbeatAt(): number {
    return this.#leased.reportedAt;
  }

  runtimeUnverified(model: string): boolean {
    return this.#runtime.isUnverified(model);
  }

  acquire(model: string, tokens: number): Disposable {
    return this.#leased.acquire(model, tokens);
  }

  inFlight(model: string): number {
    return this.#leased.inFlight(model);
  }

  load(model: string): number {
    return this.#leased.load(model);
  }

  tokensAhead(model: string): number {
    return this.#leased.tokensAhead(model);
  }

  unreportedTokens(model: string): number {
    return this.#leased.unreportedTokens(model);
  }

  /** A heartbeat has come. */
  report(frame: HeartbeatFrame): void {
    this.#slots = bySlotModel(frame.slots);
    this.#leased.report(frame.slots);
    const { type: _type, slots: _slots, paused: _paused, private_only: _privateOnly, ...vitals } = frame;
    this.#vitals = vitals;
    this.#availableTo = availableTo(frame);
  }

  /** The machine has announced its models anew. */
  name(models: readonly ModelAdvert[]): void {
    this.#models = byId(models);
  }

  /**
   * Compares what the machine runs with the operator's list.
   *
   * @param binaryHash of its program, proved by attestation
   * @returns the verdict, to be told to the machine, if it has changed
   */
  judgeRuntime(rules: RuntimeRules, binaryHash: string | undefined): Omit<RuntimeStatusFrame, "type"> | undefined {
    return this.#runtime.judge(rules, {
      binaryHash,
      agentVersion: this.#agentVersion,
      models: this.#models.values(),
    });
  }

  /** Takes over the load of an older connection of the same machine, which finishes what runs. */
  succeed(older: MachineState): void {
    this.#leased = older.#leased;
    this.#leased.handOver(this.#freed);
    // Later reports to the older connection must not change the load that is counted here.
    older.#leased = older.#newLeased();
    this.#leased.report([...this.#slots.values()]);
  }
}

function availableTo(frame: Pick<HeartbeatFrame, "paused" | "private_only">): Provider["availableTo"] {
  if (frame.paused === true) return "nobody";
  return frame.private_only === true ? "owner" : "everyone";
}

function byId(models: readonly ModelAdvert[]): ReadonlyMap<string, ModelAdvert> {
  return new Map(models.map((model) => [model.id, model]));
}

function bySlotModel(slots: readonly Slot[]): ReadonlyMap<string, Slot> {
  return new Map(slots.map((slot) => [slot.model, slot]));
}
