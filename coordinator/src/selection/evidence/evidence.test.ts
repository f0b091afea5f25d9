import { FakeClock } from "@hearth/platform/testing";
import { describe, expect, it } from "vitest";
import { cold, slotsOf, tryEvidence, warm } from "../../testing/evidence-trial.js";
import { fakeModel, fakeProvider, fakeTraits } from "../../testing/fake-provider.js";
import { Evidence } from "./evidence.js";
import { DEFAULT_EVIDENCE } from "./settings.js";

describe("before evidence", () => {
  it("expects what is assumed, and estimates ten seconds at least", () => {
    const { expected } = tryEvidence();
    const terms = { connect: 0, load: 0, ahead: 0, prefill: 2_000, censored: 0 };
    expect(expected(warm())).toEqual({ expectedMs: 2_000, estimateMs: 10_000, byDefault: true, terms });
    expect(expected(warm(), 6_000).estimateMs).toBe(24_000);
  });

  it("expects 200 s for a prompt of 100,000 tokens", () => {
    expect(tryEvidence().expected(warm(), 100_000)).toMatchObject({ expectedMs: 200_000, estimateMs: 400_000 });
  });

  it("goes by the rate that the machine tells, then by its chip and the model's weights", () => {
    const { terms } = tryEvidence();
    const hardware = { ...fakeProvider("x").hardware, chip: "Apple M1" };
    const models = new Map([["m", fakeModel({ weights_bytes: 6.8e9 })]]);
    expect(terms(warm("told", { slots: slotsOf({ prefill_tps: 250 }), hardware, models })).prefill).toBe(4_000);
    expect(terms(warm("chip", { hardware, models })).prefill).toBeCloseTo(1_000_000 / 60);
  });

  it("has a cold model loaded first: by the size of its weights, else for 20 s", () => {
    const { terms } = tryEvidence();
    expect(terms(cold()).load).toBe(20_000);
    expect(terms(cold({ models: new Map([["m", fakeModel({ weights_bytes: 15e9 })]]) })).load).toBe(10_000);
    expect(terms(fakeProvider("unknown")).load).toBe(2_500);
    expect(terms(warm("idle", { slots: slotsOf({ state: "idle" }) })).load).toBe(0);
  });

  it("has others' tokens written first, the slower the more run beside", () => {
    const busy = { slots: slotsOf({ decode_tps: 50 }), tokensAhead: () => 1_000 };
    const { terms } = tryEvidence();
    expect(terms(warm("one", busy)).ahead).toBe(20_000);
    expect(terms(warm("two", { ...busy, load: () => 2 })).ahead).toBeCloseTo(20_000 * 1.54);
  });
});

describe("what was waited for in vain", () => {
  it.each(["given_up", "failed", "lost_race"] as const)(
    "counts at once when an attempt %s, and halves each minute",
    (how) => {
      const { clock, expected, terms, hang } = tryEvidence();
      hang(warm(), 10_000, how);
      expect(expected(warm())).toMatchObject({ expectedMs: 10_000, estimateMs: 12_000, byDefault: false });
      expect(terms(warm()).censored).toBe(8_000);
      clock.advance(60_000);
      expect(terms(warm()).censored).toBe(4_000);
      clock.advance(200_000);
      expect(expected(warm())).toMatchObject({ expectedMs: 2_000, byDefault: true });
    },
  );

  it("is over with the next content from there", () => {
    const { clock, evidence, terms, hang } = tryEvidence();
    const slow = evidence.observe(warm(), fakeTraits());
    hang(warm(), 30_000);
    expect(terms(warm()).censored).toBeGreaterThan(25_000);
    clock.advance(10);
    slow.content();
    expect(terms(warm()).censored).toBe(0);
  });

  it("counts while it is still waited for", () => {
    const { clock, evidence, terms } = tryEvidence();
    const observation = evidence.observe(warm(), fakeTraits({ promptTokens: 1_000 }));
    clock.advance(2_000);
    expect(terms(warm()).censored).toBe(0);
    clock.advance(5_000);
    expect(terms(warm()).censored).toBe(5_000);
    observation.content();
    expect(terms(warm()).censored).toBe(0);
  });

  it("is nothing while it is no more than was expected: who hangs up early blames nobody", () => {
    const { expected, evidence, hang } = tryEvidence();
    for (const how of ["given_up", "failed", "lost_race"] as const) hang(warm(), 2_000, how);
    expect(expected(warm())).toMatchObject({ expectedMs: 2_000, byDefault: true });
    expect(evidence.reputationMs(warm())).toBe(0);
  });

  it("is nobody's once there was content, or an answer that has none", () => {
    const { clock, evidence, terms } = tryEvidence();
    const answered = evidence.observe(warm(), fakeTraits());
    answered.content();
    const empty = evidence.observe(warm(), fakeTraits());
    clock.advance(60_000);
    answered.ended("failed");
    empty.ended("completed");
    expect(terms(warm()).censored).toBe(0);
  });
});

