import { FakeClock } from "@hearth/platform/testing";
import { describe, expect, it } from "vitest";
import { DepartedProvider } from "../fleet/departed-provider.js";
import { type FakeProvider, fakeModel, fakeProvider, fakeTraits } from "../testing/fake-provider.js";
import { OutlierDetector } from "./outlier.js";
import { DEFAULT_OUTLIER as DEFAULT, type OutlierSettings } from "./outlier-policy.js";
import type { Verdict } from "./pick-result.js";
import type { Shape, Traits } from "./traits.js";

const CONFIRMED: Verdict = { confirmed: true, connectionLost: false };
const UNCONFIRMED: Verdict = { confirmed: false, connectionLost: false };
const LOST: Verdict = { confirmed: true, connectionLost: true };

function setUp(changes: Partial<OutlierSettings> = {}, chance = 0) {
  const clock = new FakeClock();
  clock.advance(1_000_000);
  const seen = { ejected: [] as Shape[], capacityCooled: 0 };
  const settings = { ...DEFAULT, ...changes };
  const outlier = new OutlierDetector({
    clock,
    rng: { next: () => chance },
    settings: () => settings,
    hooks: {
      ejected: (shape) => seen.ejected.push(shape),
      capacityCooled: () => {
        seen.capacityCooled += 1;
      },
    },
  });
  const p = fakeProvider("p");
  const judge = (verdict: Verdict, shape: Shape = "base", at = clock.now()): void =>
    outlier.judge(p, fakeTraits({ shape }), verdict, at);
  const isOut = (shape: Shape = "base"): boolean => outlier.isEjected(p, fakeTraits({ shape }));
  /** How long it is out from now on, ms. */
  const outFor = (): number => {
    const from = clock.now();
    while (isOut()) clock.advance(500);
    return clock.now() - from;
  };
  /** Starts a request there; what it returns ends that request. */
  const start = (traits: Traits = fakeTraits()) => {
    const probe = outlier.claim(p, traits);
    return { probe, end: (verdict: Verdict, at = clock.now()) => outlier.judge(p, traits, verdict, at) };
  };
  const open = (shape: Shape = "base"): void => {
    judge(CONFIRMED, shape);
    judge(CONFIRMED, shape);
  };
  return { clock, outlier, settings, seen, p, judge, isOut, outFor, start, open };
}

