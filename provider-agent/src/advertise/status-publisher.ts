import type { Clock } from "@hearth/platform";
import {
  encodeControl,
  type HeartbeatFrame,
  LIMITS,
  type ModelAdvert,
  modelSchema,
  type RegisterFrame,
  type Slot,
  SUPPORTED_VERSIONS,
  slotSchema,
} from "@hearth/protocol";
import type { ConnectionProofs } from "../attest/connection-proofs.js";
import type { AvailabilityMonitor } from "../availability/availability-monitor.js";
import type { BenchStore } from "../bench/bench-store.js";
import type { AgentConfig } from "../config.js";
import type { Connection } from "../connection/connection.js";
import type { Registered } from "../connection/reconciler.js";
import type { Jobs } from "../jobs/jobs.js";
import { hardwareOf, type MachineFacts } from "../machine/hardware.js";
import type { VitalsMonitor } from "../machine/vitals.js";
import { AGENT_VERSION } from "../version.js";
import type { Advertiser } from "./advertiser.js";

import { Pacer } from "./pacer.js";

/** The largest `register` frame, bytes: the bound before registration, less what the answer to the challenge takes. */
const REGISTER_BYTES: number = LIMITS.preRegistrationBytes - 2 * LIMITS.blobBytes;

/** The shortest time between two `models_update` frames, ms: `LIMITS.modelsUpdatesPerMinute` with a margin. */
export const MODELS_PAUSE_MS = 2_500;
/** The shortest time between two heartbeats that report a change, ms: `LIMITS.heartbeatsPerMinute` with a margin. */
export const HEARTBEAT_PAUSE_MS = 200;

export interface StatusPublisherHooks {
  /** The connection that takes requests now, if there is one. */
  connection(): Connection | undefined;
}

export interface StatusPublisherDeps {
  readonly clock: Clock;
  readonly config: AgentConfig;
  readonly advertiser: Advertiser;
  readonly jobs: Jobs;
  readonly measured: BenchStore;
  readonly facts: MachineFacts;
  readonly vitals: Pick<VitalsMonitor, "current">;
  readonly availability: Pick<AvailabilityMonitor, "heartbeat">;
  readonly proofs: ConnectionProofs;
  readonly hooks: StatusPublisherHooks;
}

/** Publishes to coordinators what this machine is, what it serves and how that stands now. */
export class StatusPublisher implements Disposable {
  readonly #deps: StatusPublisherDeps;
  readonly #modelsPace: Pacer;
  readonly #slotsPace: Pacer;
  /** The models of the last `register`; none where they did not all fit. */
  #registeredModels: readonly ModelAdvert[] = [];
  /** The models as the coordinator knows them: changes that follow too soon are published later. */
  #publishedModels: readonly ModelAdvert[] = [];
  /** The token of the last `register`. */
  #registeredToken: string | undefined;

