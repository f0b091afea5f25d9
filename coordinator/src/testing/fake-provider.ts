import { preparePublicKey } from "@hearth/e2e";
import type { ModelAdvert, ProviderId, Slot } from "@hearth/protocol";
import type { Provider } from "../fleet/provider.js";
import type { ProviderDirectory } from "../fleet/provider-directory.js";
import { DEFAULT_CATALOG } from "../selection/catalog.js";
import { contextOf, type EvaluationContext, type EvaluationDeps } from "../selection/evaluation-context.js";
import type { Breaker } from "../selection/lease.js";
import { DEFAULT_SELECTION } from "../selection/settings.js";
import { NO_ATTEMPTS, type PastAttempt, type Search, type Traits } from "../selection/traits.js";
import { fakeExpecting } from "./fake-expecting.js";

const KEY = preparePublicKey(new Uint8Array(32).fill(9));

export type FakeProvider = { -readonly [K in keyof Provider]: Provider[K] } & { leased: number };

/** Those of them that name a model, as the registry knows them. */
export function fakeDirectory(providers: readonly Provider[]): Pick<ProviderDirectory, "serving"> {
  return { serving: (model) => providers.filter(({ models }) => models.has(model)) };
}

/** A provider that no gate is against, but for what the test changes. */
export function fakeProvider(id: string, changes: Partial<FakeProvider> = {}): FakeProvider {
  const provider: FakeProvider = {
    id: id as ProviderId,
    // Tests change it as they like: it is never what it was.
    version: Number.NaN,
    name: undefined,
    account: "owner",
    agentVersion: "1.0.0",
    hardware: { platform: "test", arch: "test", cpu_cores: 8, memory_bytes: 64 * 2 ** 30 },
    trust: "none",
    untrusted: false,
    availableTo: "everyone",
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
    leased: 0,
    inFlight: () => provider.leased,
    load: () => provider.leased,
    unreportedTokens: () => 0,
    tokensAhead: () => 0,
    acquire() {
      provider.leased += 1;
      let held = true;
      return {
        [Symbol.dispose]() {
          if (held) provider.leased -= 1;
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

/** A breaker that has nothing against anybody, but for what the test changes. */
export function fakeBreaker(changes: Partial<Breaker> = {}): Breaker {
  return {
    isSuspect: () => true,
    isOpen: () => false,
    isCapacityCooled: () => false,
    lastRefusalAt: () => Number.NEGATIVE_INFINITY,
    believesHeadroom: () => true,
    lastFaultAt: () => Number.NEGATIVE_INFINITY,
    probe: () => "none",
    claim: () => false,
    judge() {},
    report() {},
    ...changes,
  };
}

/** What a request asks of its providers, at 1,000 ms. */
export function fakeContext(search: Partial<Search> = {}, changes: Partial<EvaluationDeps> = {}): EvaluationContext {
  return contextOf(
    { traits: fakeTraits(), history: NO_ATTEMPTS, ...search },
    {
      catalog: () => DEFAULT_CATALOG,
      settings: () => DEFAULT_SELECTION,
      health: fakeBreaker(),
      expecting: fakeExpecting(),
      clock: { now: () => 1_000, wallTime: () => 1_000 },
      ...changes,
    },
  );
}

export function fakePastAttempt(changes: Partial<PastAttempt> = {}): PastAttempt {
  const program = { agentVersion: "1.0.0", backend: undefined, contextLength: undefined };
  return { connectedAt: 0, ...program, state: "failed", times: 1, ...changes };
}