describe("opening", () => {
  it("takes two confirmed faults, and lasts 30 s", () => {
    const { judge, isOut, outFor, seen } = setUp();
    judge(CONFIRMED);
    expect(isOut()).toBe(false);
    judge(CONFIRMED);
    expect(seen.ejected).toEqual(["base"]);
    expect(outFor()).toBe(30_000);
  });

  it("takes three unconfirmed faults, or one of them beside two", () => {
    const alone = setUp();
    alone.judge(UNCONFIRMED);
    alone.judge(UNCONFIRMED);
    expect(alone.isOut()).toBe(false);
    alone.judge(UNCONFIRMED);
    expect(alone.isOut()).toBe(true);
    const mixed = setUp();
    mixed.judge(CONFIRMED);
    mixed.judge(UNCONFIRMED);
    expect(mixed.isOut()).toBe(false);
    mixed.judge(UNCONFIRMED);
    expect(mixed.isOut()).toBe(true);
  });

  it("adds nothing up over more than 60 s, by when it was seen rather than told", () => {
    const { clock, judge, isOut } = setUp();
    const early = clock.now();
    clock.advance(60_001);
    const late = clock.now();
    clock.advance(300_000);
    judge(CONFIRMED, "base", late);
    judge(CONFIRMED, "base", early);
    expect(isOut()).toBe(false);
    judge(CONFIRMED, "base", early + 1);
    expect(isOut()).toBe(true);
  });

  it("takes more than 20 % of the last 20 outcomes", () => {
    const { clock, judge, isOut } = setUp();
    for (let n = 0; n < 30; n++) judge("success");
    for (let n = 0; n < 4; n++) {
      clock.advance(1_000);
      judge(CONFIRMED);
    }
    expect(isOut()).toBe(false);
    judge("neutral");
    expect(isOut()).toBe(false);
    judge(CONFIRMED);
    expect(isOut()).toBe(true);
  });

  it("is not put off by a bad record: older faults speak neither for nor against it", () => {
    const { clock, judge, isOut } = setUp();
    for (let n = 0; n < 18; n++) {
      judge(CONFIRMED);
      clock.advance(60_001);
    }
    expect(isOut()).toBe(false);
    judge(CONFIRMED);
    judge(CONFIRMED);
    expect(isOut()).toBe(true);
  });

  it("does not wait for failures in a row: half of the requests are too many", () => {
    const { judge, isOut } = setUp();
    for (const verdict of ["success", CONFIRMED, "success", CONFIRMED] as const) judge(verdict);
    expect(isOut()).toBe(true);
  });

  it("doubles the time up to ten minutes, and each healthy minute halves it again", () => {
    const { clock, outFor, open, start } = setUp();
    open();
    const lasted = [outFor()];
    while (lasted.length < 7) {
      const { probe, end } = start();
      expect(probe).toBe(true);
      end(CONFIRMED);
      lasted.push(outFor());
    }
    expect(lasted.map((ms) => ms / 1_000)).toEqual([30, 60, 120, 240, 480, 600, 600]);
    start().end("success");
    clock.advance(3 * 60_000);
    open();
    // Five doublings reach ten minutes, less three healthy minutes.
    expect(outFor()).toBe(120_000);
  });

  it("counts no minute as healthy in which it was out or on probation", () => {
    const { clock, outFor, open, start } = setUp();
    open();
    clock.advance(600_000);
    start().end(CONFIRMED);
    expect(outFor()).toBe(60_000);
  });

  it("is longer by chance, and never longer than ten minutes", () => {
    const { outFor, open } = setUp({}, 0.5);
    open();
    expect(outFor()).toBe(33_000);
    const capped = setUp({ baseEjectionMs: 590_000 }, 0.9);
    capped.open();
    expect(capped.outFor()).toBe(600_000);
  });

  it("follows settings that change while it runs", () => {
    const { settings, judge, isOut } = setUp();
    settings.confirmedToOpen = 1;
    judge(CONFIRMED);
    expect(isOut()).toBe(true);
  });
});

describe("the innocent", () => {
  it("are not struck for requests whose end says nothing of them, however many", () => {
    const { judge, isOut, outlier, p } = setUp();
    for (let n = 0; n < 100; n++) judge("neutral");
    expect(isOut()).toBe(false);
    expect(outlier.lastFaultAt(p, fakeTraits())).toBe(Number.NEGATIVE_INFINITY);
  });

  it("are not struck for what others fail at", () => {
    const { outlier, isOut, judge, clock } = setUp();
    for (let n = 0; n < 5; n++) {
      for (const id of ["x", "y", "z"]) outlier.judge(fakeProvider(id), fakeTraits(), CONFIRMED, clock.now());
      judge("neutral");
      judge("success");
    }
    expect(isOut()).toBe(false);
    expect(outlier.isEjected(fakeProvider("x"), fakeTraits())).toBe(true);
  });
});

describe("late attempts", () => {
  it("open when two are within 60 s, whatever went well before", () => {
    const { clock, judge, isOut } = setUp();
    for (let n = 0; n < 30; n++) judge("success");
    clock.advance(1);
    judge("late");
    expect(isOut()).toBe(false);
    clock.advance(60_000);
    judge("late");
    expect(isOut()).toBe(true);
  });

  it("do nothing where they are further apart", () => {
    const { clock, judge, isOut } = setUp();
    judge("late");
    clock.advance(60_001);
    judge("late");
    expect(isOut()).toBe(false);
  });

  it("are one fault together: the next one alone is nothing again", () => {
    const { clock, judge, outFor, start, isOut } = setUp();
    judge("late");
    judge("late");
    outFor();
    start().end("success");
    clock.advance(1);
    judge("late");
    expect(isOut()).toBe(false);
  });

  it("are forgotten with a success that was seen after them, not with one before", () => {
    const before = setUp();
    before.clock.advance(10);
    before.judge("late");
    before.judge("success", "base", before.clock.now() - 5);
    before.clock.advance(10);
    before.judge("late");
    expect(before.isOut()).toBe(true);
    const after = setUp();
    after.judge("late");
    after.clock.advance(5);
    after.judge("success");
    after.clock.advance(5);
    after.judge("late");
    expect(after.isOut()).toBe(false);
    // Told after the success, and seen before it.
    after.judge("late", "base", after.clock.now() - 6);
    expect(after.isOut()).toBe(false);
  });
});

