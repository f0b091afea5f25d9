import { GATES, type Gate, type ProviderId } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import type { Provider } from "../fleet/provider.js";
import {
  fakeContext as context,
  fakeBreaker,
  fakeModel,
  fakePastAttempt,
  fakeProvider,
  fakeSlot,
  fakeTraits,
} from "../testing/fake-provider.js";
import { DEFAULT_CATALOG, type ModelRule } from "./catalog.js";
import type { EvaluationContext } from "./evaluation-context.js";
import { BIT, firstOf, gatesOf } from "./gate-set.js";
import { closedGates } from "./gates.js";
import type { Breaker } from "./lease.js";
import { Subject } from "./subject.js";

const FLOORED = { ...DEFAULT_CATALOG, versionFloors: { tools: "0.6.3" } };
const rules = (given: Partial<ModelRule>) => ({
  ...DEFAULT_CATALOG,
  rules: new Map([["m", { enabled: true, trustMinimum: "none" as const, versionFloors: {}, ...given }]]),
});
const ruled = (given: Partial<ModelRule>, traits: Parameters<typeof fakeTraits>[0] = {}): EvaluationContext =>
  context({ traits: fakeTraits(traits) }, { catalog: () => rules(given) });
const GIB = 2 ** 30;

const gatesAgainst = (provider: Provider, request: EvaluationContext): readonly Gate[] =>
  gatesOf(closedGates(new Subject(provider, request.traits.model), request));
const gateAgainst = (provider: Provider, request: EvaluationContext): Gate | undefined =>
  gatesAgainst(provider, request)[0];
const asking = (changes: Parameters<typeof fakeTraits>[0]): EvaluationContext =>
  context({ traits: fakeTraits(changes) });
const breaking = (changes: Partial<Breaker>): EvaluationContext => context({}, { health: fakeBreaker(changes) });

const model = (changes: Parameters<typeof fakeModel>[0]) => ({ models: new Map([["m", fakeModel(changes)]]) });
const slot = (changes: Parameters<typeof fakeSlot>[0]) => ({ slots: new Map([["m", fakeSlot(changes)]]) });
type Changes = Parameters<typeof fakeProvider>[1];

/** For each gate, what makes it reject, and nothing else. */
const CASES: Readonly<Record<Gate, readonly [Changes, EvaluationContext]>> = {
  allowlist: [{}, asking({ allowlist: new Set(["other"]) })],
  excluded: [{}, context({ history: new Map([["p" as ProviderId, fakePastAttempt()]]) })],
  not_serving_model: [{}, asking({ model: "other", promptTokens: 0, leastPromptTokens: 0 })],
  model_disabled: [{}, ruled({ enabled: false })],
  error_cooldown: [{}, breaking({ isOpen: () => true })],
  capacity_cooldown: [{}, breaking({ isCapacityCooled: () => true })],
  offline: [{ status: "offline" }, context()],
  draining: [{ status: "draining" }, context()],
  untrusted: [{ untrusted: true }, context()],
  private_only: [{}, asking({ route: "self" })],
  trust_floor: [{}, context({}, { catalog: () => ({ ...DEFAULT_CATALOG, trustMinimum: "hardware" }) })],
  runtime_unverified: [{ runtimeUnverified: (model) => model === "m" }, context()],
  no_encryption_key: [{ encryptionKey: undefined }, context()],
  challenge_stale: [{ freshUntil: 1_000 }, context()],
  version_floor: [
    { agentVersion: "0.6.2" },
    context({ traits: fakeTraits({ shape: "tools" }) }, { catalog: () => FLOORED }),
  ],
  template_broken: [model({ template_render_ok: false }), context()],
  tools: [model({ capabilities: { tools: false } }), asking({ shape: "tools" })],
  vision: [model({ capabilities: {} }), asking({ shape: "vision" })],
  structured_output: [model({ capabilities: { structured_output: false } }), asking({ structuredOutput: true })],
  logprobs: [model({ capabilities: { logprobs: false } }), asking({ logprobs: true })],
  dialect: [model({}), asking({ dialect: "embeddings" })],
  slot_crashed: [slot({ state: "crashed" }), context()],
  slot_reloading: [slot({ state: "reloading" }), context()],
  no_headroom: [slot({ max_concurrency: 1 }), context()],
  thermal_critical: [{ vitals: { thermal: "critical" } }, context()],
  model_too_large: [model({ weights_bytes: 65 * GIB }), context()],
  free_memory: [{ vitals: { memory_free_bytes: 200 * 65_536 - 1 } }, context()],
  context_exceeded: [model({ context_length: 99 }), context()],
};

it("has no gate against a provider that can serve", () => {
  expect(gateAgainst(fakeProvider("p"), context())).toBeUndefined();
});

it.each(GATES)("rejects for %s, and for nothing else", (gate) => {
  const [changes, request] = CASES[gate];
  const provider = fakeProvider("p", changes);
  if (gate === "no_headroom") provider.leased = 1;
  expect(gatesAgainst(provider, request)).toEqual([gate]);
});

