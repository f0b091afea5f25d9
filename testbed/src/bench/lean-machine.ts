import { randomBytes } from "node:crypto";
import { type EncryptionKeyPair, generateKeyPair } from "@hearth/e2e";
import { Backoff, type Rng } from "@hearth/platform";
import { type CoordinatorFrame, encodeControl, type RegisterFrame } from "@hearth/protocol";
import { AttestingMachine } from "../scripted/attesting-machine.js";
import { LeanSocket } from "./lean-socket.js";
import type { Presence } from "./presence.js";

/** A connection that served for so long was good, as an agent sees it: the next delay starts small again, ms. */
const STABLE_MS = 10_000;
/** How long connecting, registering and answering the challenge may take together, as an agent has it, ms. */
const CONNECT_TIMEOUT_MS = 20_000;

const ACKNOWLEDGED = '{"type":"heartbeat_ack"';

/** What all machines of one process count together. */
export interface FleetCount {
  /** Connected and let in now. */
  registered: number;
  /** Heartbeats, of which those of idle machines are answered now and then. */
  beats: number;
  /** Dials so far, of which some met nobody. */
  dials: number;
  /** Connections that ended, whoever ended them. */
  lost: number;
}

export interface LeanMachineOptions {
  /** Of the coordinator, on this machine. */
  readonly port: number;
  readonly model: string;
  /** Where it seems to be connected from, as the proxy in front says. */
  readonly address: string;
  readonly count: FleetCount;
  readonly presence: Presence;
  readonly rng: Rng;
}

/**
 * An idle machine that costs little: it proves itself with an identity, a token and an encryption key of its own, beats
 * as it is told, and when it loses its connection it comes back as an agent does.
 */
export class LeanMachine {
  readonly token: string = `hm-${randomBytes(24).toString("base64url")}`;
  readonly #options: LeanMachineOptions;
  readonly #machine = new AttestingMachine();
  readonly #key: EncryptionKeyPair = generateKeyPair();
  readonly #backoff: Backoff;

  constructor(options: LeanMachineOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.rng);
  }

  get identity(): string {
    return this.#machine.identity;
  }

  /** An idle machine's: some of what it measures is another figure each time. */
  #heartbeat(): string {
    const { model, rng } = this.#options;
    return encodeControl({
      type: "heartbeat",
      slots: [slotOf(model)],
      memory_free_bytes: 48 * 2 ** 30 - Math.floor(rng.next() * 2 ** 20) * 4096,
      memory_pressure: Math.round(rng.next() * 20) / 100,
      cpu_load: Math.round(rng.next() * 20) / 100,
      thermal: "nominal",
    });
  }

  /** Connects, and does so again whenever the connection ends. */
  dial(): void {
    const { port, address, count, presence } = this.#options;
    count.dials += 1;
    if (!presence.isThere) return this.#dialLater();
    let since: number | undefined;
    let beats: NodeJS.Timeout | undefined;
    const socket = new LeanSocket(
      { port, path: "/ws/provider", headers: { "x-forwarded-for": address } },
      {
        open: () => void this.#register(socket),
        message: (text) => {
          // Of the fields nothing is of interest to an idle machine.
          if (text.startsWith(ACKNOWLEDGED)) return;
          const frame = JSON.parse(text) as CoordinatorFrame;
          if (frame.type === "challenge") return void this.#answer(socket, frame.challenge);
          if (frame.type !== "registered") return;
          clearTimeout(deadline);
          count.registered += 1;
          since = performance.now();
          beats = setInterval(() => {
            count.beats += 1;
            socket.send(this.#heartbeat());
          }, frame.heartbeat_interval_ms);
        },
        refused: () => presence.refused(),
        close: () => {
          clearTimeout(deadline);
          clearInterval(beats);
          count.lost += 1;
          if (since !== undefined) {
            count.registered -= 1;
            if (performance.now() - since >= STABLE_MS) this.#backoff.reset();
          }
          this.#dialLater();
        },
      },
    );
    const deadline = setTimeout(() => socket.terminate(), CONNECT_TIMEOUT_MS);
  }

  #dialLater(): void {
    setTimeout(() => this.dial(), this.#backoff.next());
  }

  async #register(socket: LeanSocket): Promise<void> {
    socket.send(encodeControl({ ...this.#registerFrame(), attestation: await this.#machine.attest(this.#key) }));
  }

  async #answer(socket: LeanSocket, challenge: string): Promise<void> {
    socket.send(encodeControl(await this.#machine.answer(challenge, this.#key)));
  }

  #registerFrame(): RegisterFrame {
    const { model } = this.#options;
    const { keyId, publicKey } = this.#key;
    return {
      type: "register",
      versions: { min: 2, max: 2 },
      token: this.token,
      agent: { version: this.#machine.version, name: this.#options.address },
      identity: this.identity,
      encryption_key: { key_id: keyId, public_key: Buffer.from(publicKey).toString("base64url") },
      hardware: { platform: "darwin", arch: "arm64", cpu_cores: 12, memory_bytes: 64 * 2 ** 30, chip: "Apple M4 Pro" },
      models: [{ id: model, capabilities: { tools: true }, context_length: 32_768, weights_bytes: 5e9 }],
      slots: [slotOf(model)],
    };
  }
}

function slotOf(model: string): RegisterFrame["slots"][number] {
  const rates = { decode_tps: 41.5, prefill_tps: 512, max_concurrency: 4 };
  return { model, state: "running", running: 0, queued: 0, ...rates };
}
