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
import type { Lending } from "./open-lending.js";
import { tellableModel, tellableSlot } from "./tellable.js";

/** What a machine may say before it is registered, less what its answer to the challenge takes, bytes. */
const REGISTER_BYTES: number = LIMITS.preRegistrationBytes - 2 * LIMITS.blobBytes;

export interface SpeakerDeps {
  readonly config: AgentConfig;
  readonly advertiser: Advertiser;
  readonly jobs: Jobs;
  readonly measured: BenchStore;
  readonly lending: Lending;
  readonly proofs: ConnectionProofs;
  readonly connection: () => Connection | undefined;
}

/** Says to coordinators what there is and how it stands. */
export class Speaker {
  readonly #deps: SpeakerDeps;
  /** As told when registering; the rest follows. */
  #announced: readonly ModelAdvert[] = [];
  /** The token with which it registered last. */
  #told: string | undefined;

  constructor(deps: SpeakerDeps) {
    this.#deps = deps;
  }

  async register(url: string, connection: Connection): Promise<RegisterFrame> {
    const { config, advertiser, lending, proofs } = this.#deps;
    const introduction = await proofs.introduce(connection);
    const { models } = advertiser;
    const bare: RegisterFrame = {
      type: "register",
      versions: { ...SUPPORTED_VERSIONS },
      token: this.#tokenFor(url),
      agent: { name: config.name, version: AGENT_VERSION },
      ...introduction,
      hardware: hardwareOf(lending.facts),
      models: [],
      slots: [],
      ...lending.manners.heartbeat,
    };
    const told = { models: this.#models(), slots: this.#slots() };
    const fitting = thatFit(told, REGISTER_BYTES - Buffer.byteLength(encodeControl(bare)));
    this.#announced = fitting < models.length ? [] : models;
    return { ...bare, models: told.models.slice(0, fitting), slots: told.slots.slice(0, fitting) };
  }

  heartbeat(): HeartbeatFrame {
    return { type: "heartbeat", slots: this.#slots(), ...this.#deps.lending.heartbeat() };
  }

  /** What changed while the registration was under way. */
  catchUp({ connection }: Registered): void {
    const { advertiser, proofs } = this.#deps;
    if (advertiser.models !== this.#announced) {
      connection.send({ type: "models_update", models: this.#models() });
    }
    proofs.announce(connection);
  }

  changed(what: "models" | "slots"): void {
    const connection = this.#deps.connection();
    if (what === "models") connection?.send({ type: "models_update", models: this.#models() });
    connection?.send(this.heartbeat());
  }

  #models(): ModelAdvert[] {
    return this.#deps.advertiser.models.map(tellableModel);
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
