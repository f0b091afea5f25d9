import { FakeClock } from "@hearth/platform/testing";
import { describe, expect, it } from "vitest";
import { DepartedProvider } from "../fleet/departed-provider.js";
import { type FakeProvider, fakeModel, fakeProvider, fakeTraits } from "../testing/fake-provider.js";
import { type BreakerSettings, DEFAULT_BREAKER as DEFAULT } from "./breaker-settings.js";
import { CircuitBreaker } from "./circuit-breaker.js";
import type { Verdict } from "./pick-result.js";
import type { Shape, Traits } from "./traits.js";

const CONFIRMED: Verdict = { confirmed: true, connectionLost: false };
const UNCONFIRMED: Verdict = { confirmed: false, connectionLost: false };
const LOST: Verdict = { confirmed: true, connectionLost: true };

function setUp(changes: Partial<BreakerSettings> = {}, chance = 0) {
  const clock = new FakeClock();
  clock.advance(1_000_000);
  const seen = { opened: [] as Shape[], capacityCooled: 0 };
  const settings = { ...DEFAULT, ...changes };
  const breaker = new CircuitBreaker({
    clock,
    rng: { next: () => chance },
    settings: () => settings,
    hooks: {
      opened: (shape) => seen.opened.push(shape),
      capacityCooled: () => {
        seen.capacityCooled += 1;
      },
    },
  });
  const p = fakeProvider("p");
  const judge = (verdict: Verdict, shape: Shape = "base", at = clock.now()): void =>
    breaker.judge(p, fakeTraits({ shape }), verdict, at);
  const isOpen = (shape: Shape = "base"): boolean => breaker.isOpen(p, fakeTraits({ shape }));
  /** How long it is open from now on, ms. */
  const openFor = (): number => {
    const from = clock.now();
    while (isOpen()) clock.advance(500);
    return clock.now() - from;
  };
  /** Starts a request there; what it returns ends that request. */
  const start = (traits: Traits = fakeTraits()) => {
    const probe = breaker.claim(p, traits);
    return { probe, end: (verdict: Verdict, at = clock.now()) => breaker.judge(p, traits, verdict, at) };
  };
  const open = (shape: Shape = "base"): void => {
    judge(CONFIRMED, shape);
    judge(CONFIRMED, shape);
  };
  return { clock, breaker, settings, seen, p, judge, isOpen, openFor, start, open };
}

describe("what is held against machines", () => {
  it("is told with its cause and for how long, until it is cleared", () => {
    const { clock, breaker, p, judge, isOpen, start } = setUp();
    expect([...breaker.held()]).toEqual([]);
    judge(CONFIRMED);
    judge(CONFIRMED);
    for (let n = 0; n < DEFAULT.refusalsToCool; n++) {
      breaker.report(p, fakeTraits({ shape: "tools" }), "refusal", clock.now());
    }
    const held = { provider: "p", model: "m" };
    expect([...breaker.held()]).toEqual([
      { ...held, shape: "base", state: "open", cause: "faults", remainingMs: 30_000, faults: 2 },
      { ...held, shape: undefined, state: "capacity", cause: "refusals", remainingMs: 120_000, faults: 1 },
    ]);
    clock.advance(30_000);
    expect([...breaker.held()]).toMatchObject([{ state: "half_open", remainingMs: 0 }, { remainingMs: 90_000 }]);
    start().end(CONFIRMED);
    expect([...breaker.held()]).toMatchObject([{ state: "capacity" }, { state: "open", cause: "probe" }]);
    expect(breaker.clear(p.id, "other")).toBe(0);
    expect(breaker.clear(p.id, "m")).toBe(2);
    expect([isOpen(), breaker.isSuspect(p.id), [...breaker.held()]]).toEqual([false, false, []]);
  });
});

