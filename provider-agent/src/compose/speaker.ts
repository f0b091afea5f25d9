import {
  type HeartbeatFrame,
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

/** As many models fit the register frame with their slots, whatever their names; `models_update` tells the others. */
const MODELS_AT_REGISTRATION = 64;

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

  constructor(deps: SpeakerDeps) {
    this.#deps = deps;
  }

  async register(url: string, connection: Connection): Promise<RegisterFrame> {
    const { config, advertiser, lending, proofs } = this.#deps;
    const introduction = await proofs.introduce(connection);
    const { models } = advertiser;
    this.#announced = models.length > MODELS_AT_REGISTRATION ? [] : models;
    return {
      type: "register",
      versions: { ...SUPPORTED_VERSIONS },
      token: config.tokens[url] ?? config.token,
      agent: { name: config.name, version: AGENT_VERSION },
      ...introduction,
      hardware: hardwareOf(lending.facts),
      models: models.slice(0, MODELS_AT_REGISTRATION),
      slots: this.#slots().slice(0, MODELS_AT_REGISTRATION),
    };
  }

  heartbeat(): HeartbeatFrame {
    return { type: "heartbeat", slots: this.#slots(), ...this.#deps.lending.heartbeat() };
  }

  /** What changed while the registration was under way. */
  catchUp({ connection }: Registered): void {
    const { advertiser, proofs } = this.#deps;
    if (advertiser.models !== this.#announced) {
      connection.send({ type: "models_update", models: [...advertiser.models] });
    }
    proofs.announce(connection);
  }

  changed(what: "models" | "slots"): void {
    const connection = this.#deps.connection();
    if (what === "models") connection?.send({ type: "models_update", models: [...this.#deps.advertiser.models] });
    connection?.send(this.heartbeat());
  }

  #slots(): Slot[] {
    return this.#deps.advertiser.slots().map((slot) => ({ ...this.#rates(slot.model), ...slot }));
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
