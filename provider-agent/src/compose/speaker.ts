import type { Clock } from "@hearth/platform";
import {
  encodeControl,
  type HeartbeatFrame,
  LIMITS,
  type ModelAdvert,
  type RegisterFrame,
  type Slot,
  SUPPORTED_VERSIONS,
} from "@hearth/protocol";
import type { Advertiser } from "../advertiser.js";
import type { ConnectionProofs } from "../attest/connection-proofs.js";
import type { BenchStore } from "../bench/bench-store.js";
import type { AgentConfig } from "../config.js";
import type { Connection } from "../connection/connection.js";
import type { Registered } from "../connection/reconciler.js";
import type { Jobs } from "../jobs/jobs.js";
import { hardwareOf } from "../machine/hardware.js";
import { AGENT_VERSION } from "../version.js";
import type { Machine } from "./create-machine.js";
import { Paced } from "./paced.js";
import { tellableModel, tellableSlot } from "./tellable.js";

/** What a machine may say before it is registered, less what its answer to the challenge takes, bytes. */
const REGISTER_BYTES: number = LIMITS.preRegistrationBytes - 2 * LIMITS.blobBytes;

/** Between two `models_update` frames at least, ms: `LIMITS.modelsUpdatesPerMinute` with a margin. */
export const MODELS_PAUSE_MS = 2_500;
/** Between two heartbeats that tell of a change at least, ms: `LIMITS.heartbeatsPerMinute` with a margin. */
export const HEARTBEAT_PAUSE_MS = 200;

export interface SpeakerDeps {
  readonly clock: Clock;
  readonly config: AgentConfig;
  readonly advertiser: Advertiser;
  readonly jobs: Jobs;
  readonly measured: BenchStore;
  readonly machine: Machine;
  readonly proofs: ConnectionProofs;
  readonly connection: () => Connection | undefined;
}

/** Says to coordinators what there is and how it stands. */
export class Speaker implements Disposable {
  readonly #deps: SpeakerDeps;
  readonly #modelsPace: Paced;
  readonly #slotsPace: Paced;
  /** As told when registering; the rest follows. */
  #announced: readonly ModelAdvert[] = [];
  /** The models as the coordinator knows them: changes that follow too soon are told later. */
  #toldModels: readonly ModelAdvert[] = [];
  /** The token with which it registered last. */
  #told: string | undefined;

  constructor(deps: SpeakerDeps) {
    this.#deps = deps;
    const { clock, connection } = deps;
    const beat = (): void => connection()?.send(this.heartbeat());
    this.#slotsPace = new Paced({ clock, pauseMs: HEARTBEAT_PAUSE_MS, say: beat });
    const say = (): void => {
      connection()?.send({ type: "models_update", models: this.#models() });
      beat();
    };
    this.#modelsPace = new Paced({ clock, pauseMs: MODELS_PAUSE_MS, say });
  }

  async register(url: string, connection: Connection): Promise<RegisterFrame> {
    const { config, advertiser, machine, proofs } = this.#deps;
    const introduction = await proofs.introduce(connection);
    const { models } = advertiser;
    const bare: RegisterFrame = {
      type: "register",
      versions: { ...SUPPORTED_VERSIONS },
      token: this.#tokenFor(url),
      agent: { name: config.name, version: AGENT_VERSION },
      ...introduction,
      hardware: hardwareOf(machine.facts),
      models: [],
      slots: [],
      ...machine.availability.heartbeat,
    };
    const told = { models: this.#models(), slots: this.#slots() };
    const fitting = thatFit(told, REGISTER_BYTES - Buffer.byteLength(encodeControl(bare)));
    this.#announced = fitting < models.length ? [] : models;
    return { ...bare, models: told.models.slice(0, fitting), slots: told.slots.slice(0, fitting) };
  }

  /** The hash of a model's weights that the coordinator was told: what may be signed for, and no later one. */
  toldWeightsHash(model: string): string | undefined {
    return this.#toldModels.find(({ id }) => id === model)?.weights_hash;
  }

  heartbeat(): HeartbeatFrame {
    return { type: "heartbeat", slots: this.#slots(), ...this.#deps.machine.heartbeat() };
  }

  /** What changed while the registration was under way. */
  catchUp({ connection }: Registered): void {
    const { advertiser, proofs } = this.#deps;
    if (advertiser.models !== this.#announced) {
      connection.send({ type: "models_update", models: this.#models() });
    }
    proofs.announce(connection);
  }

  /** Tells of a change at once, and of those that follow too soon together: within what the protocol allows. */
  changed(what: "models" | "slots"): void {
    (what === "models" ? this.#modelsPace : this.#slotsPace).changed();
  }

  [Symbol.dispose](): void {
    this.#modelsPace[Symbol.dispose]();
    this.#slotsPace[Symbol.dispose]();
  }

  /** To be told now. */
  #models(): ModelAdvert[] {
    this.#toldModels = this.#deps.advertiser.models;
    return this.#toldModels.map(tellableModel);
  }

  /** Whether another token than the last that was told is kept now. */
  hasNewToken(url: string): boolean {
    try {
      return this.#told !== undefined && this.#deps.config.tokenFor(url) !== this.#told;
    } catch {
      // What cannot be read now is no other token.
      return false;
    }
  }

  #tokenFor(url: string): string {
    this.#told = this.#deps.config.tokenFor(url);
    return this.#told;
  }

  #slots(): Slot[] {
    return this.#deps.advertiser.slots().map((slot) => tellableSlot({ ...this.#rates(slot.model), ...slot }));
  }

  /** What was observed comes before what was measured beforehand; what the backend itself says, before both. */
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

/** How many models a frame can take with their slots; `models_update` tells the others. */
function thatFit({ models, slots }: Pick<RegisterFrame, "models" | "slots">, bytes: number): number {
  let left = bytes;
  for (const [index, model] of models.entries()) {
    left -= Buffer.byteLength(JSON.stringify([model, slots[index]]));
    if (left < 0) return index;
  }
  return models.length;
}