describe("a provider whose ejection is over", () => {
  function halfOpen() {
    const set = setUp();
    set.open();
    set.clock.advance(30_000);
    return set;
  }

  it("gets one probe: while it is under way nobody else is sent there", () => {
    const { isOut, start, outlier, p } = halfOpen();
    expect([isOut(), outlier.probe(p, fakeTraits())]).toEqual([false, "free"]);
    expect(start().probe).toBe(true);
    expect([isOut(), outlier.probe(p, fakeTraits())]).toEqual([true, "claimed"]);
    expect(start().probe).toBe(false);
  });

  it("serves again after the probe's success, and starts over", () => {
    const { isOut, start, judge, outlier, p } = halfOpen();
    start().end("success");
    expect([isOut(), outlier.probe(p, fakeTraits())]).toEqual([false, "none"]);
    expect(start().probe).toBe(false);
    judge(CONFIRMED);
    expect(isOut()).toBe(false);
  });

  it.each([
    ["confirmed fault", CONFIRMED],
    ["unconfirmed fault", UNCONFIRMED],
    ["late attempt", "late" as const],
  ])("is out again at once, and longer, when the probe ends as a %s", (_, verdict) => {
    const { start, outFor, seen } = halfOpen();
    start().end(verdict);
    expect(outFor()).toBe(60_000);
    expect(seen.ejected).toHaveLength(2);
  });

  it("keeps its probe for the next request when the first one told nothing, or was refused", () => {
    const { isOut, start, outlier, p, clock } = halfOpen();
    start().end("neutral");
    expect(isOut()).toBe(false);
    const traits = fakeTraits();
    expect(start(traits).probe).toBe(true);
    outlier.report(p, traits, "refusal", clock.now());
    expect(isOut()).toBe(false);
    expect(start().probe).toBe(true);
  });

  it("keeps its probe whatever becomes of requests that were there before", () => {
    const set = setUp();
    const old = [set.start(), set.start(), set.start()] as const;
    set.open();
    set.clock.advance(30_000);
    const probe = set.start();
    old[0].end("neutral");
    old[1].end(CONFIRMED);
    expect([set.isOut(), set.start().probe]).toEqual([true, false]);
    set.clock.advance(1);
    probe.end("success");
    expect(set.isOut()).toBe(false);
  });

  it("is not brought back by a success that was seen before the last fault", () => {
    const { clock, start, judge, isOut } = halfOpen();
    const probe = start();
    const at = clock.now();
    clock.advance(10);
    judge(CONFIRMED);
    probe.end("success", at);
    expect([isOut(), start().probe]).toEqual([false, true]);
  });

  it("answers with that success for all that was seen before it, told or not", () => {
    const { clock, start, judge, isOut } = halfOpen();
    clock.advance(10);
    start().end("success");
    clock.advance(10);
    judge(CONFIRMED, "base", clock.now() - 15);
    judge(CONFIRMED);
    expect(isOut()).toBe(false);
    judge(CONFIRMED);
    expect(isOut()).toBe(true);
  });

  it("is brought back for the shape of the success alone", () => {
    const { clock, outlier, p, isOut, open, start } = setUp({ outToEjectMachine: 9 });
    open("base");
    open("tools");
    clock.advance(30_000);
    start(fakeTraits({ shape: "tools" })).end("success");
    expect([outlier.claim(p, fakeTraits({ shape: "tools" })), outlier.claim(p, fakeTraits())]).toEqual([false, true]);
    expect([isOut("tools"), isOut("base")]).toEqual([false, true]);
  });
});

it("nobody starts before the ejection is over, whatever succeeds there meanwhile; who has nobody else probes", () => {
  const { clock, judge, isOut, open, start } = setUp();
  open();
  clock.advance(10_000);
  judge("success");
  expect(isOut()).toBe(true);
  const early = start();
  expect(early.probe).toBe(true);
  early.end("success");
  expect(isOut()).toBe(false);
});