describe("opening", () => {
  it("takes two confirmed faults, and lasts 30 s", () => {
    const { judge, isOpen, openFor, seen } = setUp();
    judge(CONFIRMED);
    expect(isOpen()).toBe(false);
    judge(CONFIRMED);
    expect(seen.opened).toEqual(["base"]);
    expect(openFor()).toBe(30_000);
  });

  it("takes three unconfirmed faults, or one of them beside two", () => {
    const alone = setUp();
    alone.judge(UNCONFIRMED);
    alone.judge(UNCONFIRMED);
    expect(alone.isOpen()).toBe(false);
    alone.judge(UNCONFIRMED);
    expect(alone.isOpen()).toBe(true);
    const mixed = setUp();
    mixed.judge(CONFIRMED);
    mixed.judge(UNCONFIRMED);
    expect(mixed.isOpen()).toBe(false);
    mixed.judge(UNCONFIRMED);
    expect(mixed.isOpen()).toBe(true);
  });

  it("adds nothing up over more than 60 s, by when it was seen rather than told", () => {
    const { clock, judge, isOpen } = setUp();
    const early = clock.now();
    clock.advance(60_001);
    const late = clock.now();
    clock.advance(300_000);
    judge(CONFIRMED, "base", late);
    judge(CONFIRMED, "base", early);
    expect(isOpen()).toBe(false);
    judge(CONFIRMED, "base", early + 1);
    expect(isOpen()).toBe(true);
  });

  it("takes more than 20 % of the last 20 outcomes", () => {
    const { clock, judge, isOpen } = setUp();
    for (let n = 0; n < 30; n++) judge("success");
    for (let n = 0; n < 4; n++) {
      clock.advance(1_000);
      judge(CONFIRMED);
    }
    expect(isOpen()).toBe(false);
    judge("neutral");
    expect(isOpen()).toBe(false);
    judge(CONFIRMED);
    expect(isOpen()).toBe(true);
  });

  it("is not put off by a bad record: older faults speak neither for nor against it", () => {
    const { clock, judge, isOpen } = setUp();
    for (let n = 0; n < 18; n++) {
      judge(CONFIRMED);
      clock.advance(60_001);
    }
    expect(isOpen()).toBe(false);
    judge(CONFIRMED);
    judge(CONFIRMED);
    expect(isOpen()).toBe(true);
  });

  it("does not wait for failures in a row: half of the requests are too many", () => {
    const { judge, isOpen } = setUp();
    for (const verdict of ["success", CONFIRMED, "success", CONFIRMED] as const) judge(verdict);
    expect(isOpen()).toBe(true);
  });

  it("doubles the time up to ten minutes, and each healthy minute halves it again", () => {
    const { clock, openFor, open, start } = setUp();
    open();
    const lasted = [openFor()];
    while (lasted.length < 7) {
      const { probe, end } = start();
      expect(probe).toBe(true);
      end(CONFIRMED);
      lasted.push(openFor());
    }
    expect(lasted.map((ms) => ms / 1_000)).toEqual([30, 60, 120, 240, 480, 600, 600]);
    start().end("success");
    clock.advance(3 * 60_000);
    open();
    // Five doublings reach ten minutes, less three healthy minutes.
    expect(openFor()).toBe(120_000);
  });

  it("counts no minute as healthy in which it was out or on probation", () => {
    const { clock, openFor, open, start } = setUp();
    open();
    clock.advance(600_000);
    start().end(CONFIRMED);
    expect(openFor()).toBe(60_000);
  });

  it("is longer by chance, and never longer than ten minutes", () => {
    const { openFor, open } = setUp({}, 0.5);
    open();
    expect(openFor()).toBe(33_000);
    const capped = setUp({ baseOpenMs: 590_000 }, 0.9);
    capped.open();
    expect(capped.openFor()).toBe(600_000);
  });

  it("follows settings that change while it runs", () => {
    const { settings, judge, isOpen } = setUp();
    settings.confirmedToOpen = 1;
    judge(CONFIRMED);
    expect(isOpen()).toBe(true);
  });
});

describe("the innocent", () => {
  it("are not struck for requests whose end says nothing of them, however many", () => {
    const { judge, isOpen, breaker, p } = setUp();
    for (let n = 0; n < 100; n++) judge("neutral");
    expect(isOpen()).toBe(false);
    expect(breaker.lastFaultAt(p, fakeTraits())).toBe(Number.NEGATIVE_INFINITY);
  });

  it("are not struck for what others fail at", () => {
    const { breaker, isOpen, judge, clock } = setUp();
    for (let n = 0; n < 5; n++) {
      for (const id of ["x", "y", "z"]) breaker.judge(fakeProvider(id), fakeTraits(), CONFIRMED, clock.now());
      judge("neutral");
      judge("success");
    }
    expect(isOpen()).toBe(false);
    expect(breaker.isOpen(fakeProvider("x"), fakeTraits())).toBe(true);
  });
});

