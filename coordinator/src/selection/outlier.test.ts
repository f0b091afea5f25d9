import { FakeClock } from "@hearth/platform/testing";
import { describe, expect, it } from "vitest";
import { type FakeProvider, fakeModel, fakeProvider, fakeTraits } from "../testing/fake-provider.js";
import { OutlierDetector } from "./outlier.js";
import { DEFAULT_OUTLIER } from "./outlier-policy.js";
import type { Verdict } from "./pick-result.js";
import type { Shape } from "./traits.js";

type Report = "accept" | "refusal" | "fault" | Exclude<Verdict, object>;

function setUp(count: number) {
  const clock = new FakeClock();
  clock.advance(1_000);
  const providers = Array.from({ length: count }, (_, i) => fakeProvider(`p${i}`));
  const seen = { ejected: [] as Shape[], capacityCooled: 0 };
  const outlier = new OutlierDetector({
    clock,
    rng: { next: () => 0 },
    hooks: {
      ejected: (shape) => seen.ejected.push(shape),
      capacityCooled: () => {
        seen.capacityCooled += 1;
      },
    },
  });
  const report = (provider: FakeProvider, what: Report, shape: Shape = "base", at = clock.now()): void => {
    const traits = fakeTraits({ shape });
    if (what === "accept" || what === "refusal") return outlier.report(provider, traits, what, at);
    outlier.judge(provider, traits, what === "fault" ? { confirmed: true, connectionLost: false } : what, at);
  };
  const isOut = (provider: FakeProvider, shape: Shape = "base"): boolean =>
    outlier.isEjected(provider, fakeTraits({ shape }));
  const claim = (provider: FakeProvider): boolean => outlier.claim(provider, fakeTraits());
  return { clock, providers: providers as [FakeProvider, ...FakeProvider[]], outlier, seen, report, isOut, claim };
}

describe("faults", () => {
  it("eject a provider for 30 s after two within a minute", () => {
    const { clock, providers, report, isOut, seen } = setUp(5);
    const [p] = providers;
    report(p, "fault");
    expect(isOut(p)).toBe(false);
    report(p, "fault");
    expect(isOut(p)).toBe(true);
    expect(seen.ejected).toEqual(["base"]);
    clock.advance(DEFAULT_OUTLIER.baseEjectionMs - 1);
    expect(isOut(p)).toBe(true);
    clock.advance(1);
    expect(isOut(p)).toBe(false);
  });

  it("do not add up over more than a minute", () => {
    const { clock, providers, report, isOut } = setUp(5);
    const [p] = providers;
    report(p, "fault");
    clock.advance(DEFAULT_OUTLIER.windowMs + 1);
    report(p, "fault");
    expect(isOut(p)).toBe(false);
  });

  it("count also where each came after a success that turned out to be none", () => {
    const { providers, report, isOut } = setUp(5);
    const [p] = providers;
    const q = providers[1] as FakeProvider;
    for (let n = 0; n < 2; n++) {
      report(p, "success");
      report(p, "retraction");
    }
    expect(isOut(p)).toBe(true);
    report(q, "fault");
    report(q, "success");
    report(q, "fault");
    expect(isOut(q)).toBe(false);
  });

  it("of one shape leave the others alone, and a success clears only its own", () => {
    const { providers, report, isOut } = setUp(5);
    const [p] = providers;
    report(p, "fault", "tools");
    report(p, "fault", "tools");
    expect([isOut(p, "tools"), isOut(p, "base"), isOut(p, "vision"), isOut(p, "tools+vision")]).toEqual([
      true,
      false,
      false,
      false,
    ]);
    report(p, "success", "base");
    expect(isOut(p, "tools")).toBe(true);
  });

  it("double the ejection each time, up to ten minutes, and healthy minutes take it back", () => {
    const { clock, providers, report, isOut, claim } = setUp(5);
    const [p] = providers;
    const ejections: number[] = [];
    report(p, "fault");
    for (let i = 0; i < 7; i++) {
      report(p, "fault");
      const from = clock.now();
      while (isOut(p)) clock.advance(1_000);
      ejections.push(clock.now() - from);
      expect(claim(p)).toBe(true);
    }
    expect(ejections.map((ms) => ms / 1_000)).toEqual([30, 60, 120, 240, 480, 600, 600]);
    report(p, "success");
    clock.advance(3 * DEFAULT_OUTLIER.healthyMs);
    report(p, "fault");
    report(p, "fault");
    const from = clock.now();
    while (isOut(p)) clock.advance(1_000);
    // Seven ejections less three healthy minutes: 30 s × 2⁴.
    expect(clock.now() - from).toBe(480_000);
  });

  it("that are reported late count for when they were seen", () => {
    const { clock, providers, report, isOut } = setUp(5);
    const [p] = providers;
    const early = clock.now();
    clock.advance(2 * DEFAULT_OUTLIER.windowMs);
    report(p, "fault", "base", early);
    report(p, "fault");
    expect(isOut(p)).toBe(false);
    report(p, "success", "base", early);
    report(p, "fault");
    // The late success was seen before the last fault: it cleared nothing.
    expect(isOut(p)).toBe(true);
  });
});

