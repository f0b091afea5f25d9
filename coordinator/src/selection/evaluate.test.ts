import fc from "fast-check";
import { expect, it } from "vitest";
import {
  type FakeProvider,
  fakeBreaker,
  fakeContext,
  fakeModel,
  fakeProvider,
  fakeSlot,
  fakeTraits,
} from "../testing/fake-provider.js";
import { evaluate, survey } from "./evaluate.js";
import { gatesOf } from "./gate-set.js";
import { SHAPES } from "./traits.js";

it("tells all gates, the terms, the expectation and the probe of one provider", () => {
  const health = fakeBreaker({ isOpen: () => true, probe: () => "claimed" });
  const evaluation = evaluate(fakeProvider("p", { status: "draining" }), fakeContext({}, { health }));
  expect(evaluation).toMatchObject({ gates: ["error_cooldown", "draining"], probe: "claimed" });
  expect(evaluation.terms.load).toBe(2_500);
  expect(evaluation.expectation.expectedMs).toBe(2_500 + 100 / 0.5);
});

const providers: fc.Arbitrary<FakeProvider> = fc
  .record({
    status: fc.constantFrom("serving" as const, "draining" as const, "offline" as const),
    leased: fc.nat(6),
    untrusted: fc.boolean(),
    account: fc.constantFrom("caller", "owner"),
    vision: fc.boolean(),
    contextLength: fc.option(fc.integer({ min: 1, max: 400 }), { nil: undefined }),
    state: fc.option(fc.constantFrom("running" as const, "idle_shutdown" as const, "crashed" as const)),
    queued: fc.nat(3),
  })
  .map(({ vision, contextLength, state, queued, ...changes }) => {
    const models = new Map([
      ["m", fakeModel({ capabilities: { vision }, ...(contextLength ? { context_length: contextLength } : {}) })],
    ]);
    const slots = new Map(state === null ? [] : [["m", fakeSlot({ state, queued })]]);
    return fakeProvider("p", { ...changes, models, slots });
  });
const requests = fc.record({
  shape: fc.constantFrom(...SHAPES),
  route: fc.constantFrom("any" as const, "self" as const, "prefer" as const),
  promptTokens: fc.nat(500),
});

it("thinks the same of a provider whether it is looked at alone or with all others, and its terms add up", () => {
  fc.assert(
    fc.property(fc.array(providers, { maxLength: 5 }), requests, (fleet, { promptTokens, ...request }) => {
      const traits = fakeTraits({ ...request, promptTokens, leastPromptTokens: promptTokens / 2 });
      const context = fakeContext({ traits });
      const { candidates, rejected } = survey(fleet, context);
      const alone = fleet.map((provider) => evaluate(provider, context));
      expect(candidates.map(({ total }) => total)).toEqual(
        alone.filter(({ gates }) => gates.length === 0).map(({ total }) => total),
      );
      expect(rejected.map(({ gates }) => gatesOf(gates))).toEqual(
        alone.filter(({ gates }) => gates.length > 0).map(({ gates }) => gates),
      );
      for (const { total, terms } of alone) {
        const values = Object.values(terms);
        expect(values.every((term) => Number.isFinite(term) && term >= 0)).toBe(true);
        expect(values.reduce((sum, term) => sum + term, 0)).toBeCloseTo(total, 6);
      }
    }),
  );
});
