import { describe, expect, it } from "vitest";
import { cold, slotsOf, tryEvidence, warm } from "../../testing/evidence-trial.js";
import { fakeProvider, fakeTraits } from "../../testing/fake-provider.js";

describe("the rate of prefill", () => {
  it("is what was observed, against what the machine tells", () => {
    const { expected, answer } = tryEvidence();
    const provider = warm("p", { slots: slotsOf({ prefill_tps: 50 }) });
    answer(provider, 10_000, { prompt_tokens: 20_000 });
    expect(expected(provider)).toMatchObject({ expectedMs: 500, byDefault: false });
    expect(expected(warm("another"))).toMatchObject({ expectedMs: 2_000, byDefault: true });
  });

  it("follows a machine that has become slower", () => {
    const { terms, answer } = tryEvidence();
    answer(warm(), 500);
    for (let i = 0; i < 20; i++) answer(warm(), 5_000);
    expect(terms(warm()).prefill).toBeGreaterThan(4_500);
    expect(terms(warm()).prefill).toBeLessThanOrEqual(5_000);
  });

  it("is told more of by long prompts than by short ones, up to a bound", () => {
    const { terms, answer } = tryEvidence();
    // 4,000 tokens at 1,000 a second, and then the noise of short ones.
    answer(warm(), 4_000, { prompt_tokens: 4_000 });
    for (let i = 0; i < 3; i++) answer(warm(), 400, { prompt_tokens: 100 });
    expect(terms(warm()).prefill).toBeLessThan(1_150);
    // One at 100 a second is not remembered for ever, however long it was.
    const once = warm("once");
    answer(once, 1_000_000, { prompt_tokens: 100_000 });
    for (let i = 0; i < 20; i++) answer(once, 4_000, { prompt_tokens: 4_000 });
    expect(terms(once).prefill).toBeLessThan(1_200);
  });

  it("is not raised by tokens from a cache", () => {
    const { terms, answer } = tryEvidence();
    answer(warm(), 2_000);
    for (let i = 0; i < 10; i++) answer(warm(), 50, { prompt_tokens: 10_000, cached_tokens: 9_990 });
    expect(terms(warm()).prefill).toBe(2_000);
    for (let i = 0; i < 10; i++) answer(warm(), 2_050, { prompt_tokens: 9_000, cached_tokens: 8_000 });
    expect(terms(warm()).prefill).toBeGreaterThan(1_900);
  });

  it("is not raised, but may be lowered, by a conversation of whose cache nobody tells", () => {
    const { terms, answer } = tryEvidence();
    const traits = { conversation: { id: "c", continued: true } };
    answer(warm(), 1_000);
    answer(warm(), 100, { traits });
    expect(terms(warm()).prefill).toBe(1_000);
    answer(warm(), 6_000, { traits });
    expect(terms(warm()).prefill).toBeGreaterThan(1_500);
    // Where the backend tells, nothing needs to be presumed.
    const told = warm("told");
    answer(told, 100, { traits, cached_tokens: 0 });
    expect(terms(told).prefill).toBe(100);
  });

  it("leaves out what others were in front of, and says nothing where that was most of the time", () => {
    const { terms, answer } = tryEvidence();
    const aheadOf = (id: string, others: number) =>
      warm(id, { slots: slotsOf({ decode_tps: 127 }), load: () => 2, tokensAhead: () => 512 + others });
    // Its own slot counts 512 tokens: those are nobody else's.
    const busy = aheadOf("busy", 100);
    answer(busy, 4_000);
    expect(terms(busy).prefill).toBeCloseTo(3_000);
    // Where nothing runs beside, nothing was in front.
    const only = warm("only", { ...busy, id: warm("only").id, load: () => 1, tokensAhead: () => 9_000 });
    answer(only, 4_000);
    expect(terms(only).prefill).toBe(4_000);
    // A slot is taken for what an answer is expected to come to, not for its bound.
    const short = warm("short", { ...busy, id: warm("short").id, tokensAhead: () => 100 + 256 + 100 });
    answer(short, 4_000, { prompt_tokens: 100, traits: { maxTokens: 64_000 } });
    expect(terms(short, 100).prefill).toBeCloseTo(3_000);
    const crowded = aheadOf("crowded", 200);
    answer(crowded, 3_000);
    expect(terms(crowded).prefill).toBe(2_000);
    expect(tryEvidence().evidence.expect(crowded, fakeTraits()).byDefault).toBe(true);
  });

  it("is not taught by a prompt that waited beside another, by a cold start, or by a count of nothing", () => {
    const { clock, evidence, terms, answer } = tryEvidence();
    const first = evidence.observe(warm(), fakeTraits({ promptTokens: 1_000 }));
    const second = evidence.observe(warm(), fakeTraits({ promptTokens: 1_000 }));
    clock.advance(1_000);
    first.content();
    clock.advance(3_000);
    second.content();
    second.ended("completed", { prompt_tokens: 1_000, completion_tokens: 1 });
    expect(terms(warm()).prefill).toBe(2_000);
    first.ended("completed", { prompt_tokens: 1_000, completion_tokens: 1 });
    expect(terms(warm()).prefill).toBe(1_000);
    answer(cold(), 9_000);
    expect(terms(cold()).prefill).toBe(2_000);
    answer(warm("uncounted"), 9_000, { prompt_tokens: 0 });
    expect(terms(warm("uncounted"))).toMatchObject({ connect: 0, prefill: 2_000 });
    // No time at all is a clock that stood still.
    answer(warm("at once"), 0);
    expect(terms(warm("at once")).prefill).toBe(2_000);
    // Nobody knows what it did first.
    answer(fakeProvider("untold"), 9_000);
    expect(terms(fakeProvider("untold"))).toMatchObject({ load: 2_500, prefill: 2_000 });
  });

  it("is not taught by an answer that failed after its first content", () => {
    const { clock, evidence, expected } = tryEvidence();
    const observation = evidence.observe(warm(), fakeTraits({ promptTokens: 1_000 }));
    clock.advance(100);
    observation.content();
    observation.ended("failed", { prompt_tokens: 1_000, completion_tokens: 1 });
    expect(expected(warm())).toMatchObject({ expectedMs: 2_000, byDefault: true });
  });
});