describe("a provider whose ejection is over", () => {
  function halfOpen() {
    const set = setUp(5);
    const [p] = set.providers;
    set.report(p, "fault");
    set.report(p, "fault");
    set.clock.advance(DEFAULT_OUTLIER.baseEjectionMs);
    return { ...set, p };
  }

  it("gets one probe: while it is under way nobody else is sent there", () => {
    const { p, isOut, claim, outlier } = halfOpen();
    expect([isOut(p), outlier.probe(p, fakeTraits())]).toEqual([false, "free"]);
    expect(claim(p)).toBe(true);
    expect([isOut(p), outlier.probe(p, fakeTraits())]).toEqual([true, "claimed"]);
    expect(claim(p)).toBe(false);
  });

  it("serves again after the probe's success", () => {
    const { p, isOut, claim, report } = halfOpen();
    claim(p);
    report(p, "success");
    expect(isOut(p)).toBe(false);
    expect(claim(p)).toBe(false);
  });

  it("is out again at once, and longer, after the probe's failure", () => {
    const { clock, p, isOut, claim, report } = halfOpen();
    claim(p);
    report(p, "fault");
    clock.advance(DEFAULT_OUTLIER.baseEjectionMs);
    expect(isOut(p)).toBe(true);
    clock.advance(DEFAULT_OUTLIER.baseEjectionMs);
    expect(isOut(p)).toBe(false);
  });

  it("keeps its probe for the next request when the first one told nothing", () => {
    const { p, isOut, claim, report } = halfOpen();
    claim(p);
    report(p, "neutral");
    expect(isOut(p)).toBe(false);
    expect(claim(p)).toBe(true);
  });
});

describe("reconnecting", () => {
  it("launders nothing: another object with the same id is still out", () => {
    const { providers, report, isOut } = setUp(5);
    const [p] = providers;
    report(p, "fault");
    report(p, "fault");
    expect(isOut(fakeProvider("p0"))).toBe(true);
  });

  it("earns a probe when the binary or the weights changed", () => {
    const { providers, report, isOut } = setUp(5);
    const [p] = providers;
    report(p, "fault");
    report(p, "fault");
    const models = new Map([["m", fakeModel({ weights_hash: "new" })]]);
    expect(isOut(fakeProvider("p0", { agentVersion: "1.0.1" }))).toBe(false);
    expect(isOut(fakeProvider("p0", { models }))).toBe(false);
  });
});

describe("everybody who fails", () => {
  it("is out, how many they may be, and it is known who failed last", () => {
    const { clock, providers, report, isOut, outlier } = setUp(4);
    const failedAt = providers.map((p) => {
      clock.advance(1_000);
      report(p, "fault");
      report(p, "fault");
      return clock.now();
    });
    expect(providers.map((p) => isOut(p))).toEqual([true, true, true, true]);
    expect(providers.map((p) => outlier.lastFaultAt(p, fakeTraits()))).toEqual(failedAt);
  });
});

