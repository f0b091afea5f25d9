import { FakeClock } from "@hearth/platform/testing";
import { SLOT_STATES } from "@hearth/protocol";
import fc from "fast-check";
import { expect, it } from "vitest";
import { fakeModel, fakeProvider, fakeSlot, fakeTraits } from "../../testing/fake-provider.js";
import { DEFAULT_REPUTATION } from "../reputation/settings.js";
import { Evidence, type Observation } from "./evidence.js";
import { DEFAULT_EVIDENCE } from "./settings.js";

const rate = fc.option(fc.oneof(fc.double({ min: 0, max: 1e7, noNaN: true }), fc.constant(5e-324)), { nil: undefined });
const count = fc.oneof(fc.nat(200_000), fc.constantFrom(0, 1, 63, 64, Number.MAX_SAFE_INTEGER));

/** A machine as it may tell of itself: whatever the frames' schemas let through. */
const machine = fc
  .record({
    id: fc.constantFrom("a", "b"),
    agentVersion: fc.constantFrom("1.0.0", "1.1.0"),
    chip: fc.constantFrom("Apple M1", "Apple M4 Max", "AMD EPYC", ""),
    weights: fc.option(count, { nil: undefined }),
    state: fc.option(fc.constantFrom(...SLOT_STATES), { nil: undefined }),
    decode: rate,
    prefill: rate,
    load: fc.nat(64),
    tokensAhead: count,
  })
  .map(({ id, agentVersion, chip, weights, state, decode, prefill, load, tokensAhead }) => {
    const rates = { ...(decode === undefined ? {} : { decode_tps: decode }) };
    const slot = state && fakeSlot({ state, ...rates, ...(prefill === undefined ? {} : { prefill_tps: prefill }) });
    return fakeProvider(id, {
      agentVersion,
      hardware: { ...fakeProvider(id).hardware, chip },
      models: new Map([["m", fakeModel(weights === undefined ? {} : { weights_bytes: weights })]]),
      slots: new Map(slot === undefined ? [] : [["m", slot]]),
      load: () => load,
      tokensAhead: () => tokensAhead,
    });
  });

const step = fc.oneof(
  fc.record({ type: fc.constant("send" as const), machine, tokens: count, continued: fc.boolean() }),
  fc.record({ type: fc.constant("wait" as const), ms: fc.oneof(fc.nat(1_000), fc.nat(1_000_000)) }),
  fc.record({ type: fc.constant("content" as const), which: fc.nat(9) }),
  fc.record({
    type: fc.constant("end" as const),
    which: fc.nat(9),
    how: fc.constantFrom("completed" as const, "failed" as const, "given_up" as const, "lost_race" as const),
    usage: fc.option(
      fc.record(
        { prompt_tokens: count, completion_tokens: count, cached_tokens: count },
        {
          requiredKeys: ["prompt_tokens", "completion_tokens"],
        },
      ),
      { nil: undefined },
    ),
  }),
);

it("whatever happened, the terms are finite, not negative, and add up", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), machine, count, (steps, asked, promptTokens) => {
      const clock = new FakeClock();
      const evidence = new Evidence(clock);
      const observations: Observation[] = [];
      const at = (which: number) => observations[which % Math.max(1, observations.length)];
      for (const each of steps) {
        if (each.type === "wait") clock.advance(each.ms);
        else if (each.type === "content") at(each.which)?.content();
        else if (each.type === "end") at(each.which)?.ended(each.how, each.usage);
        else {
          const conversation = { id: "c", continued: each.continued };
          observations.push(evidence.observe(each.machine, fakeTraits({ promptTokens: each.tokens, conversation })));
        }
      }
      const traits = fakeTraits({ promptTokens });
      const { expectedMs, estimateMs, terms } = evidence.expect(asked, traits);
      let total = 0;
      for (const ms of Object.values(terms)) {
        expect(ms).toBeGreaterThanOrEqual(0);
        expect(ms).toBeLessThan(Number.POSITIVE_INFINITY);
        total += ms;
      }
      expect(Object.keys(terms)).toEqual(["connect", "load", "ahead", "prefill", "censored"]);
      expect(expectedMs).toBe(total);
      const { leastMs, spread } = DEFAULT_EVIDENCE;
      // What was waited for in vain is added as it is.
      const within = (times: number): number =>
        Math.max(leastMs, times * (expectedMs - terms.censored) + terms.censored);
      expect(estimateMs).toBeGreaterThanOrEqual(within(spread.least));
      expect(estimateMs).toBeLessThanOrEqual(within(spread.most));
      // A look changes nothing.
      expect(evidence.expect(asked, traits).expectedMs).toBe(expectedMs);
      const reputation = evidence.reputationMs(asked);
      expect(reputation).toBeGreaterThanOrEqual(0);
      expect(reputation).toBeLessThanOrEqual(DEFAULT_REPUTATION.mostMs);
    }),
    { numRuns: 500 },
  );
});

it("a machine that keeps a rate is expected to keep it, whatever sizes of prompts it has read", () => {
  // Half of them at least take longer than any overhead: from others nobody could tell.
  const long = fc.integer({ min: 5_000, max: 50_000 });
  const prompts = fc
    .array(fc.tuple(fc.integer({ min: 1, max: 50_000 }), long), { minLength: 10, maxLength: 30 })
    .map((pairs) => pairs.flat());
  const speed = fc.record({ tps: fc.integer({ min: 20, max: 5_000 }), overheadMs: fc.integer({ min: 0, max: 400 }) });
  fc.assert(
    fc.property(prompts, speed, fc.integer({ min: 2_000, max: 100_000 }), (sizes, { tps, overheadMs }, asked) => {
      const clock = new FakeClock();
      const evidence = new Evidence(clock);
      const provider = fakeProvider("p", { slots: new Map([["m", fakeSlot()]]) });
      for (const tokens of [1, ...sizes]) {
        const observation = evidence.observe(provider, fakeTraits({ promptTokens: tokens }));
        clock.advance(overheadMs + (tokens / tps) * 1_000);
        observation.content();
        observation.ended("completed", { prompt_tokens: tokens, completion_tokens: 1 });
      }
      const truth = overheadMs + (asked / tps) * 1_000;
      const { expectedMs } = evidence.expect(provider, fakeTraits({ promptTokens: asked }));
      expect(expectedMs / truth).toBeGreaterThan(0.8);
      expect(expectedMs / truth).toBeLessThan(1.25);
    }),
  );
});
