import { seededRng } from "@hearth/platform";
import { FakeClock } from "@hearth/platform/testing";
import fc from "fast-check";
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
import { CircuitBreaker } from "./circuit-breaker.js";
import { evaluate, survey } from "./evaluate.js";
import type { EvaluationContext } from "./evaluation-context.js";
import { Evidence, type Observation } from "./evidence/evidence.js";
import { DEFAULT_EVIDENCE } from "./evidence/settings.js";
import { gatesOf } from "./gate-set.js";
import type { Verdict } from "./pick-result.js";
import { DEFAULT_SELECTION, type SelectionSettings } from "./settings.js";

/** A provider whose version is another one after each change, and after no other. */
function honest(id: string): FakeProvider {
  const account = id === "a" ? "caller" : "owner";
  return fakeProvider(id, { version: 0, account, slots: new Map([["m", fakeSlot()]]) });
}

function change(provider: FakeProvider, changes: Partial<FakeProvider>): void {
  Object.assign(provider, changes, { version: provider.version + 1 });
}

const state = fc.constantFrom("running" as const, "idle_shutdown" as const, "crashed" as const, "reloading" as const);
const slots = fc
  .record({ state, queued: fc.nat(3), max_concurrency: fc.integer({ min: 1, max: 4 }) })
  .chain((slot) => fc.constantFrom(slot, { ...slot, budget_max: 900, budget_used: 300 }, { ...slot, decode_tps: 50 }))
  .map((slot) => new Map([["m", fakeSlot(slot)]]));
const models = fc
  .record({ vision: fc.boolean(), tools: fc.boolean() })
  .chain((capabilities) => fc.constantFrom<object>({ capabilities }, { capabilities, context_length: 200 }))
  .map((advert) => new Map([["m", fakeModel({ ...advert, weights_bytes: 2 ** 34 })]]));
const changes: fc.Arbitrary<Partial<FakeProvider>> = fc.oneof(
  fc.record({ slots }),
  fc.record({ models }),
  fc.record({ leased: fc.nat(4) }),
  fc.record({ status: fc.constantFrom("serving" as const, "draining" as const) }),
  fc.record({ availableTo: fc.constantFrom("everyone" as const, "owner" as const, "nobody" as const) }),
  fc.record({ vitals: fc.constantFrom({ thermal: "critical" as const }, { cpu_load: 1 }, { memory_free_bytes: 1 }) }),
  fc.record({ agentVersion: fc.constantFrom("1.0.0", "2.0.0") }),
  fc.record({ freshUntil: fc.constantFrom(60_000, Number.POSITIVE_INFINITY) }),
);

const which = fc.nat(2);
const verdict = fc.constantFrom<Verdict>("success", "late", { confirmed: true, connectionLost: false });
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant("change" as const), which, changes }) },
  fc.record({ type: fc.constant("wait" as const), ms: fc.nat(40_000) }),
  fc.record({ type: fc.constant("settings" as const), queueMs: fc.nat(5_000), assumedConnectMs: fc.nat(500) }),
  { weight: 2, arbitrary: fc.record({ type: fc.constant("send" as const), which }) },
  fc.record({ type: fc.constant("content" as const), which }),
  fc.record({ type: fc.constant("end" as const), which, lost: fc.boolean() }),
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant("answer" as const), which, ms: fc.integer({ min: 1, max: 9_000 }) }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("judge" as const), which, verdict }) },
  fc.record({ type: fc.constant("refuse" as const), which }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const USAGE = { prompt_tokens: 500, completion_tokens: 10 };

/** Three machines, with evidence and a breaker that are real, and what has happened among them. */
class Story {
  readonly clock: FakeClock = new FakeClock();
  readonly fleet: readonly FakeProvider[] = ["a", "b", "c"].map(honest);
  #settings: SelectionSettings = DEFAULT_SELECTION;
  #evidenceSettings = { ...DEFAULT_EVIDENCE, maxPairs: 2 };
  readonly #evidence = new Evidence(this.clock, () => this.#evidenceSettings);
  readonly #breaker = new CircuitBreaker({
    clock: this.clock,
    rng: seededRng(1),
    hooks: { opened() {}, capacityCooled() {} },
  });
  readonly #sent: Observation[] = [];
  readonly #traits = fakeTraits();

  tell(step: Step): void {
    switch (step.type) {
      case "change":
        return change(this.#at(step.which), step.changes);
      case "wait":
        return this.clock.advance(step.ms);
      case "settings":
        this.#settings = { ...DEFAULT_SELECTION, score: { ...DEFAULT_SELECTION.score, queueMs: step.queueMs } };
        this.#evidenceSettings = { ...this.#evidenceSettings, assumedConnectMs: step.assumedConnectMs };
        return;
      case "send":
        this.#sent.push(this.#evidence.observe(this.#at(step.which), this.#traits));
        return;
      case "content":
        return this.#sent.at(-1 - step.which)?.content();
      case "end":
        return this.#sent.at(-1 - step.which)?.ended(step.lost ? "lost_race" : "completed", USAGE);
      case "answer": {
        const observation = this.#evidence.observe(this.#at(step.which), this.#traits);
        this.clock.advance(step.ms);
        observation.content();
        return observation.ended("completed", USAGE);
      }
      case "judge":
        return this.#breaker.judge(this.#at(step.which), this.#traits, step.verdict, this.clock.now());
      case "refuse":
        return this.#breaker.report(this.#at(step.which), this.#traits, "refusal", this.clock.now());
    }
  }

  context(traits: Parameters<typeof fakeTraits>[0]): EvaluationContext {
    const settings = () => this.#settings;
    const deps = { clock: this.clock, settings, health: this.#breaker, expecting: this.#evidence };
    return fakeContext({ traits: fakeTraits(traits) }, deps);
  }

  #at(which: number): FakeProvider {
    return this.fleet[which] as FakeProvider;
  }
}