describe("a success that turns out to be none", () => {
  it("is a confirmed fault, and no success", () => {
    const { judge, isOut } = setUp();
    for (let n = 0; n < 2; n++) {
      judge("success");
      judge("retraction");
    }
    expect(isOut()).toBe(true);
  });

  it("is none among the outcomes either", () => {
    const { judge, isOut } = setUp();
    for (let n = 0; n < 8; n++) judge("success");
    judge("retraction");
    expect(isOut()).toBe(false);
    // Two of nine, where it would have been two of ten.
    judge(CONFIRMED);
    expect(isOut()).toBe(true);
  });

  it("undoes what it had done: the machine that it brought back is out at once", () => {
    const { judge, open, outFor, start, isOut } = setUp();
    open();
    outFor();
    const probe = start();
    probe.end("success");
    judge("retraction");
    expect(isOut()).toBe(false);
    probe.end("retraction");
    expect(outFor()).toBe(60_000);
  });
});

describe("the machine as a whole", () => {
  it("is out when two shapes are, until fewer are", () => {
    const { clock, isOut, judge, open, start } = setUp();
    open("tools");
    clock.advance(10_000);
    expect(isOut("base")).toBe(false);
    open("vision");
    expect(isOut("base")).toBe(true);
    clock.advance(20_000);
    // The first one's time is over.
    expect([isOut("base"), isOut("tools"), isOut("vision")]).toEqual([false, false, true]);
    const probe = start(fakeTraits({ shape: "tools" }));
    expect(isOut("base")).toBe(true);
    probe.end("success");
    expect(isOut("base")).toBe(false);
    judge("success");
  });

  it("is out for other models too, and last failed when it did at anything", () => {
    const { clock, outlier, p, open } = setUp();
    const other = fakeTraits({ model: "other" });
    open("tools");
    expect(outlier.lastFaultAt(p, other)).toBe(Number.NEGATIVE_INFINITY);
    clock.advance(5);
    open("vision");
    expect(outlier.isEjected(p, other)).toBe(true);
    expect(outlier.lastFaultAt(p, other)).toBe(clock.now());
  });
});

describe("identity", () => {
  it("reconnecting launders nothing: another object with the same id is still out", () => {
    const { outlier, open } = setUp();
    open();
    expect(outlier.isEjected(fakeProvider("p", { connectedAt: 5 }), fakeTraits())).toBe(true);
  });

  it.each([
    ["agent", { agentVersion: "1.0.1" }],
    ["weights", { models: new Map([["m", fakeModel({ weights_hash: "new" })]]) }],
    ["backend", { models: new Map([["m", fakeModel({ backend: { kind: "llama-server", version: "2" } })]]) }],
  ])("a changed %s earns a probe", (_, changes) => {
    const { outlier, open } = setUp();
    open();
    const changed = fakeProvider("p", changes);
    expect(outlier.isEjected(changed, fakeTraits())).toBe(false);
    expect(outlier.claim(changed, fakeTraits())).toBe(true);
    expect(outlier.isEjected(changed, fakeTraits())).toBe(true);
  });

  it.each([
    ["is another one", "1", "2", false],
    ["was not known then", undefined, "1", true],
    ["is not known now", "1", undefined, true],
  ])("where the version of its backend %s, it is as much out as that says", (_, before, after, isOut) => {
    const backend = (version: string | undefined) => {
      const told = { kind: "vllm", ...(version === undefined ? {} : { version }) };
      return new Map([["m", fakeModel({ backend: told })]]);
    };
    const { outlier, p, open } = setUp();
    p.models = backend(before);
    open();
    expect(outlier.isEjected(fakeProvider("p", { models: backend(after) }), fakeTraits())).toBe(isOut);
  });

  it("is still out while it is away", () => {
    const { outlier, p, clock, open } = setUp();
    const backend = { kind: "llama-server", version: "1" };
    p.models = new Map([["m", fakeModel({ weights_hash: "w", backend })]]);
    open();
    expect(outlier.isEjected(DepartedProvider.of(p, clock.now()), fakeTraits())).toBe(true);
  });

  it("tells when a provider failed last, for who must serve when everybody is out", () => {
    const { clock, outlier, p, judge } = setUp();
    judge(CONFIRMED);
    const at = clock.now();
    clock.advance(1_000);
    judge("success");
    judge(CONFIRMED, "tools");
    expect(outlier.lastFaultAt(p, fakeTraits())).toBe(at);
  });
});