describe("reputation", () => {
  it("counts lost races up to a bound, and halves in ten minutes", () => {
    const { clock, evidence, hang } = tryEvidence();
    hang(warm(), 5_000, "lost_race");
    expect(evidence.reputationMs(warm())).toBe(750);
    for (let i = 0; i < 30; i++) hang(warm(), 5_000, "lost_race");
    expect(evidence.reputationMs(warm())).toBe(6_000);
    clock.advance(600_000);
    expect(evidence.reputationMs(warm())).toBe(3_000);
    expect(evidence.reputationMs(warm("other"))).toBe(0);
  });

  it("is not touched by other failures", () => {
    const { evidence, hang } = tryEvidence();
    hang(warm(), 60_000, "failed");
    hang(warm(), 600_000, "given_up");
    expect(evidence.reputationMs(warm())).toBe(0);
  });
});

describe("another program", () => {
  const backend = (version: string, kind = "ollama") => new Map([["m", fakeModel({ backend: { kind, version } })]]);
  const weights = (hash: string) => new Map([["m", fakeModel({ weights_hash: hash })]]);

  it.each([
    ["agent", { agentVersion: "1.0.0" }, { agentVersion: "1.0.1" }],
    ["backend", { models: backend("1") }, { models: backend("1", "vllm") }],
    ["version of its backend", { models: backend("1") }, { models: backend("2") }],
    ["set of weights", { models: weights("a") }, { models: weights("b") }],
  ] as const)("starts anew where it is another %s", (_, before, after) => {
    const { expected, evidence, answer, hang } = tryEvidence();
    answer(warm("p", before), 100);
    hang(warm("p", before), 90_000, "lost_race");
    expect(expected(warm("p", before)).byDefault).toBe(false);
    expect(expected(warm("p", after))).toMatchObject({ expectedMs: 2_000, byDefault: true });
    // What is held against the machine is no measurement of its program.
    expect(evidence.reputationMs(warm("p", after))).toBeGreaterThan(700);
    answer(warm("p", after), 4_000);
    expect(expected(warm("p", after)).expectedMs).toBe(4_000);
  });

  it("is none that merely has not told its hash yet, or tells it now", () => {
    const { expected, answer } = tryEvidence();
    answer(warm("p"), 100);
    expect(expected(warm("p", { models: weights("a") })).expectedMs).toBe(100);
    answer(warm("p", { models: weights("a") }), 100);
    answer(warm("p"), 100);
    expect(expected(warm("p")).byDefault).toBe(false);
    expect(expected(warm("p", { models: weights("b") })).byDefault).toBe(true);
  });

  it("is none of which the backend's version is told later", () => {
    const { expected, answer } = tryEvidence();
    const untold = new Map([["m", fakeModel({ backend: { kind: "ollama" } })]]);
    answer(warm("p", { models: untold }), 100);
    expect(expected(warm("p", { models: backend("1") }))).toMatchObject({ expectedMs: 100, byDefault: false });
    answer(warm("p", { models: backend("1") }), 100);
    expect(expected(warm("p", { models: backend("2") })).byDefault).toBe(true);
  });

  it("is not taught by an attempt that was sent to the one before", () => {
    const { clock, evidence, expected, answer } = tryEvidence();
    const old = evidence.observe(warm("p"), fakeTraits({ promptTokens: 1_000 }));
    const updated = warm("p", { agentVersion: "2.0.0" });
    answer(updated, 500);
    clock.advance(60_000);
    old.content();
    old.ended("completed", { prompt_tokens: 1_000, completion_tokens: 1 });
    expect(expected(updated).expectedMs).toBe(500);
  });
});