const requests = fc.record({
  shape: fc.constantFrom("base" as const, "tools" as const, "vision" as const),
  route: fc.constantFrom("any" as const, "self" as const, "prefer" as const),
  dialect: fc.constantFrom(undefined, undefined, "messages" as const),
  promptTokens: fc.nat(500),
});

it("finds of all together what it finds of each alone, whatever has changed since the last choice", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(step, requests), { maxLength: 40 }), (steps) => {
      const story = new Story();
      for (const [each, request] of steps) {
        story.tell(each);
        const context = story.context({ ...request, leastPromptTokens: request.promptTokens / 2 });
        const { candidates, rejected } = survey(story.fleet, context);
        const alone = story.fleet.map((provider) => evaluate(provider, context));
        const free = alone.filter(({ gates }) => gates.length === 0);
        expect(
          candidates.map(({ provider, total, expectedMs, byDefault }) => [provider.id, total, expectedMs, byDefault]),
        ).toEqual(
          free.map(({ provider, total, expectation }) => [
            provider.id,
            total,
            expectation.expectedMs,
            expectation.byDefault,
          ]),
        );
        expect(rejected.map(({ provider, gates }) => [provider.id, gatesOf(gates)])).toEqual(
          alone.filter(({ gates }) => gates.length > 0).map(({ provider, gates }) => [provider.id, gates]),
        );
      }
    }),
    { numRuns: 300 },
  );
});

describe("what changes with time alone", () => {
  const expecting = fakeExpecting();
  const gates = (fleet: readonly FakeProvider[], at: { now: number; wall: number }) =>
    survey(fleet, fakeContext({}, { expecting, clock: { now: () => at.now, wallTime: () => at.wall } })).rejected.map(
      (each) => gatesOf(each.gates),
    );

  it("is seen at once where a gate may open by it", () => {
    const distrusted = Object.assign(honest("b"), { untrusted: true, backlogBytes: 2 ** 30 });
    const fleet = [distrusted];
    expect(gates(fleet, { now: 0, wall: 0 })).toEqual([["untrusted", "no_headroom"]]);
    Object.assign(distrusted, { untrusted: false, backlogBytes: 0 });
    expect(gates(fleet, { now: 0, wall: 0 })).toEqual([]);
  });

  it("makes proofs stale when this process stood still, or the wall clock was set", () => {
    const proven = Object.assign(honest("b"), { freshUntil: 5_000 });
    const fleet = [proven];
    expect(gates(fleet, { now: 4_999, wall: 10_000 })).toEqual([]);
    // It is read anew only then: its version has not changed.
    proven.freshUntil = 1_000;
    expect(gates(fleet, { now: 4_999, wall: 10_500 })).toEqual([]);
    expect(gates(fleet, { now: 4_999, wall: 12_000 })).toEqual([["challenge_stale"]]);
  });

  it("does so when they are old enough", () => {
    const fleet = [Object.assign(honest("b"), { freshUntil: 5_000 })];
    expect(gates(fleet, { now: 4_999, wall: 4_999 })).toEqual([]);
    expect(gates(fleet, { now: 5_000, wall: 5_000 })).toEqual([["challenge_stale"]]);
  });
});