describe("capacity refusals", () => {
  function refusing() {
    const set = setUp(1);
    const { outlier, clock } = set;
    const [p] = set.providers;
    /** Starts a request there; what it returns ends that request. */
    const start = (traits = fakeTraits()) => {
      const probe = outlier.claim(p, traits);
      return { probe, end: (verdict: Verdict) => outlier.judge(p, traits, verdict, clock.now()) };
    };
    const isOut = (): boolean => outlier.isEjected(p, fakeTraits());
    const refuse = (traits = fakeTraits()): void => outlier.report(p, traits, "refusal", clock.now());
    const accept = (traits = fakeTraits()): void => outlier.report(p, traits, "accept", clock.now());
    const cooled = (): boolean => outlier.isCapacityCooled(p, "m");
    return { ...set, p, start, isOut, refuse, accept, cooled };
  }

  it("end the belief in room until a newer heartbeat, or 15 s", () => {
    const { clock, p, refuse, outlier, isOut } = refusing();
    refuse();
    expect(outlier.believesHeadroom(p, "m")).toBe(false);
    clock.advance(14_999);
    expect(outlier.believesHeadroom(p, "m")).toBe(false);
    clock.advance(1);
    expect(outlier.believesHeadroom(p, "m")).toBe(true);
    refuse();
    p.lastHeartbeatAt = clock.now() + 1;
    expect(outlier.believesHeadroom(p, "m")).toBe(true);
    expect(isOut()).toBe(false);
  });

  it("cool the pair after five within a minute, 120 s and then twice that up to ten minutes, with one probe", () => {
    const { clock, refuse, cooled, start, seen } = refusing();
    for (let n = 0; n < 4; n++) refuse();
    expect(cooled()).toBe(false);
    refuse();
    const lasted: number[] = [];
    for (let n = 0; n < 5; n++) {
      const from = clock.now();
      while (cooled()) clock.advance(1_000);
      lasted.push((clock.now() - from) / 1_000);
      const traits = fakeTraits();
      expect([start(traits).probe, start().probe, cooled()]).toEqual([true, false, true]);
      refuse(traits);
    }
    expect(lasted).toEqual([120, 240, 480, 600, 600]);
    expect(seen).toEqual({ ejected: [], capacityCooled: 6 });
  });

  it("do not add up over more than a minute, nor across an accept", () => {
    const { clock, refuse, accept, cooled } = refusing();
    for (let n = 0; n < 4; n++) refuse();
    clock.advance(60_001);
    refuse();
    expect(cooled()).toBe(false);
    for (let n = 0; n < 3; n++) refuse();
    accept();
    refuse();
    expect(cooled()).toBe(false);
  });

  it("never keep out one that has accepted meanwhile", () => {
    const { clock, refuse, accept, cooled, outlier, p } = refusing();
    const early = clock.now() - 1;
    for (let n = 0; n < 5; n++) refuse();
    outlier.report(p, fakeTraits(), "accept", early);
    expect(cooled()).toBe(true);
    clock.advance(1_000);
    accept();
    expect(cooled()).toBe(false);
    for (let n = 0; n < 5; n++) outlier.report(p, fakeTraits(), "refusal", early);
    expect(cooled()).toBe(false);
    for (let n = 0; n < 5; n++) refuse();
    clock.advance(119_999);
    expect(cooled()).toBe(true);
    clock.advance(1);
    expect(cooled()).toBe(false);
  });

  it.each([
    ["neutral" as const],
    [{ confirmed: true, connectionLost: false }],
    ["late" as const],
    ["success" as const],
  ])("leave the pair open to others when its probe ends as %j", (verdict) => {
    const { clock, refuse, cooled, start } = refusing();
    for (let n = 0; n < 5; n++) refuse();
    clock.advance(120_000);
    const old = start();
    expect(old.probe).toBe(true);
    start().end(verdict);
    expect(cooled()).toBe(true);
    old.end(verdict);
    expect(cooled()).toBe(false);
  });
});