describe("late attempts", () => {
  it("open when two are within 60 s, whatever went well before", () => {
    const { clock, judge, isOpen } = setUp();
    for (let n = 0; n < 30; n++) judge("success");
    clock.advance(1);
    judge("late");
    expect(isOpen()).toBe(false);
    clock.advance(60_000);
    judge("late");
    expect(isOpen()).toBe(true);
  });

  it("do nothing where they are further apart", () => {
    const { clock, judge, isOpen } = setUp();
    judge("late");
    clock.advance(60_001);
    judge("late");
    expect(isOpen()).toBe(false);
  });

  it("are one fault together: the next one alone is nothing again", () => {
    const { clock, judge, openFor, start, isOpen } = setUp();
    judge("late");
    judge("late");
    openFor();
    start().end("success");
    clock.advance(1);
    judge("late");
    expect(isOpen()).toBe(false);
  });

  it("are forgotten with a success that was seen after them, not with one before", () => {
    const before = setUp();
    before.clock.advance(10);
    before.judge("late");
    before.judge("success", "base", before.clock.now() - 5);
    before.clock.advance(10);
    before.judge("late");
    expect(before.isOpen()).toBe(true);
    const after = setUp();
    after.judge("late");
    after.clock.advance(5);
    after.judge("success");
    after.clock.advance(5);
    after.judge("late");
    expect(after.isOpen()).toBe(false);
    // Told after the success, and seen before it.
    after.judge("late", "base", after.clock.now() - 6);
    expect(after.isOpen()).toBe(false);
  });
});

describe("a provider that is half-open", () => {
  function halfOpen() {
    const set = setUp();
    set.open();
    set.clock.advance(30_000);
    return set;
  }

  it("gets one probe: while it is under way nobody else is sent there", () => {
    const { isOpen, start, breaker, p } = halfOpen();
    expect([isOpen(), breaker.probe(p, fakeTraits())]).toEqual([false, "free"]);
    expect(start().probe).toBe(true);
    expect([isOpen(), breaker.probe(p, fakeTraits())]).toEqual([true, "claimed"]);
    expect(start().probe).toBe(false);
  });

  it("serves again after the probe's success, and starts over", () => {
    const { isOpen, start, judge, breaker, p } = halfOpen();
    start().end("success");
    expect([isOpen(), breaker.probe(p, fakeTraits())]).toEqual([false, "none"]);
    expect(start().probe).toBe(false);
    judge(CONFIRMED);
    expect(isOpen()).toBe(false);
  });

  it.each([
    ["confirmed fault", CONFIRMED],
    ["unconfirmed fault", UNCONFIRMED],
    ["late attempt", "late" as const],
  ])("is open again at once, and longer, when the probe ends as a %s", (_, verdict) => {
    const { start, openFor, seen } = halfOpen();
    start().end(verdict);
    expect(openFor()).toBe(60_000);
    expect(seen.opened).toHaveLength(2);
  });

  it("keeps its probe for the next request when the first one told nothing, or was refused", () => {
    const { isOpen, start, breaker, p, clock } = halfOpen();
    start().end("neutral");
    expect(isOpen()).toBe(false);
    const traits = fakeTraits();
    expect(start(traits).probe).toBe(true);
    breaker.report(p, traits, "refusal", clock.now());
    expect(isOpen()).toBe(false);
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
    expect([set.isOpen(), set.start().probe]).toEqual([true, false]);
    set.clock.advance(1);
    probe.end("success");
    expect(set.isOpen()).toBe(false);
  });

  it("is not brought back by a success that was seen before the last fault", () => {
    const { clock, start, judge, isOpen } = halfOpen();
    const probe = start();
    const at = clock.now();
    clock.advance(10);
    judge(CONFIRMED);
    probe.end("success", at);
    expect([isOpen(), start().probe]).toEqual([false, true]);
  });

  it("answers with that success for all that was seen before it, told or not", () => {
    const { clock, start, judge, isOpen } = halfOpen();
    clock.advance(10);
    start().end("success");
    clock.advance(10);
    judge(CONFIRMED, "base", clock.now() - 15);
    judge(CONFIRMED);
    expect(isOpen()).toBe(false);
    judge(CONFIRMED);
    expect(isOpen()).toBe(true);
  });

  it("is brought back for the shape of the success alone", () => {
    const { clock, breaker, p, isOpen, open, start } = setUp({ openToFenceMachine: 9 });
    open("base");
    open("tools");
    clock.advance(30_000);
    start(fakeTraits({ shape: "tools" })).end("success");
    expect([breaker.claim(p, fakeTraits({ shape: "tools" })), breaker.claim(p, fakeTraits())]).toEqual([false, true]);
    expect([isOpen("tools"), isOpen("base")]).toEqual([false, true]);
  });
});