describe("a model", () => {
  it("is expected to answer with 256 tokens, then with what 19 of 20 of its answers keep to", () => {
    const { evidence, answer } = tryEvidence();
    expect([evidence.expectedAnswerTokens("m", undefined), evidence.expectedAnswerTokens("m", 100)]).toEqual([
      256, 100,
    ]);
    for (let i = 0; i < 19; i++) answer(warm(), 100, { completion_tokens: 2_000 });
    expect(evidence.expectedAnswerTokens("m", undefined)).toBe(256);
    for (let i = 0; i < 200; i++) answer(warm(`p${i}`), 100, { completion_tokens: i < 185 ? 40 : 900 });
    const expected = evidence.expectedAnswerTokens("m", undefined);
    expect(expected).toBeGreaterThan(800);
    expect(evidence.expectedAnswerTokens("m", 64_000)).toBe(expected);
    expect(evidence.expectedAnswerTokens("m", 10)).toBe(10);
    expect(evidence.expectedAnswerTokens("other", undefined)).toBe(256);
    // It follows its answers; those that nobody counted are none.
    for (let i = 0; i < 500; i++) answer(warm(), 100, { completion_tokens: 0 });
    expect(evidence.expectedAnswerTokens("m", undefined)).toBe(expected);
    for (let i = 0; i < 2_000; i++) answer(warm(), 100, { completion_tokens: 5 });
    expect(evidence.expectedAnswerTokens("m", undefined)).toBeLessThan(10);
  });

  it("remembers when somebody last answered with it", () => {
    const { clock, evidence, answer, hang } = tryEvidence();
    expect(evidence.lastSuccessAt("m")).toBeUndefined();
    hang(warm(), 1_000);
    expect(evidence.lastSuccessAt("m")).toBeUndefined();
    answer(warm(), 500);
    const answeredAt = clock.now();
    clock.advance(5_000);
    expect(evidence.lastSuccessAt("m")).toBe(answeredAt);
    expect(evidence.lastSuccessAt("other")).toBeUndefined();
  });
});

it("takes each end and each first content once", () => {
  const { clock, evidence, terms } = tryEvidence();
  const observation = evidence.observe(warm(), fakeTraits({ promptTokens: 1_000 }));
  clock.advance(1_000);
  observation.content();
  clock.advance(1_000);
  observation.content();
  observation.ended("completed", { prompt_tokens: 1_000, completion_tokens: 1 });
  clock.advance(90_000);
  observation.content();
  observation.ended("lost_race");
  observation.ended("completed", { prompt_tokens: 1_000, completion_tokens: 1 });
  expect(terms(warm())).toMatchObject({ prefill: 1_000, censored: 0 });
  expect(evidence.reputationMs(warm())).toBe(0);
});

it("remembers a bounded number of machines and models, those that were used last", () => {
  const { evidence, expected, answer } = tryEvidence({ maxPairs: 100, maxModels: 10 });
  for (let i = 0; i < 150; i++) answer(warm(`p${i}`), 100);
  answer(warm("p50"), 100);
  answer(warm("new"), 100);
  expect(evidence.pairs).toBe(100);
  expect(["p49", "p50", "p51", "p52", "new"].map((id) => expected(warm(id)).byDefault)).toEqual([
    true,
    false,
    true,
    false,
    false,
  ]);
  for (let i = 0; i < 10; i++) answer(warm(), 100, { traits: { model: `m${i}` } });
  expect(evidence.lastSuccessAt("m")).toBeUndefined();
});

it("reads its settings anew each time", () => {
  const settings = { ...DEFAULT_EVIDENCE };
  const evidence = new Evidence(new FakeClock(), () => settings);
  Object.assign(settings, { leastMs: 30_000, assumedPrefillTps: 1_000 });
  const { estimateMs, expectedMs } = evidence.expect(warm(), fakeTraits({ promptTokens: 1_000 }));
  expect([estimateMs, expectedMs]).toEqual([30_000, 1_000]);
});
