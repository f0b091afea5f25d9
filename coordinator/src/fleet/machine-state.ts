import type { Clock } from "@hearth/platform";
import type { HeartbeatFrame, ModelAdvert, RegisterFrame, RuntimeStatusFrame, Slot } from "@hearth/protocol";
import { Places } from "./places.js";
import type { Provider, Vitals } from "./provider.js";
import { type RuntimeRules, RuntimeVerdict } from "./trust/runtime-manifest.js";

/** What of a provider its machine tells, and what we count on it. */
export type Reported = Pick<
  Provider,
  | "models"
  | "slots"
  | "vitals"
  | "lentTo"
  | "lastHeartbeatAt"
  | "runtimeUnverified"
  | "acquire"
  | "inFlight"
  | "load"
  | "tokensAhead"
  | "unreportedTokens"
>;

/** One connected machine as it was last reported, and the places of ours that are taken on it. */
export class MachineState implements Reported {
  readonly #agentVersion: string;
  readonly #newPlaces: () => Places;
  readonly #freed: () => void;
  readonly #runtime = new RuntimeVerdict();
  #models: ReadonlyMap<string, ModelAdvert>;
  #slots: ReadonlyMap<string, Slot>;
  #vitals: Vitals = {};
  #lentTo: Provider["lentTo"];
  #places: Places;

  /**
   * @param frame what it said when it registered
   * @param freed a place of ours was given back
   */
  constructor(frame: RegisterFrame, clock: Clock, freed: () => void) {
    this.#agentVersion = frame.agent.version;
    this.#models = byId(frame.models);
    this.#slots = bySlotModel(frame.slots);
    this.#lentTo = lentTo(frame);
    this.#freed = freed;
    this.#newPlaces = () => new Places(clock, freed);
    this.#places = this.#newPlaces();
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

  get lentTo(): Provider["lentTo"] {
    return this.#lentTo;
  }

  get lastHeartbeatAt(): number {
    return this.#places.reportedAt;
  }

  runtimeUnverified(model: string): boolean {
    return this.#runtime.isUnverified(model);
  }

  acquire(model: string, tokens: number): Disposable {
    return this.#places.acquire(model, tokens);
  }

  inFlight(model: string): number {
    return this.#places.inFlight(model);
  }

  load(model: string): number {
    return this.#places.load(model);
  }

  tokensAhead(model: string): number {
    return this.#places.tokensAhead(model);
  }

  unreportedTokens(model: string): number {
    return this.#places.unreportedTokens(model);
  }

  /** A heartbeat has come. */
  report(frame: HeartbeatFrame): void {
    this.#slots = bySlotModel(frame.slots);
    this.#places.report(frame.slots);
    const { type: _type, slots: _slots, paused: _paused, private_only: _privateOnly, ...vitals } = frame;
    this.#vitals = vitals;
    this.#lentTo = lentTo(frame);
  }

  /** It names these models now, and no others. */
  name(models: readonly ModelAdvert[]): void {
    this.#models = byId(models);
  }

  /**
   * Compares what it runs with the operator's list.
   *
   * @param binaryHash of its program, as it has proved it
   * @returns what it is to be told, when that is another verdict than before
   */
  judgeRuntime(rules: RuntimeRules, binaryHash: string | undefined): Omit<RuntimeStatusFrame, "type"> | undefined {
    return this.#runtime.judge(rules, {
      binaryHash,
      agentVersion: this.#agentVersion,
      models: this.#models.values(),
    });
  }

  /** Takes on the load of an older connection of the same machine, which finishes what runs. */
  succeed(older: MachineState): void {
    this.#places = older.#places;
    this.#places.handOver(this.#freed);
    // What the older one still hears of its slots says nothing any more.
    older.#places = older.#newPlaces();
    this.#places.report([...this.#slots.values()]);
  }
}

function lentTo(frame: Pick<HeartbeatFrame, "paused" | "private_only">): Provider["lentTo"] {
  if (frame.paused === true) return "nobody";
  return frame.private_only === true ? "owner" : "everyone";
}

function byId(models: readonly ModelAdvert[]): ReadonlyMap<string, ModelAdvert> {
  return new Map(models.map((model) => [model.id, model]));
}

function bySlotModel(slots: readonly Slot[]): ReadonlyMap<string, Slot> {
  return new Map(slots.map((slot) => [slot.model, slot]));
}