it("nobody starts before it is half-open, whatever succeeds there meanwhile; who has nobody else probes", () => {
  const { clock, judge, isOpen, open, start } = setUp();
  open();
  clock.advance(10_000);
  judge("success");
  expect(isOpen()).toBe(true);
  const early = start();
  expect(early.probe).toBe(true);
  early.end("success");
  expect(isOpen()).toBe(false);
});

describe("a success that turns out to be none", () => {
  it("is a confirmed fault, and no success", () => {
    const { judge, isOpen } = setUp();
    for (let n = 0; n < 2; n++) {
      judge("success");
      judge("retraction");
    }
    expect(isOpen()).toBe(true);
  });

  it("is none among the outcomes either", () => {
    const { judge, isOpen } = setUp();
    for (let n = 0; n < 8; n++) judge("success");
    judge("retraction");
    expect(isOpen()).toBe(false);
    // Two of nine, where it would have been two of ten.
    judge(CONFIRMED);
    expect(isOpen()).toBe(true);
  });

  it("undoes what it had done: the machine that it brought back is open at once", () => {
    const { judge, open, openFor, start, isOpen } = setUp();
    open();
    openFor();
    const probe = start();
    probe.end("success");
    judge("retraction");
    expect(isOpen()).toBe(false);
    probe.end("retraction");
    expect(openFor()).toBe(60_000);
  });
});

describe("the machine as a whole", () => {
  it("is open when two shapes are, until fewer are", () => {
    const { clock, isOpen, judge, open, start } = setUp();
    open("tools");
    clock.advance(10_000);
    expect(isOpen("base")).toBe(false);
    open("vision");
    expect(isOpen("base")).toBe(true);
    clock.advance(20_000);
    // The first one's time is over.
    expect([isOpen("base"), isOpen("tools"), isOpen("vision")]).toEqual([false, false, true]);
    const probe = start(fakeTraits({ shape: "tools" }));
    expect(isOpen("base")).toBe(true);
    probe.end("success");
    expect(isOpen("base")).toBe(false);
    judge("success");
  });

  it("is open for other models too, and last failed when it did at anything", () => {
    const { clock, breaker, p, open } = setUp();
    const other = fakeTraits({ model: "other" });
    open("tools");
    expect(breaker.lastFaultAt(p, other)).toBe(Number.NEGATIVE_INFINITY);
    clock.advance(5);
    open("vision");
    expect(breaker.isOpen(p, other)).toBe(true);
    expect(breaker.lastFaultAt(p, other)).toBe(clock.now());
  });
});

