import { describe, expect, it } from "vitest";
import { fakeExpecting } from "../testing/fake-expecting.js";
import {
  type FakeProvider,
  fakeContext,
  fakeModel,
  fakeProvider,
  fakeSlot,
  fakeTraits,
} from "../testing/fake-provider.js";
import { Contender } from "./contenders.js";
import { type Evaluation, evaluate } from "./evaluate.js";
import { score } from "./score.js";
import type { Traits } from "./traits.js";

function evaluated(provider: FakeProvider, traits: Partial<Traits> = {}): Evaluation {
  return evaluate(provider, fakeContext({ traits: fakeTraits(traits) }));
}

const slot = (changes: Parameters<typeof fakeSlot>[0]) => ({ slots: new Map([["m", fakeSlot(changes)]]) });

it("adds up", () => {
  const vitals = { memory_pressure: 0.5, cpu_load: 0.2, gpu_load: 0.1, thermal: "fair" as const };
  const busy = fakeProvider("p", { vitals, ...slot({ queued: 2 }), tokensAhead: () => 300, leased: 3 });
  const { total, terms } = evaluated(busy, { route: "prefer", promptTokens: 5_000 });
  expect(Object.values(terms).reduce((sum, term) => sum + term, 0)).toBeCloseTo(total, 6);
  expect(terms).toMatchObject({ queue: 6_000, pending: 2_250, owner: 60_000, health: 2_000 + 300 + 500 + 2_000 });
});

it("takes the terms of the first content from the evidence, and the reputation beside", () => {
  const terms = { connect: 1, load: 2, ahead: 3, prefill: 4, censored: 5 };
  const expecting = fakeExpecting({
    expect: () => ({ expectedMs: 15, estimateMs: 10_000, byDefault: false, terms }),
    reputationMs: () => 70,
  });
  const evaluation = evaluate(fakeProvider("p"), fakeContext({}, { expecting }));
  expect(evaluation.terms).toMatchObject({ ...terms, reputation: 70 });
  expect(evaluation.expectation).toMatchObject({ expectedMs: 15, byDefault: false });
});

it("counts an answer at the rate that one more request would get, by what was observed before what is estimated", () => {
  const models = new Map([["m", fakeModel({ weights_bytes: 8e9 })]]);
  const hardware = { ...fakeProvider("x").hardware, chip: "Apple M1" };
  const estimated = evaluated(fakeProvider("p", { models, hardware }));
  expect(estimated.terms.decode).toBeCloseTo((100 / ((0.6 * 68e9) / 8e9)) * 1_000);
  const observed = fakeProvider("p", { models, hardware, ...slot({ decode_tps: 100 }) });
  expect(evaluated(observed).terms.decode).toBe(1_000);
  observed.leased = 2;
  expect(evaluated(observed).terms.decode).toBeCloseTo(1_000 * (1 + 2 * 0.27));
});

it("expects an answer, not its bound", () => {
  expect(evaluated(fakeProvider("p"), { maxTokens: 64_000 }).terms.decode).toBeCloseTo((256 / 30) * 1_000);
});

describe("a prompt that may be too long", () => {
  const tight = (context_length: number): boolean => {
    const context = fakeContext();
    const provider = fakeProvider("p", { models: new Map([["m", fakeModel({ context_length })]]) });
    const contender = new Contender(provider, "m", context.expecting);
    score(contender, context);
    return contender.tight;
  };

  it("is known as such where only the least that it may come to is within the context", () => {
    expect([tight(99), tight(100)]).toEqual([true, false]);
  });
});
