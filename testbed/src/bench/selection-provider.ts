import { Places, type Provider, systemClock } from "@hearth/coordinator/internals";
import { preparePublicKey } from "@hearth/e2e";
import type { ModelAdvert, ProviderId, Slot } from "@hearth/protocol";

const KEY = { keyId: "k", publicKey: preparePublicKey(new Uint8Array(32).fill(9)) };
const HARDWARE = { platform: "bench", arch: "bench", cpu_cores: 8, memory_bytes: 64 * 2 ** 30 };
const VITALS = { memory_pressure: 0.2, cpu_load: 0.1, thermal: "nominal" as const };

/** A provider without a connection, that counts its places as one with a connection does. */
export class BenchProvider implements Provider {
  readonly id: ProviderId;
  readonly name = undefined;
  readonly account = "owner";
  readonly agentVersion = "1.0.0";
  readonly hardware: Provider["hardware"] = HARDWARE;
  readonly trust = "none";
  readonly untrusted = false;
  readonly lentTo = "everyone";
  readonly freshUntil: number = Number.POSITIVE_INFINITY;
  readonly serialHash = "";
  readonly encryptionKey: Provider["encryptionKey"] = KEY;
  readonly models: ReadonlyMap<string, ModelAdvert>;
  readonly slots: ReadonlyMap<string, Slot>;
  readonly vitals: Provider["vitals"] = VITALS;
  readonly status = "serving";
  readonly backlogBytes = 0;
  readonly connectedAt = 0;
  readonly lastHeartbeatAt = 0;
  readonly #places = new Places(systemClock, () => {});

  constructor(id: string, model: string) {
    this.id = id as ProviderId;
    this.models = new Map([[model, { id: model, capabilities: {}, context_length: 32_768, weights_bytes: 5e9 }]]);
    const slot: Slot = { model, state: "running", running: 0, queued: 0, decode_tps: 40, prefill_tps: 400 };
    this.slots = new Map([[model, slot]]);
    this.#places.report([slot]);
  }

  runtimeUnverified(): boolean {
    return false;
  }

  inFlight(model: string): number {
    return this.#places.inFlight(model);
  }

  load(model: string): number {
    return this.#places.load(model);
  }

  unreportedTokens(model: string): number {
    return this.#places.unreportedTokens(model);
  }

  tokensAhead(model: string): number {
    return this.#places.tokensAhead(model);
  }

  acquire(model: string, tokens: number): Disposable {
    return this.#places.acquire(model, tokens);
  }
}