  constructor(deps: StatusPublisherDeps) {
    this.#deps = deps;
    const { clock, hooks } = deps;
    const beat = (): void => hooks.connection()?.send(this.heartbeat());
    this.#slotsPace = new Pacer(clock, HEARTBEAT_PAUSE_MS, beat);
    const publish = (): void => {
      hooks.connection()?.send({ type: "models_update", models: this.#models() });
      beat();
    };
    this.#modelsPace = new Pacer(clock, MODELS_PAUSE_MS, publish);
  }

  async register(url: string, connection: Connection): Promise<RegisterFrame> {
    const { config, advertiser, facts, availability, proofs } = this.#deps;
    const introduction = await proofs.introduce(connection);
    const { models } = advertiser;
    const bare: RegisterFrame = {
      type: "register",
      versions: { ...SUPPORTED_VERSIONS },
      token: this.#tokenFor(url),
      agent: { name: config.name, version: AGENT_VERSION },
      ...introduction,
      hardware: hardwareOf(facts),
      models: [],
      slots: [],
      ...availability.heartbeat,
    };
    const all = { models: this.#models(), slots: this.#slots() };
    const fitting = countThatFits(all, REGISTER_BYTES - Buffer.byteLength(encodeControl(bare)));
    this.#registeredModels = fitting < models.length ? [] : models;
    return { ...bare, models: all.models.slice(0, fitting), slots: all.slots.slice(0, fitting) };
  }

  /** The hash of a model's weights that the coordinator knows: a receipt may name this one, and no later one. */
  publishedWeightsHash(model: string): string | undefined {
    return this.#publishedModels.find(({ id }) => id === model)?.weights_hash;
  }

  heartbeat(): HeartbeatFrame {
    const { vitals, availability } = this.#deps;
    return { type: "heartbeat", slots: this.#slots(), ...vitals.current, ...availability.heartbeat };
  }

  /** Publishes what changed while the registration was under way. */
  catchUp({ connection }: Registered): void {
    const { advertiser, proofs } = this.#deps;
    if (advertiser.models !== this.#registeredModels) {
      connection.send({ type: "models_update", models: this.#models() });
    }
    proofs.announce(connection);
  }

  /** Publishes a change at once, and those that follow too soon together: within what the protocol allows. */
  changed(what: "models" | "slots"): void {
    (what === "models" ? this.#modelsPace : this.#slotsPace).changed();
  }

  [Symbol.dispose](): void {
    this.#modelsPace[Symbol.dispose]();
    this.#slotsPace[Symbol.dispose]();
  }

  /** The models to publish now; from here on they are the published ones. */
  #models(): ModelAdvert[] {
    this.#publishedModels = this.#deps.advertiser.models;
    return this.#publishedModels.map(encodableModel);
  }

  /** Whether the token on disk is another one than that of the last registration. */
  hasNewToken(url: string): boolean {
    try {
      return this.#registeredToken !== undefined && this.#deps.config.tokenFor(url) !== this.#registeredToken;
    } catch {
      // A token that cannot be read is not a new one.
      return false;
    }
  }

  #tokenFor(url: string): string {
    this.#registeredToken = this.#deps.config.tokenFor(url);
    return this.#registeredToken;
  }

  #slots(): Slot[] {
    return this.#deps.advertiser.slots().map((slot) => encodableSlot({ ...this.#rates(slot.model), ...slot }));
  }

  /** Rates observed in requests replace those of the benchmark; what the backend itself reports replaces both. */
  #rates(id: string): Pick<Slot, "decode_tps" | "prefill_tps"> {
    const { advertiser, jobs, measured } = this.#deps;
    const model = advertiser.models.find((each) => each.id === id) ?? { id };
    const { decodeTps, prefillTps } = { ...measured.ratesOf(model), ...jobs.statistics.rates(id) };
    return {
      ...(decodeTps === undefined ? {} : { decode_tps: decodeTps }),
      ...(prefillTps === undefined ? {} : { prefill_tps: prefillTps }),
    };
  }
}

/** How many models fit a frame with their slots; a `models_update` carries the others. */
function countThatFits({ models, slots }: Pick<RegisterFrame, "models" | "slots">, bytes: number): number {
  let left = bytes;
  for (const [index, model] of models.entries()) {
    left -= Buffer.byteLength(JSON.stringify([model, slots[index]]));
    if (left < 0) return index;
  }
  return models.length;
}

// A coordinator closes the connection over a single figure that the protocol does not allow, and would do so after each
// reconnect. Backends report whatever they like, so members that do not validate are left out.

type Shape = Readonly<Record<string, { safeParse(value: unknown): { readonly success: boolean } }>>;

/** A model without the members that the protocol cannot carry. */
function encodableModel(model: ModelAdvert): ModelAdvert {
  return within(modelSchema.shape, model);
}

/** A slot without the members that the protocol cannot carry; its counts are required, so those are clamped. */
function encodableSlot(slot: Slot): Slot {
  return within(slotSchema.shape, { ...slot, running: countOf(slot.running), queued: countOf(slot.queued) });
}

function within<T extends object>(shape: Shape, value: T): T {
  const known = Object.entries(value).filter(([key, each]) => shape[key]?.safeParse(each).success === true);
  return Object.fromEntries(known) as T;
}

function countOf(value: number): number {
  return Number.isNaN(value) ? 0 : Math.round(Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, value)));
}
