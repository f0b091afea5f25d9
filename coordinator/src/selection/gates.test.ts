import { GATES, type Gate, type ProviderId } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import { fakeModel, fakeProvider, fakeSlot, fakeTraits, fakeTried } from "../testing/fake-provider.js";
import { type Catalog, DEFAULT_CATALOG } from "./catalog.js";
import { type GateContext, gateAgainst, gatesAgainst } from "./gates.js";
import type { Health } from "./health.js";
import { NOTHING_TRIED } from "./traits.js";

const WELL: Health = {
  isEjected: () => false,
  lastFaultAt: () => Number.NEGATIVE_INFINITY,
  probe: () => "none",
  isCapacityCooled: () => false,
  believesHeadroom: () => true,
};
const FLOORED: Catalog = { ...DEFAULT_CATALOG, versionFloors: { tools: "0.6.3" } };

function context(changes: Partial<GateContext> = {}): GateContext {
  return {
    traits: fakeTraits(),
    tried: NOTHING_TRIED,
    catalog: DEFAULT_CATALOG,
    health: WELL,
    now: 1_000,
    ...changes,
  };
}

const model = (changes: Parameters<typeof fakeModel>[0]) => ({ models: new Map([["m", fakeModel(changes)]]) });
const slot = (changes: Parameters<typeof fakeSlot>[0]) => ({ slots: new Map([["m", fakeSlot(changes)]]) });
type Changes = Parameters<typeof fakeProvider>[1];

/** For each gate, what makes it reject, and nothing else. */
const CASES: Readonly<Record<Gate, readonly [Changes, Partial<GateContext>]>> = {
  allowlist: [{}, { traits: fakeTraits({ allowlist: new Set(["other"]) }) }],
  excluded: [{}, { tried: new Map([["p" as ProviderId, fakeTried()]]) }],
  not_serving_model: [{}, { traits: fakeTraits({ model: "other" }) }],
  error_cooldown: [{}, { health: { ...WELL, isEjected: () => true } }],
  capacity_cooldown: [{}, { health: { ...WELL, isCapacityCooled: () => true } }],
  offline: [{ status: "offline" }, {}],
  draining: [{ status: "draining" }, {}],
  untrusted: [{ untrusted: true }, {}],
  private_only: [{}, { traits: fakeTraits({ route: "self" }) }],
  trust_floor: [{}, { catalog: { ...DEFAULT_CATALOG, trustMinimum: "hardware" } }],
  runtime_unverified: [{ runtimeUnverified: (model) => model === "m" }, {}],
  no_encryption_key: [{ encryptionKey: undefined }, {}],
  challenge_stale: [{ freshUntil: 1_000 }, {}],
  version_floor: [{ agentVersion: "0.6.2" }, { catalog: FLOORED, traits: fakeTraits({ shape: "tools" }) }],
  template_broken: [model({ template_render_ok: false }), {}],
  tools: [model({ capabilities: { tools: false } }), { traits: fakeTraits({ shape: "tools" }) }],
  vision: [model({ capabilities: {} }), { traits: fakeTraits({ shape: "vision" }) }],
  dialect: [model({}), { traits: fakeTraits({ dialect: "embeddings" }) }],
  slot_crashed: [slot({ state: "crashed" }), {}],
  slot_reloading: [slot({ state: "reloading" }), {}],
  no_headroom: [slot({ max_concurrency: 1 }), {}],
  thermal_critical: [{ vitals: { thermal: "critical" } }, {}],
  model_too_large: [model({ weights_bytes: 65 * 2 ** 30 }), {}],
  free_memory: [{ vitals: { memory_free_bytes: 200 * 400_000 - 1 } }, {}],
  context_exceeded: [model({ context_length: 99 }), {}],
};

it("has no gate against a provider that can serve", () => {
  expect(gateAgainst(fakeProvider("p"), context())).toBeUndefined();
});

it.each(GATES)("rejects for %s, and for nothing else", (gate) => {
  const [changes, more] = CASES[gate];
  const provider = fakeProvider("p", changes);
  if (gate === "no_headroom") provider.places = 1;
  expect(gatesAgainst(provider, context(more))).toEqual([gate]);
});

it("names the first gate in the vocabulary's order", () => {
  const provider = fakeProvider("p", { status: "offline", untrusted: true });
  expect(gateAgainst(provider, context())).toBe("offline");
  expect(gatesAgainst(provider, context())).toEqual(["offline", "untrusted"]);
});

