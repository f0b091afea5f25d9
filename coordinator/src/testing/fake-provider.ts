import { preparePublicKey } from "@hearth/e2e";
import type { ModelAdvert, ProviderId, Slot } from "@hearth/protocol";
import type { Provider } from "../fleet/provider.js";
import type { Traits, TriedProvider } from "../selection/traits.js";

const KEY = preparePublicKey(new Uint8Array(32).fill(9));

export type FakeProvider = { -readonly [K in keyof Provider]: Provider[K] } & { places: number };

/** A provider that no gate is against, but for what the test changes. */
export function fakeProvider(id: string, changes: Partial<FakeProvider> = {}): FakeProvider {
  const provider: FakeProvider = {
    id: id as ProviderId,
    name: undefined,
    account: "owner",
    agentVersion: "1.0.0",
    hardware: { platform: "test", arch: "test", cpu_cores: 8, memory_bytes: 64 * 2 ** 30 },
    trust: "none",
    untrusted: false,
    lentTo: "everyone",
    runtimeUnverified: () => false,
    freshUntil: Number.POSITIVE_INFINITY,
    serialHash: "",
    encryptionKey: { keyId: "k", publicKey: KEY },
    models: new Map([["m", fakeModel()]]),
    slots: new Map(),
    vitals: {},
    status: "serving",
    backlogBytes: 0,
    connectedAt: 0,
    lastHeartbeatAt: 0,
    places: 0,
    inFlight: () => provider.places,
    load: () => provider.places,
    unreportedTokens: () => 0,
    tokensAhead: () => 0,
    acquire() {
      provider.places += 1;
      let held = true;
      return {
        [Symbol.dispose]() {
          if (held) provider.places -= 1;
          held = false;
        },
      };
    },
    ...changes,
  };
  return provider;
}

export function fakeModel(changes: Partial<ModelAdvert> = {}): ModelAdvert {
  return { id: "m", capabilities: { vision: true }, ...changes };
}

export function fakeSlot(changes: Partial<Slot> = {}): Slot {
  return { model: "m", state: "running", running: 0, queued: 0, ...changes };
}

export function fakeTraits(changes: Partial<Traits> = {}): Traits {
  return {
    model: "m",
    shape: "base",
    promptTokens: 100,
    leastPromptTokens: 100,
    maxTokens: 100,
    account: "caller",
    allowlist: undefined,
    route: "any",
    ...changes,
  };
}

export function fakeTried(changes: Partial<TriedProvider> = {}): TriedProvider {
  const program = { agentVersion: "1.0.0", backend: undefined, contextLength: undefined };
  return { connectedAt: 0, ...program, state: "failed", times: 1, ...changes };
}