describe("the overhead", () => {
  it("is what a prompt of few tokens takes, and no part of the rate", () => {
    const { terms, answer } = tryEvidence();
    answer(warm(), 340, { prompt_tokens: 20 });
    expect(terms(warm())).toMatchObject({ connect: 300, prefill: 2_000 });
    answer(warm(), 1_300);
    expect(terms(warm())).toMatchObject({ connect: 300, prefill: 1_000 });
  });

  it("is no more than all that an attempt took", () => {
    const { terms, answer } = tryEvidence();
    answer(warm(), 5_000, { prompt_tokens: 1 });
    answer(warm(), 500);
    expect(terms(warm()).connect).toBe(400);
    // It comes down until it leaves time for the prompt.
    for (let i = 0; i < 10; i++) answer(warm(), 500);
    expect(terms(warm()).connect).toBeLessThan(250);
    expect(terms(warm()).connect + terms(warm()).prefill).toBeCloseTo(500);
  });

  it("is all that a prompt tells of which the machine made short work", () => {
    const { terms, answer } = tryEvidence();
    answer(warm(), 400, { prompt_tokens: 1 });
    answer(warm(), 2_400, { prompt_tokens: 10_000 });
    for (let i = 0; i < 50; i++) answer(warm(), 413, { prompt_tokens: 64 });
    expect(terms(warm(), 10_000).prefill).toBeCloseTo(2_000, -1);
    expect(terms(warm()).connect).toBeCloseTo(400, -1);
  });
});

describe("the time to load", () => {
  it("is learnt from one cold start", () => {
    const { expected, terms, answer } = tryEvidence();
    answer(cold(), 9_000);
    expect(terms(cold()).load).toBe(7_000);
    expect(expected(cold()).byDefault).toBe(false);
    // Of the warm machine nothing has been seen.
    expect(expected({ ...cold(), slots: slotsOf({}) })).toMatchObject({ expectedMs: 2_000, byDefault: true });
  });

  it("is not what is left of it for who comes while it is under way", () => {
    const { clock, evidence, terms } = tryEvidence();
    const first = evidence.observe(cold(), fakeTraits({ promptTokens: 1_000 }));
    clock.advance(8_000);
    const second = evidence.observe(cold(), fakeTraits({ promptTokens: 1_000 }));
    clock.advance(4_000);
    second.content();
    expect(terms(cold()).load).toBe(20_000);
    first.content();
    expect(terms(cold()).load).toBe(10_000);
  });
});

describe("the spread", () => {
  it("grows where a machine keeps taking longer than expected, and shrinks where it does not", () => {
    const { expected, answer } = tryEvidence();
    const ratio = () => expected(warm(), 50_000).estimateMs / expected(warm(), 50_000).expectedMs;
    answer(warm(), 2_000);
    expect(ratio()).toBe(2);
    for (let i = 0; i < 40; i++) answer(warm(), 2_000);
    expect(ratio()).toBe(1.5);
    // Every fifth takes five times as long; tokens that are not counted leave the rate as it is.
    const uncounted = { prompt_tokens: 0, traits: { promptTokens: 1_000 } };
    for (let i = 0; i < 100; i++) answer(warm(), i % 5 === 0 ? 10_000 : 2_000, uncounted);
    expect(ratio()).toBeGreaterThan(4);
    expect(ratio()).toBeLessThan(6);
    for (let i = 0; i < 20; i++) answer(warm(), 100_000, uncounted);
    expect(ratio()).toBe(6);
  });

  it("is not learnt from a cold start, of which the load is an assumption", () => {
    const { expected, answer } = tryEvidence();
    const started = { ...cold(), slots: slotsOf({}) };
    answer(started, 2_000);
    answer(cold(), 100_000);
    const { estimateMs, expectedMs } = expected(started, 50_000);
    expect(estimateMs / expectedMs).toBe(2);
  });

  it("is not learnt from a guess, nor from moments", () => {
    const { expected, answer } = tryEvidence();
    answer(warm(), 60_000);
    expect(expected(warm()).estimateMs).toBe(2 * expected(warm()).expectedMs);
    for (let i = 0; i < 20; i++) answer(warm("quick"), i === 0 ? 100 : 900);
    const { estimateMs, expectedMs } = expected(warm("quick"), 1_000_000);
    expect(estimateMs / expectedMs).toBe(2);
  });
});
