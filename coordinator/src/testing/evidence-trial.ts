import { FakeClock } from "@hearth/platform/testing";
import type { Slot, Usage } from "@hearth/protocol";
import { Evidence, type ObservedEnd } from "../selection/evidence/evidence.js";
import { DEFAULT_EVIDENCE, type EvidenceSettings } from "../selection/evidence/settings.js";
import type { Expecting } from "../selection/expecting.js";
import type { Traits } from "../selection/traits.js";
import { type FakeProvider, fakeProvider, fakeSlot, fakeTraits } from "./fake-provider.js";

/** Evidence on a clock of its own, and attempts that go one way or another. */
export interface EvidenceTrial {
  readonly clock: FakeClock;
  readonly evidence: Evidence;
  /** What is expected for a prompt of so many tokens, 1,000 by default. */
  expected(provider: FakeProvider, tokens?: number): ReturnType<Expecting["expect"]>;
  terms(provider: FakeProvider, tokens?: number): ReturnType<Expecting["expect"]>["terms"];
  /** An attempt that is answered, with its first content after so long. */
  answer(provider: FakeProvider, tookMs: number, changes?: Partial<Usage> & { traits?: Partial<Traits> }): void;
  /** An attempt that nothing comes of. */
  hang(provider: FakeProvider, ms: number, how?: ObservedEnd): void;
}

export function tryEvidence(settings: Partial<EvidenceSettings> = {}): EvidenceTrial {
  const clock = new FakeClock();
  const evidence = new Evidence(clock, () => ({ ...DEFAULT_EVIDENCE, ...settings }));
  const expected: EvidenceTrial["expected"] = (provider, promptTokens = 1_000) =>
    evidence.expect(provider, fakeTraits({ promptTokens }));
  return {
    clock,
    evidence,
    expected,
    terms: (provider, tokens) => expected(provider, tokens).terms,
    answer(provider, tookMs, { traits, ...counted } = {}) {
      const usage: Usage = { prompt_tokens: 1_000, completion_tokens: 10, ...counted };
      const observation = evidence.observe(provider, fakeTraits({ promptTokens: usage.prompt_tokens, ...traits }));
      clock.advance(tookMs);
      observation.content();
      clock.advance(500);
      observation.ended("completed", usage);
    },
    hang(provider, ms, how = "given_up") {
      const observation = evidence.observe(provider, fakeTraits({ promptTokens: 1_000 }));
      clock.advance(ms);
      observation.ended(how);
    },
  };
}

export const slotsOf = (changes: Partial<Slot>): ReadonlyMap<string, Slot> => new Map([["m", fakeSlot(changes)]]);

/** A machine that has the model in memory. */
export const warm = (id = "warm", changes: Partial<FakeProvider> = {}): FakeProvider =>
  fakeProvider(id, { slots: slotsOf({}), ...changes });

/** A machine that would have to load it first. */
export const cold = (changes: Partial<FakeProvider> = {}): FakeProvider =>
  fakeProvider("cold", { slots: slotsOf({ state: "idle_shutdown" }), ...changes });
