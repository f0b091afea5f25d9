import { FakeClock } from "@hearth/platform/testing";
import type { ProviderId } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import { fakeModel, fakeProvider, fakeTraits } from "../../testing/fake-provider.js";
import type { Verdict } from "../pick-result.js";
import type { Traits } from "../traits.js";
import { Reputation } from "./reputation.js";
import { DEFAULT_REPUTATION, type ReputationSettings } from "./settings.js";

const P = "p" as ProviderId;
const MACHINE = fakeProvider("p");

interface Trial {
  readonly clock: FakeClock;
  readonly reputation: Reputation;
  judge(verdict: Verdict, traits?: Partial<Traits>): void;
  ms(id?: ProviderId): number;
}

function setUp(settings: Partial<ReputationSettings> = {}): Trial {
  const clock = new FakeClock();
  const reputation = new Reputation({ clock, settings: () => ({ ...DEFAULT_REPUTATION, ...settings }) });
  return {
    clock,
    reputation,
    judge: (verdict, traits) => reputation.judged({ provider: MACHINE, traits: fakeTraits(traits), verdict }),
    ms: (id = P) => reputation.ms(reputation.recordOf(id), clock.now()),
  };
}

const broken = (after: boolean, confirmed = false): Verdict => ({
  confirmed,
  connectionLost: false,
  afterContent: after,
});

describe("what a machine's record holds against it", () => {
  it.each([
    ["an answer that broke off, confirmed or not", broken(true), { failed_after_content: { count: 1, ms: 3_000 } }],
    ["a failure that somebody else confirmed", broken(false, true), { failed_before_content: { count: 1, ms: 1_000 } }],
    ["a failure that nobody confirmed", broken(false), {}],
    ["what is nobody's fault", "neutral", {}],
    ["a deadline that passed", "late", { late: { count: 1, ms: 1_000 } }],
    ["an answer that was none", "retraction", { failed_after_content: { count: 1, ms: 3_000 } }],
    ["a receipt that is not true", "false_receipt", { false_receipt: { count: 1, ms: 6_000 } }],
    [
      "an attempt of a connection that was lost, which counts by itself",
      { ...(broken(true, true) as object), connectionLost: true } as Verdict,
      {},
    ],
  ] as const)("is %s", (_, verdict, reasons) => {
    const { reputation, judge } = setUp();
    judge(verdict);
    expect(reputation.standing(P).reasons).toEqual(reasons);
  });

  const able = (capabilities: object) => fakeProvider("p", { models: new Map([["m", fakeModel({ capabilities })]]) });
  it.each([
    ["tools", { shape: "tools" }, { tools: true }, 1],
    ["tools of which it has not spoken", { shape: "tools" }, {}, 0],
    ["images", { shape: "tools+vision" }, { vision: true }, 1],
    ["a schema", { structuredOutput: true }, { structured_output: true }, 1],
    ["probabilities", { logprobs: true }, { logprobs: true }, 1],
    ["a plain request", {}, { tools: true, vision: true, structured_output: true, logprobs: true }, 0],
  ] as const)("is that it alone refused %s, where it had said that it could", (_, traits, capabilities, count) => {
    const { reputation } = setUp();
    const provider = able(capabilities);
    reputation.judged({ provider, traits: fakeTraits(traits), verdict: "refused_alone" });
    expect(reputation.standing(P).reasons.false_capability?.count ?? 0).toBe(count);
  });

  it("adds up to the most, and each part fades with its own half-life, the score with them", () => {
    const { clock, reputation, judge, ms } = setUp();
    expect(reputation.standing(P)).toEqual({ score: 100, reasons: {} });
    judge("late");
    expect(reputation.standing(P).score).toBe(83);
    for (let i = 0; i < 20; i++) judge(broken(true));
    expect(ms()).toBe(6_000);
    expect(reputation.standing(P)).toMatchObject({ score: 0, reasons: { failed_after_content: { count: 20 } } });
    clock.advance(30 * 60_000);
    expect(reputation.standing(P)).toEqual({
      score: 48,
      reasons: { failed_after_content: { count: 20, ms: 3_000 }, late: { count: 1, ms: 125 } },
    });
    clock.advance(24 * 3_600_000);
    expect([ms(), reputation.standing(P)]).toEqual([0, { score: 100, reasons: {} }]);
    judge(broken(true));
    expect(reputation.standing(P).reasons.failed_after_content?.count).toBe(1);
  });

  it("is healed by good answers, but for those that were for this machine alone", () => {
    const { judge, ms } = setUp();
    judge(broken(true));
    judge("success", { route: "self" });
    judge("success", { allowlist: new Set(["p"]) });
    expect(ms()).toBe(3_000);
    judge("success");
    expect(ms()).toBe(2_850);
  });

  it("is one machine's, and of so many machines at most, the last to be blamed", () => {
    const { reputation, ms } = setUp({ maxMachines: 2 });
    const [a, b, c] = ["a", "b", "c"] as ProviderId[] as [ProviderId, ProviderId, ProviderId];
    for (const id of [a, b, a, c]) reputation.add(id, "lost_race");
    expect([a, b, c].map((id) => ms(id))).toEqual([1_500, 0, 750]);
  });
});

describe("a lost connection", () => {
  it("counts once for its machine", () => {
    const { clock, reputation } = setUp();
    reputation.connectionLost(P, clock.now(), 10);
    expect(reputation.standing(P).reasons).toEqual({ connection_lost: { count: 1, ms: 1_000 } });
  });

  it("counts for nobody where most of the fleet lost theirs at once, those that came first included", () => {
    const { clock, reputation, ms } = setUp();
    const ids = ["a", "b", "c", "d"] as ProviderId[];
    reputation.connectionLost("a" as ProviderId, clock.now(), 5);
    clock.advance(3_600_000);
    const before = ms("a" as ProviderId);
    for (const [index, id] of ids.entries()) {
      reputation.connectionLost(id, clock.now(), 5 - index);
      clock.advance(100);
    }
    // Known as ours by now: it has been lost again, and nothing of before is given back for it.
    reputation.connectionLost("a" as ProviderId, clock.now(), 2);
    expect(ids.slice(1).map((id) => ms(id))).toEqual([0, 0, 0]);
    expect(ms("a" as ProviderId)).toBeCloseTo(before, 0);
    expect(before).toBeGreaterThan(0);
  });
});