describe("a lost connection", () => {
  it("is one fault, however many requests, models and shapes it carried", () => {
    const { outlier, p, judge, isOut, clock } = setUp();
    for (let n = 0; n < 10; n++) {
      judge(LOST, n % 2 === 0 ? "base" : "tools");
      outlier.judge(p, fakeTraits({ model: `m${n}` }), LOST, clock.now());
    }
    expect([isOut("base"), isOut("tools")]).toEqual([false, false]);
    // The next connection's is another.
    outlier.judge(fakeProvider("p", { connectedAt: 7 }), fakeTraits(), LOST, clock.now());
    expect(isOut("base")).toBe(true);
  });

  it("is as sure as the surest of its requests", () => {
    const { judge, isOut } = setUp();
    judge({ confirmed: false, connectionLost: true });
    judge(CONFIRMED);
    expect(isOut()).toBe(false);
    judge(LOST, "tools");
    expect(isOut()).toBe(true);
  });

  it("gives back the probe of a request that it took along and that it is not counted for", () => {
    const { clock, open, judge, isOut, start } = setUp();
    open("tools");
    clock.advance(30_000);
    const probe = start(fakeTraits({ shape: "tools" }));
    judge(LOST);
    probe.end(LOST);
    expect([isOut("tools"), start(fakeTraits({ shape: "tools" })).probe]).toEqual([false, true]);
  });
});

describe("connections that most of the fleet loses at once", () => {
  const fleet = ["p", "q", "r", "s", "t"].map((id) => fakeProvider(id));
  const again = (connectedAt: number) => fleet.map(({ id }) => fakeProvider(id, { connectedAt }));

  function lose(set: ReturnType<typeof setUp>, machines: readonly FakeProvider[], connected = fleet.length): void {
    for (const [n, machine] of machines.entries()) {
      set.outlier.connectionLost(machine.id, set.clock.now(), connected - n);
    }
  }
  const struck = ({ outlier, clock }: ReturnType<typeof setUp>, machine: FakeProvider): boolean => {
    outlier.judge(machine, fakeTraits(), CONFIRMED, clock.now());
    return outlier.isEjected(machine, fakeTraits());
  };
  const blame = ({ outlier, clock }: ReturnType<typeof setUp>, machines: readonly FakeProvider[]): void => {
    for (const machine of machines) outlier.judge(machine, fakeTraits(), LOST, clock.now());
  };

  it("count for nobody, judged before or after it was known", () => {
    const set = setUp();
    blame(set, fleet.slice(0, 2));
    lose(set, fleet.slice(0, 2));
    set.clock.advance(1_900);
    lose(set, fleet.slice(2, 4), 3);
    blame(set, fleet.slice(2, 4));
    set.clock.advance(5_000);
    expect(fleet.slice(0, 4).map((machine) => struck(set, machine))).toEqual([false, false, false, false]);
  });

  it("bring back whom they had put out, at the doubling that it had", () => {
    const set = setUp();
    blame(set, fleet.slice(0, 3));
    blame(set, again(1).slice(0, 3));
    expect(set.isOut()).toBe(true);
    lose(set, fleet.slice(0, 3));
    expect(set.isOut()).toBe(false);
    set.clock.advance(10_000);
    set.open();
    expect(set.outFor()).toBe(30_000);
  });

  it("are no failed probes either, and no last fault", () => {
    const set = setUp();
    set.open();
    const failedAt = set.clock.now();
    set.clock.advance(30_000);
    set.start().end(LOST);
    expect(set.isOut()).toBe(true);
    lose(set, fleet);
    expect(set.outlier.lastFaultAt(set.p, fakeTraits())).toBe(failedAt);
    const probe = set.start();
    expect(probe.probe).toBe(true);
    probe.end(CONFIRMED);
    expect(set.outFor()).toBe(60_000);
  });

  it("leave what was no lost connection as it was", () => {
    const set = setUp();
    set.open();
    lose(set, fleet);
    blame(set, fleet);
    expect(set.isOut()).toBe(true);
  });

  it("are the machines' own when they are half, or apart, or a fleet of two", () => {
    const half = setUp();
    lose(half, fleet.slice(0, 3), 6);
    blame(half, fleet.slice(0, 3));
    expect(struck(half, fleet[0] as FakeProvider)).toBe(true);
    const apart = setUp();
    for (const machine of fleet) {
      lose(apart, [machine]);
      blame(apart, [machine]);
      apart.clock.advance(2_001);
    }
    expect(struck(apart, fleet[4] as FakeProvider)).toBe(true);
    const two = setUp();
    lose(two, fleet.slice(0, 2), 2);
    blame(two, fleet.slice(0, 2));
    expect(struck(two, fleet[0] as FakeProvider)).toBe(true);
  });

  it("do not excuse one that is lost again and again", () => {
    const set = setUp();
    lose(set, fleet);
    for (let n = 1; n <= 4; n++) {
      set.clock.advance(1_500);
      lose(set, again(n).slice(0, 1));
      blame(set, again(n).slice(0, 1));
    }
    expect(set.isOut()).toBe(true);
  });
});