it("names gates in the vocabulary's order, and counts a rejection as the first", () => {
  expect(Object.keys(BIT)).toEqual(GATES);
  const provider = fakeProvider("p", { status: "offline", untrusted: true });
  expect(gatesAgainst(provider, context())).toEqual(["offline", "untrusted"]);
  for (const gate of GATES) expect(firstOf(BIT[gate] | BIT.context_exceeded)).toBe(gate);
  expect(firstOf(0)).toBeUndefined();
});

it("goes by what holds for the model alone, beside what holds for all", () => {
  const old = fakeProvider("p", { agentVersion: "0.6.2" });
  expect(gateAgainst(old, ruled({ trustMinimum: "hardware" }))).toBe("trust_floor");
  expect(gateAgainst(old, ruled({ versionFloors: { base: "0.7.0" } }))).toBe("version_floor");
  expect(gateAgainst(old, ruled({ versionFloors: { tools: "0.7.0" } }))).toBeUndefined();
  expect(gateAgainst(old, ruled({ versionFloors: { tools: "0.7.0" } }, { shape: "tools" }))).toBe("version_floor");
  const other = fakeProvider("p", { models: new Map([["n", fakeModel({ id: "n" })]]), agentVersion: "0.6.2" });
  expect(gateAgainst(other, ruled({ enabled: false, trustMinimum: "hardware" }, { model: "n" }))).toBeUndefined();
});

describe("a provider that was tried", () => {
  const again = (history: Partial<ReturnType<typeof fakePastAttempt>>, changes: Changes = {}): Gate | undefined =>
    gateAgainst(
      fakeProvider("p", changes),
      context({ history: new Map([["p" as ProviderId, fakePastAttempt(history)]]) }),
    );

  it("may be tried once more when it is connected anew, or had refused before it worked on the request", () => {
    expect(again({})).toBe("excluded");
    expect(again({}, { connectedAt: 1 })).toBeUndefined();
    expect(again({ state: "refused_before_work" })).toBeUndefined();
  });

  it("may not be tried while it is at it, nor a third time", () => {
    expect(again({ state: "running" }, { connectedAt: 1 })).toBe("excluded");
    expect(again({ times: 2 }, { connectedAt: 1 })).toBe("excluded");
    expect(again({ times: 2, state: "refused_before_work" })).toBe("excluded");
  });
});

describe("where only somebody unlike those that were tried counts", () => {
  const history = new Map([
    ["x" as ProviderId, fakePastAttempt({ contextLength: 8_192 })],
    ["y" as ProviderId, fakePastAttempt({ agentVersion: "2.0.0", contextLength: 4_096 })],
  ]);
  const gate = (changes: Changes): Gate | undefined =>
    gateAgainst(fakeProvider("p", changes), context({ history, unlikeEarlier: true }));

  it("excludes whoever is like one of them in program, backend and context", () => {
    expect(gate(model({ context_length: 8_192 }))).toBe("excluded");
    expect(gate({ agentVersion: "2.0.0", ...model({ context_length: 4_096 }) })).toBe("excluded");
  });

  it.each<[string, Changes]>([
    ["program", { agentVersion: "3.0.0", ...model({ context_length: 8_192 }) }],
    ["backend", model({ context_length: 8_192, backend: { kind: "vllm" } })],
    ["context", model({ context_length: 32_768 })],
  ])("takes another %s", (_what, changes) => {
    expect(gate(changes)).toBeUndefined();
  });
});

describe("the dialect", () => {
  const gate = (changes: Parameters<typeof fakeModel>[0], dialect?: "embeddings" | "completions"): Gate | undefined =>
    gateAgainst(fakeProvider("p", model(changes)), asking({ dialect }));

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
      expect(gateAgainst(provider, asking({ allowlist: new Set([entry]) }))).toBeUndefined();
    }
  });

  it("lets nobody in whose serial nobody knows", () => {
    expect(gateAgainst(fakeProvider("p"), asking({ allowlist: new Set(["x"]) }))).toBe("allowlist");
  });
});

describe("the version floor", () => {
  it("is nobody's unless the operator sets one", () => {
    const old = fakeProvider("p", { agentVersion: "0.0.1" });
    expect(gateAgainst(old, asking({ shape: "tools+vision" }))).toBeUndefined();
  });

  it("does not concern requests without the trait", () => {
    const old = fakeProvider("p", { agentVersion: "0.1.0" });
    expect(gateAgainst(old, context({}, { catalog: () => FLOORED }))).toBeUndefined();
  });
});

