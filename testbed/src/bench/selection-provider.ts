import { type Clock, MachineBacked, type Provider } from "@hearth/coordinator/internals";
import { preparePublicKey } from "@hearth/e2e";
import type { ProviderId } from "@hearth/protocol";

const KEY = { keyId: "k", publicKey: preparePublicKey(new Uint8Array(32).fill(9)) };
const HARDWARE = { platform: "bench", arch: "bench", cpu_cores: 8, memory_bytes: 64 * 2 ** 30, chip: "Apple M4 Pro" };
const REGISTERS = {
  type: "register",
  versions: { min: 2, max: 2 },
  token: "t",
  agent: { version: "1.0.0" },
  identity: "",
  encryption_key: { key_id: "k", public_key: "" },
  hardware: HARDWARE,
  slots: [],
} as const;

export interface BenchMachine {
  readonly id: string;
  readonly model: string;
  /** Requests that its one slot runs at once. */
  readonly concurrency: number;
  /** Requests of its owner's own that run on it. */
  readonly running: number;
}

/** A provider without a connection: it keeps what a session keeps, and reads it as a session does. */
export class BenchProvider extends MachineBacked implements Provider {
  readonly id: ProviderId;
  readonly name = undefined;
  readonly account = "owner";
  readonly agentVersion = "1.0.0";
  readonly hardware: Provider["hardware"] = HARDWARE;
  readonly encryptionKey: Provider["encryptionKey"] = KEY;
  readonly connectedAt = 0;
  status: Provider["status"] = "serving";
  readonly #distrusted: (id: ProviderId) => boolean;

  constructor(
    { id, model, concurrency, running }: BenchMachine,
    clock: Clock,
    distrusted: (id: ProviderId) => boolean,
  ) {
    const advert = { id: model, capabilities: { tools: true }, context_length: 32_768, weights_bytes: 5e9 };
    const models = [{ ...advert, backend: { kind: "mlx-lm" } }];
    super({ ...REGISTERS, models, slots: [] }, clock);
    this.id = id as ProviderId;
    this.#distrusted = distrusted;
    const slot = {
      state: "running",
      queued: 0,
      decode_tps: 40,
      prefill_tps: 400,
      max_concurrency: concurrency,
    } as const;
    this.machine.report({
      type: "heartbeat",
      slots: [{ model, running, ...slot }],
      memory_free_bytes: 32 * 2 ** 30,
      memory_pressure: 0.2,
      cpu_load: 0.1,
      thermal: "nominal",
    });
  }

  /** What is read of it is to be read anew, as after a heartbeat. */
  beat(): void {
    this.changed();
  }

  get trust(): Provider["trust"] {
    return "none";
  }

  get freshUntil(): number {
    return Number.POSITIVE_INFINITY;
  }

  get serialHash(): string {
    return "";
  }

  get untrusted(): boolean {
    return this.#distrusted(this.id);
  }

  get backlogBytes(): number {
    return 0;
  }
}