describe("identity", () => {
  it("reconnecting launders nothing: another object with the same id is still out", () => {
    const { breaker, open } = setUp();
    open();
    expect(breaker.isOpen(fakeProvider("p", { connectedAt: 5 }), fakeTraits())).toBe(true);
  });

  it.each([
    ["agent", { agentVersion: "1.0.1" }],
    ["weights", { models: new Map([["m", fakeModel({ weights_hash: "new" })]]) }],
    ["backend", { models: new Map([["m", fakeModel({ backend: { kind: "llama-server", version: "2" } })]]) }],
  ])("a changed %s earns a probe", (_, changes) => {
    const { breaker, open } = setUp();
    open();
    const changed = fakeProvider("p", changes);
    expect(breaker.isOpen(changed, fakeTraits())).toBe(false);
    expect(breaker.claim(changed, fakeTraits())).toBe(true);
    expect(breaker.isOpen(changed, fakeTraits())).toBe(true);
  });

  it.each([
    ["is another one", "1", "2", false],
    ["was not known then", undefined, "1", true],
    ["is not known now", "1", undefined, true],
  ])("where the version of its backend %s, it is as much out as that says", (_, before, after, isOpen) => {
    const backend = (version: string | undefined) => {
      const told = { kind: "vllm", ...(version === undefined ? {} : { version }) };
      return new Map([["m", fakeModel({ backend: told })]]);
    };
    const { breaker, p, open } = setUp();
    p.models = backend(before);
    open();
    expect(breaker.isOpen(fakeProvider("p", { models: backend(after) }), fakeTraits())).toBe(isOpen);
  });

  it("is still out while it is away", () => {
    const { breaker, p, clock, open } = setUp();
    const backend = { kind: "llama-server", version: "1" };
    p.models = new Map([["m", fakeModel({ weights_hash: "w", backend })]]);
    open();
    expect(breaker.isOpen(DepartedProvider.of(p, clock.now()), fakeTraits())).toBe(true);
  });

  it("tells when a provider failed last, for who must serve when everybody is open", () => {
    const { clock, breaker, p, judge } = setUp();
    judge(CONFIRMED);
    const at = clock.now();
    clock.advance(1_000);
    judge("success");
    judge(CONFIRMED, "tools");
    expect(breaker.lastFaultAt(p, fakeTraits())).toBe(at);
  });
});

describe("a lost connection", () => {
  it("is one fault, however many requests, models and shapes it carried", () => {
    const { breaker, p, judge, isOpen, clock } = setUp();
    for (let n = 0; n < 10; n++) {
      judge(LOST, n % 2 === 0 ? "base" : "tools");
      breaker.judge(p, fakeTraits({ model: `m${n}` }), LOST, clock.now());
    }
    expect([isOpen("base"), isOpen("tools")]).toEqual([false, false]);
    // The next connection's is another.
    breaker.judge(fakeProvider("p", { connectedAt: 7 }), fakeTraits(), LOST, clock.now());
    expect(isOpen("base")).toBe(true);
  });

  it("is as sure as the surest of its requests", () => {
    const { judge, isOpen } = setUp();
    judge({ confirmed: false, connectionLost: true });
    judge(CONFIRMED);
    expect(isOpen()).toBe(false);
    judge(LOST, "tools");
    expect(isOpen()).toBe(true);
  });

  it("gives back the probe of a request that it took along and that it is not counted for", () => {
    const { clock, open, judge, isOpen, start } = setUp();
    open("tools");
    clock.advance(30_000);
    const probe = start(fakeTraits({ shape: "tools" }));
    judge(LOST);
    probe.end(LOST);
    expect([isOpen("tools"), start(fakeTraits({ shape: "tools" })).probe]).toEqual([false, true]);
  });
});

describe("connections that most of the fleet loses at once", () => {
  const fleet = ["p", "q", "r", "s", "t"].map((id) => fakeProvider(id));
  const again = (connectedAt: number) => fleet.map(({ id }) => fakeProvider(id, { connectedAt }));

  function lose(set: ReturnType<typeof setUp>, machines: readonly FakeProvider[], connected = fleet.length): void {
    for (const [n, machine] of machines.entries()) {
      set.breaker.connectionLost(machine.id, set.clock.now(), connected - n);
    }
  }
  const struck = ({ breaker, clock }: ReturnType<typeof setUp>, machine: FakeProvider): boolean => {
    breaker.judge(machine, fakeTraits(), CONFIRMED, clock.now());
    return breaker.isOpen(machine, fakeTraits());
  };
  const blame = ({ breaker, clock }: ReturnType<typeof setUp>, machines: readonly FakeProvider[]): void => {
    for (const machine of machines) breaker.judge(machine, fakeTraits(), LOST, clock.now());
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
    expect(set.isOpen()).toBe(true);
    lose(set, fleet.slice(0, 3));
    expect(set.isOpen()).toBe(false);
    set.clock.advance(10_000);
    set.open();
    expect(set.openFor()).toBe(30_000);
  });

  it("are no failed probes either, and no last fault", () => {
    const set = setUp();
    set.open();
    const failedAt = set.clock.now();
    set.clock.advance(30_000);
    set.start().end(LOST);
    expect(set.isOpen()).toBe(true);
    lose(set, fleet);
    expect(set.breaker.lastFaultAt(set.p, fakeTraits())).toBe(failedAt);
    const probe = set.start();
    expect(probe.probe).toBe(true);
    probe.end(CONFIRMED);
    expect(set.openFor()).toBe(60_000);
  });

  it("leave what was no lost connection as it was", () => {
    const set = setUp();
    set.open();
    lose(set, fleet);
    blame(set, fleet);
    expect(set.isOpen()).toBe(true);
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
    expect(set.isOpen()).toBe(true);
  });
});