describe("capacity refusals", () => {
  function refusing() {
    const set = setUp();
    const { outlier, p, clock } = set;
    const refuse = (traits = fakeTraits()): void => outlier.report(p, traits, "refusal", clock.now());
    const accept = (traits = fakeTraits()): void => outlier.report(p, traits, "accept", clock.now());
    const cooled = (): boolean => outlier.isCapacityCooled(p, "m");
    return { ...set, refuse, accept, cooled };
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

  it("let one request at a time try before the time is over, which makes it no longer, and an accept ends it", () => {
    const { clock, p, refuse, accept, cooled, outlier, start, seen } = refusing();
    const probe = () => outlier.probe(p, fakeTraits({ shape: "tools" }));
    expect([probe(), outlier.lastRefusalAt(p, "m")]).toEqual(["none", Number.NEGATIVE_INFINITY]);
    for (let n = 0; n < 5; n++) refuse();
    expect([probe(), outlier.lastRefusalAt(p, "m")]).toEqual(["none", clock.now()]);
    clock.advance(60_000);
    const traits = fakeTraits();
    expect([start(traits).probe, probe(), start().probe]).toEqual([true, "claimed", false]);
    refuse(traits);
    expect([probe(), cooled(), outlier.lastRefusalAt(p, "m")]).toEqual(["none", true, clock.now()]);
    clock.advance(59_999);
    expect(cooled()).toBe(true);
    clock.advance(1);
    expect([cooled(), probe(), seen.capacityCooled]).toEqual([false, "free", 1]);
    for (let n = 0; n < 5; n++) refuse(fakeTraits());
    expect([cooled(), start(traits).probe, probe()]).toEqual([true, true, "claimed"]);
    accept(traits);
    expect([cooled(), probe(), start().probe]).toEqual([false, "none", false]);
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

  it.each([["neutral" as const], [CONFIRMED], ["late" as const], ["success" as const]])(
    "leave the pair open to others when its probe ends as %j",
    (verdict) => {
      const { clock, refuse, cooled, start } = refusing();
      for (let n = 0; n < 5; n++) refuse();
      clock.advance(120_000);
      const old = start();
      expect(old.probe).toBe(true);
      start().end(verdict);
      expect(cooled()).toBe(true);
      old.end(verdict);
      expect(cooled()).toBe(false);
    },
  );
});

describe("memory", () => {
  it("is bounded: the longest untouched go first, those that are open last", () => {
    const { clock, outlier, open, isOut, p } = setUp({ maxRecords: 3 });
    const others = ["q", "r", "s", "t"].map((id) => fakeProvider(id));
    const judgeAll = (verdict: Verdict): void => {
      for (const other of others) outlier.judge(other, fakeTraits(), verdict, clock.now());
    };
    open();
    judgeAll("success");
    expect([isOut(), outlier.lastFaultAt(p, fakeTraits())]).toEqual([true, clock.now()]);
    judgeAll(CONFIRMED);
    // Room for two beside the open one: whoever came first was forgotten.
    const known = others.map((other) => outlier.lastFaultAt(other, fakeTraits()) > 0);
    expect(known).toEqual([false, false, true, true]);
    for (const other of others) for (let n = 0; n < 2; n++) outlier.judge(other, fakeTraits(), CONFIRMED, clock.now());
    expect(isOut()).toBe(false);
    expect(others.map((other) => outlier.isEjected(other, fakeTraits()))).toEqual([false, true, true, true]);
  });
});