describe("headroom", () => {
  it("falls back to a cap by memory where the backend says nothing", () => {
    const small = fakeProvider("p", { hardware: { ...fakeProvider("x").hardware, memory_bytes: 16 * 2 ** 30 } });
    small.leased = 1;
    expect(gateAgainst(small, context())).toBeUndefined();
    small.leased = 2;
    expect(gateAgainst(small, context())).toBe("no_headroom");
  });

  it("counts used, promised and expected tokens against a token budget", () => {
    const budget = slot({ budget_max: 1_000, budget_used: 500 });
    const promised = (tokens: number) => ({ unreportedTokens: () => tokens });
    expect(gateAgainst(fakeProvider("p", { ...budget, ...promised(300) }), context())).toBeUndefined();
    expect(gateAgainst(fakeProvider("p", { ...budget, ...promised(301) }), context())).toBe("no_headroom");
  });

  it("counts what waits in the backend as typical requests", () => {
    const budget = (queued: number) => slot({ budget_max: 3_000, budget_used: 0, queued });
    expect(gateAgainst(fakeProvider("p", budget(2)), context())).toBeUndefined();
    expect(gateAgainst(fakeProvider("p", budget(3)), context())).toBe("no_headroom");
  });

  it("asks for what an answer is expected to have, not for its bound", () => {
    const idle = fakeProvider("p", slot({ budget_max: 8_192, budget_used: 0 }));
    expect(gateAgainst(idle, asking({ promptTokens: 250, maxTokens: 64_000 }))).toBeUndefined();
  });

  it("lets a machine with nothing to do take what may just fill its budget", () => {
    const traits = { promptTokens: 990, leastPromptTokens: 495 };
    expect(gateAgainst(fakeProvider("p", slot({ budget_max: 1_000, budget_used: 0 })), asking(traits))).toBeUndefined();
    expect(gateAgainst(fakeProvider("p", slot({ budget_max: 1_000, budget_used: 1 })), asking(traits))).toBe(
      "no_headroom",
    );
  });

  it("is not believed after a refusal", () => {
    expect(gateAgainst(fakeProvider("p"), breaking({ believesHeadroom: () => false }))).toBe("no_headroom");
  });
});

describe("memory", () => {
  const small = { hardware: { ...fakeProvider("x").hardware, memory_bytes: 24 * GIB } };

  it("is asked for only where the model is still to be loaded", () => {
    const vitals = { memory_free_bytes: GIB / 2 };
    const weights = model({ weights_bytes: GIB });
    for (const state of ["running", "idle"] as const) {
      expect(gateAgainst(fakeProvider("p", { ...weights, vitals, ...slot({ state }) }), context())).toBeUndefined();
    }
    const unloaded = fakeProvider("p", { ...weights, vitals, ...slot({ state: "idle_shutdown" }) });
    expect(gateAgainst(unloaded, context())).toBe("free_memory");
    expect(gateAgainst(fakeProvider("p", { ...weights, vitals }), context())).toBe("free_memory");
  });

  it("is no matter where a backend with a budget of its own says what fits, but for the weights", () => {
    const budget = slot({ state: "idle_shutdown", budget_max: 1e6 });
    const provider = (weights_bytes: number) =>
      fakeProvider("p", { ...small, ...budget, ...model({ weights_bytes }), vitals: { memory_free_bytes: 2 * GIB } });
    const long = asking({ promptTokens: 500_000 });
    expect(gateAgainst(provider(2 * GIB), long)).toBeUndefined();
    expect(gateAgainst(provider(2 * GIB + 1), long)).toBe("free_memory");
  });

  it("is not used up by a bound: 64,000 tokens of answer with a short prompt run on an idle machine of 24 GB", () => {
    const vitals = { memory_free_bytes: 10 * GIB };
    const idle = slot({ state: "idle_shutdown" });
    const provider = fakeProvider("p", { ...small, ...idle, ...model({ weights_bytes: 9 * GIB }), vitals });
    expect(gatesAgainst(provider, asking({ promptTokens: 256, maxTokens: 64_000 }))).toEqual([]);
  });

  it("is not asked for beyond what the model's context can use", () => {
    const vitals = { memory_free_bytes: 100 * 65_536 };
    const long = asking({ promptTokens: 300, leastPromptTokens: 100, maxTokens: 1_000_000 });
    expect(gateAgainst(fakeProvider("p", { vitals, ...model({ context_length: 100 }) }), long)).toBeUndefined();
    expect(gatesAgainst(fakeProvider("p", { vitals }), long)).toEqual(["free_memory"]);
  });
});

describe("the context", () => {
  it("is exceeded only by the least that a prompt may come to, or by that much over a token budget", () => {
    const long = asking({ promptTokens: 150, leastPromptTokens: 75 });
    expect(gateAgainst(fakeProvider("p", model({ context_length: 75 })), long)).toBeUndefined();
    expect(gateAgainst(fakeProvider("p", model({ context_length: 74 })), long)).toBe("context_exceeded");
    expect(gateAgainst(fakeProvider("p", slot({ budget_max: 74, budget_used: 0 })), long)).toBe("context_exceeded");
  });
});