describe("capacity refusals", () => {
  function refusing() {
    const set = setUp();
    const { breaker, p, clock } = set;
    const refuse = (traits = fakeTraits()): void => breaker.report(p, traits, "refusal", clock.now());
    const accept = (traits = fakeTraits()): void => breaker.report(p, traits, "accept", clock.now());
    const cooled = (): boolean => breaker.isCapacityCooled(p, "m");
    return { ...set, refuse, accept, cooled };
  }

  it("end the belief in room until a newer heartbeat, or 15 s", () => {
    const { clock, p, refuse, breaker, isOpen } = refusing();
    refuse();
    expect(breaker.believesHeadroom(p, "m")).toBe(false);
    clock.advance(14_999);
    expect(breaker.believesHeadroom(p, "m")).toBe(false);
    clock.advance(1);
    expect(breaker.believesHeadroom(p, "m")).toBe(true);
    refuse();
    p.lastHeartbeatAt = clock.now() + 1;
    expect(breaker.believesHeadroom(p, "m")).toBe(true);
    expect(isOpen()).toBe(false);
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
    expect(seen).toEqual({ opened: [], capacityCooled: 6 });
  });

  it("let one request at a time try before the time is over, which makes it no longer, and an accept ends it", () => {
    const { clock, p, refuse, accept, cooled, breaker, start, seen } = refusing();
    const probe = () => breaker.probe(p, fakeTraits({ shape: "tools" }));
    expect([probe(), breaker.lastRefusalAt(p, "m")]).toEqual(["none", Number.NEGATIVE_INFINITY]);
    for (let n = 0; n < 5; n++) refuse();
    expect([probe(), breaker.lastRefusalAt(p, "m")]).toEqual(["none", clock.now()]);
    clock.advance(60_000);
    const traits = fakeTraits();
    expect([start(traits).probe, probe(), start().probe]).toEqual([true, "claimed", false]);
    refuse(traits);
    expect([probe(), cooled(), breaker.lastRefusalAt(p, "m")]).toEqual(["none", true, clock.now()]);
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
    const { clock, refuse, accept, cooled, breaker, p } = refusing();
    const early = clock.now() - 1;
    for (let n = 0; n < 5; n++) refuse();
    breaker.report(p, fakeTraits(), "accept", early);
    expect(cooled()).toBe(true);
    clock.advance(1_000);
    accept();
    expect(cooled()).toBe(false);
    for (let n = 0; n < 5; n++) breaker.report(p, fakeTraits(), "refusal", early);
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
    const { clock, breaker, open, isOpen, p } = setUp({ maxRecords: 3 });
    const others = ["q", "r", "s", "t"].map((id) => fakeProvider(id));
    const judgeAll = (verdict: Verdict): void => {
      for (const other of others) breaker.judge(other, fakeTraits(), verdict, clock.now());
    };
    open();
    judgeAll("success");
    expect([isOpen(), breaker.lastFaultAt(p, fakeTraits())]).toEqual([true, clock.now()]);
    judgeAll(CONFIRMED);
    // Room for two beside the open one: whoever came first was forgotten.
    const known = others.map((other) => breaker.lastFaultAt(other, fakeTraits()) > 0);
    expect(known).toEqual([false, false, true, true]);
    for (const other of others) for (let n = 0; n < 2; n++) breaker.judge(other, fakeTraits(), CONFIRMED, clock.now());
    expect(isOpen()).toBe(false);
    expect(others.map((other) => breaker.isOpen(other, fakeTraits()))).toEqual([false, true, true, true]);
  });
});