describe("the dialect", () => {
  const gate = (changes: Parameters<typeof fakeModel>[0], dialect?: "embeddings" | "completions"): Gate | undefined =>
    gateAgainst(fakeProvider("p", model(changes)), context({ traits: fakeTraits({ dialect }) }));

  it("asks for an embedding model where embeddings are wanted", () => {
    expect(gate({ capabilities: { embeddings: true } }, "embeddings")).toBeUndefined();
    expect(gate({ capabilities: {}, dialects: ["chat_completions"] }, "embeddings")).toBe("dialect");
  });

  it("asks for a native backend where a request cannot be translated", () => {
    expect(gate({ dialects: ["completions"] }, "completions")).toBeUndefined();
    expect(gate({ dialects: ["chat_completions"] }, "completions")).toBe("dialect");
    expect(gate({}, "completions")).toBe("dialect");
  });

  it("sends no chat to a model that only embeds", () => {
    expect(gate({ capabilities: { embeddings: true }, dialects: ["embeddings"] })).toBe("dialect");
    expect(gate({ capabilities: { embeddings: true }, dialects: ["embeddings", "messages"] })).toBeUndefined();
  });
});

describe("the allowlist", () => {
  it("takes a provider id or a serial hash", () => {
    const provider = fakeProvider("p", { serialHash: "abc" });
    for (const entry of ["p", "abc"]) {
      expect(gateAgainst(provider, context({ traits: fakeTraits({ allowlist: new Set([entry]) }) }))).toBeUndefined();
    }
  });

  it("lets nobody in whose serial nobody knows", () => {
    expect(gateAgainst(fakeProvider("p"), context({ traits: fakeTraits({ allowlist: new Set(["x"]) }) }))).toBe(
      "allowlist",
    );
  });
});

describe("the version floor", () => {
  it("is nobody's unless the operator sets one", () => {
    const old = fakeProvider("p", { agentVersion: "0.0.1" });
    expect(gateAgainst(old, context({ traits: fakeTraits({ shape: "tools+vision" }) }))).toBeUndefined();
  });

  it("does not concern requests without the trait", () => {
    const old = fakeProvider("p", { agentVersion: "0.1.0" });
    expect(gateAgainst(old, context({ catalog: FLOORED }))).toBeUndefined();
  });
});

describe("headroom", () => {
  it("falls back to a cap by memory where the backend says nothing", () => {
    const small = fakeProvider("p", { hardware: { ...fakeProvider("x").hardware, memory_bytes: 16 * 2 ** 30 } });
    small.places = 1;
    expect(gateAgainst(small, context())).toBeUndefined();
    small.places = 2;
    expect(gateAgainst(small, context())).toBe("no_headroom");
  });

  it("counts used, promised and asked tokens against a token budget", () => {
    const budget = slot({ budget_max: 1_000, budget_used: 500 });
    const promised = { unreportedTokens: () => 300 };
    expect(gateAgainst(fakeProvider("p", { ...budget, ...promised }), context())).toBeUndefined();
    const more = { unreportedTokens: () => 301 };
    expect(gateAgainst(fakeProvider("p", { ...budget, ...more }), context())).toBe("no_headroom");
  });

  it("is not believed after a refusal", () => {
    expect(gateAgainst(fakeProvider("p"), context({ health: { ...WELL, believesHeadroom: () => false } }))).toBe(
      "no_headroom",
    );
  });

  it("asks for room for the weights only when the model is not loaded", () => {
    const weights = model({ weights_bytes: 2 ** 30 });
    const vitals = { memory_free_bytes: 2 ** 29 };
    const loaded = fakeProvider("p", { ...weights, vitals, ...slot({ state: "running" }) });
    const unloaded = fakeProvider("p", { ...weights, vitals, ...slot({ state: "idle_shutdown" }) });
    expect(gateAgainst(loaded, context())).toBeUndefined();
    expect(gateAgainst(unloaded, context())).toBe("free_memory");
  });
});

it("does not ask for more memory than the model's context can use", () => {
  const vitals = { memory_free_bytes: 100 * 400_000 };
  const asksForMuch = context({ traits: fakeTraits({ promptTokens: 50, maxTokens: 1_000_000 }) });
  expect(gateAgainst(fakeProvider("p", { vitals, ...model({ context_length: 100 }) }), asksForMuch)).toBeUndefined();
  expect(gatesAgainst(fakeProvider("p", { vitals }), asksForMuch)).toEqual(["model_too_large", "free_memory"]);
});
