import { FakeClock } from "@hearth/platform/testing";
import type { Gate, ProviderId } from "@hearth/protocol";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { fakeModel, fakeProvider } from "../testing/fake-provider.js";
import type { Provider } from "./provider.js";
import type { ProviderSession } from "./provider-session.js";
import { Registry } from "./registry.js";
import { type Looked, WorkTally } from "./work-tally.js";

const TWO_MINUTES_MS = 120_000;
const TEN_MINUTES_MS = 600_000;

let clock: FakeClock;
let registry: Registry;
let changes: number;
beforeEach(() => {
  clock = new FakeClock();
  registry = new Registry(clock);
  changes = 0;
  registry.watch(() => {
    changes += 1;
  });
});

type Session = ProviderSession & { readonly closedFor: string[]; readonly succeeded: ProviderSession[] };

/** What the registry asks of a session. */
function session(id: string, models: readonly string[] = ["m"]): Session {
  const closedFor: string[] = [];
  const provider = fakeProvider(id, { models: new Map(models.map((model) => [model, fakeModel({ id: model })])) });
  const close = (reason: string): void => {
    closedFor.push(reason);
    end(made, true);
  };
  const succeeded: ProviderSession[] = [];
  const succeed = (older: ProviderSession): void => void succeeded.push(older);
  const more = { closedFor, close, succeeded, succeed, work: new WorkTally() };
  const made = Object.assign(provider, more) as unknown as Session;
  return made;
}

/** As a session does it: offline first, then told. */
function end(ended: ProviderSession, expectedBack: boolean): void {
  ended.status = "offline";
  registry.departed(ended, expectedBack);
}

const id = (name: string): ProviderId => name as ProviderId;
const names = (providers: Iterable<Provider>): string[] => [...providers].map((provider) => provider.id);

describe("who is here", () => {
  it("knows a session by its id from when it joins", () => {
    const one = session("one");
    registry.add(one);
    expect(registry.link(id("one"))).toBe(one);
    expect(registry.link(id("two"))).toBeUndefined();
    expect(registry.size).toBe(1);
    expect(changes).toBe(1);
  });

  it("forgets at once who left", () => {
    const one = session("one");
    registry.add(one);
    end(one, false);
    expect(names(registry.providers())).toEqual([]);
    expect(registry.size).toBe(0);
    expect(clock.pending).toBe(0);
    expect(changes).toBe(2);
  });

  it("expects back who vanished, as offline, for as long as a request waits", () => {
    const one = session("one");
    registry.add(one);
    end(one, true);
    expect(registry.link(id("one"))).toBeUndefined();
    expect(names(registry.connected())).toEqual([]);
    expect(registry.size).toBe(0);
    clock.advance(TWO_MINUTES_MS - 1);
    expect(names(registry.providers())).toEqual(["one"]);
    const before = changes;
    clock.advance(1);
    expect(names(registry.providers())).toEqual([]);
    expect(changes).toBe(before + 1);
  });

  it("takes back who was expected, and forgets the farewell", () => {
    const one = session("one");
    registry.add(one);
    end(one, true);
    const again = session("one");
    registry.add(again);
    expect(registry.link(id("one"))).toBe(again);
    expect(registry.size).toBe(1);
    clock.advance(TWO_MINUTES_MS);
    expect(registry.link(id("one"))).toBe(again);
    expect(clock.pending).toBe(0);
  });

  it("closes the older of two sessions of one machine, and only that", () => {
    const older = session("one");
    const newer = session("one");
    registry.add(older);
    registry.add(newer);
    expect(older.closedFor).toEqual(["replaced"]);
    expect(newer.closedFor).toEqual([]);
    expect(registry.link(id("one"))).toBe(newer);
    expect(registry.size).toBe(1);
    expect(clock.pending).toBe(0);
  });
});

describe("a machine that was sent away and finishes what runs", () => {
  const sentAway = (): Session => Object.assign(session("one"), { sentAway: true });

  it("has its load counted by each connection that follows, however those before it ended", () => {
    const [first, second, third, fourth, fifth] = [
      sentAway(),
      session("one"),
      session("one"),
      sentAway(),
      session("one"),
    ];
    for (const each of [first, second]) registry.add(each as Session);
    expect(second?.succeeded).toEqual([first]);
    end(second as Session, true);
    registry.add(third as Session);
    expect(third?.succeeded).toEqual([second]);
    registry.add(fourth as Session);
    expect([fourth?.succeeded, third?.closedFor]).toEqual([[third], ["replaced"]]);
    registry.add(fifth as Session);
    expect(fifth?.succeeded).toEqual([fourth]);
    expect(first?.closedFor).toEqual([]);
    expect(names(registry.sessions())).toEqual(["one", "one", "one"]);
  });

  it("hands nothing on once it has ended", () => {
    const [first, second, third] = [sentAway(), session("one"), session("one")];
    registry.add(first);
    registry.add(second);
    end(first, true);
    registry.add(third);
    expect([third.succeeded, second.closedFor]).toEqual([[], ["replaced"]]);
  });
});

describe("which models are served", () => {
  it("follows what each machine names, and what is expected back", () => {
    const [one, two] = [session("one", ["a", "b"]), session("two", ["b"])];
    registry.add(one);
    registry.add(two);
    end(two, false);
    expect(["a", "b", "c"].filter((model) => registry.serves(model))).toEqual(["a", "b"]);
    Object.assign(one, { models: session("one", ["c"]).models });
    registry.updated(one);
    expect(["a", "b", "c"].filter((model) => registry.serves(model))).toEqual(["c"]);
    end(one, true);
    expect(registry.serves("c")).toBe(true);
    clock.advance(TWO_MINUTES_MS);
    expect(registry.serves("c")).toBe(false);
  });

  it("is not changed by a session that another has replaced", () => {
    const [older, newer] = [session("one", ["a"]), session("one", ["b"])];
    registry.add(older);
    registry.add(newer);
    registry.updated(older);
    expect(["a", "b"].filter((model) => registry.serves(model))).toEqual(["b"]);
  });

  it("tells who names a model, whoever has done so longest first, and which models there are", () => {
    const [one, two] = [session("one", ["a"]), session("two", ["a", "b"])];
    registry.add(one);
    registry.add(two);
    registry.add(session("three", ["c"]));
    expect(names(registry.serving("a"))).toEqual(["one", "two"]);
    expect([...registry.models()]).toEqual(["a", "b", "c"]);
    end(one, true);
    expect(names(registry.serving("a"))).toEqual(["one", "two"]);
    registry.add(session("one", ["a"]));
    expect(names(registry.serving("a"))).toEqual(["two", "one"]);
    end(two, false);
    expect(names(registry.serving("a"))).toEqual(["one"]);
    expect(names(registry.serving("b"))).toEqual([]);
    expect([...registry.models()].toSorted()).toEqual(["a", "c"]);
  });

  it("looks at nobody else for a model, however many there are", () => {
    const touched = (models: number): readonly [number, number] => {
      const fleet = new Registry(clock);
      let reads = 0;
      const counting: ProxyHandler<Session> = {
        get(target, property) {
          reads += 1;
          return Reflect.get(target, property);
        },
      };
      for (let i = 0; i < 200 * models; i++) fleet.add(new Proxy(session(`p${i}`, [`m${i % models}`]), counting));
      reads = 0;
      const lookUps = vi.spyOn(Map.prototype, "get");
      const found = [...fleet.serving("m0")];
      const looked = lookUps.mock.calls.length;
      lookUps.mockRestore();
      expect(found).toHaveLength(200);
      return [looked, reads];
    };
    const alone = touched(1);
    expect(alone[0]).toBeGreaterThan(0);
    expect(touched(500)).toEqual(alone);
  });

  it("gives the same list while the same machines serve a model, and another one when they change", () => {
    const [one, two] = [session("one", ["a"]), session("two", ["b"])];
    registry.add(one);
    registry.add(two);
    const before = registry.serving("a");
    registry.updated(one);
    expect(registry.serving("a")).toBe(before);
    Object.assign(two, { models: session("two", ["a"]).models });
    registry.updated(two);
    expect(names(registry.serving("a"))).toEqual(["one", "two"]);
    end(one, true);
    expect(registry.serving("a")[0]).not.toBe(one);
    expect(names(before)).toEqual(["one"]);
  });

  it("keeps nothing of the session of a machine that is away", () => {
    const one = session("one");
    registry.add(one);
    end(one, true);
    expect([...registry.providers()]).toHaveLength(1);
    expect([...registry.providers()][0]).not.toBe(one);
  });
});

describe("what came of looking for somebody", () => {
  const look = (model: string, winner?: string, rejected: Readonly<Partial<Record<Gate, string[]>>> = {}): void =>
    registry.looked({
      model,
      isFirst: true,
      winner: winner as ProviderId | undefined,
      rejected: new Map(Object.entries(rejected)) as unknown as Looked["rejected"],
    });

  it("is told to those who serve the model, and as looks for other models to everybody else", () => {
    const [one, two, other] = [session("one", ["a"]), session("two", ["a", "b"]), session("other", ["b"])];
    for (const each of [one, two, other]) registry.add(each);
    look("a", "one");
    look("a", "one", { vision: ["two"] });
    look("b");
    expect(one.work.take()).toEqual({ picked: 0, lost: 0, rejected: { not_serving_model: 1 } });
    expect(two.work.take()).toEqual({ picked: 0, lost: 1, rejected: { vision: 1 } });
    expect(other.work.take()).toEqual({ picked: 0, lost: 0, rejected: { not_serving_model: 2 } });
  });

  it("counts from when a machine joins, by what it names at the time, also for a model that nobody else names", () => {
    registry.add(session("before", ["a"]));
    look("a", "before");
    look("gone");
    const late = session("late", ["a"]);
    registry.add(late);
    look("a", "before");
    look("gone");
    Object.assign(late, { models: session("late", ["gone"]).models });
    registry.updated(late);
    look("gone", "late");
    look("a", "before");
    expect(late.work.take()).toEqual({ picked: 0, lost: 1, rejected: { not_serving_model: 2 } });
  });

  it("is nothing to a session that only finishes what runs", () => {
    const older = Object.assign(session("one", ["a"]), { sentAway: true });
    registry.add(older);
    look("a", "one");
    registry.add(session("one", ["b"]));
    look("a");
    expect(older.work.take()).toEqual({ picked: 0, lost: 0, rejected: {} });
  });
});

describe("the machines of an account", () => {
  const of = (name: string, account: string): Session => Object.assign(session(name), { account });

  it("are counted while they are connected, each once, and without the one that asks", () => {
    registry.add(of("one", "a"));
    registry.add(of("two", "a"));
    registry.add(of("three", "b"));
    expect(registry.othersOf("a", id("new"))).toBe(2);
    expect(registry.othersOf("a", id("one"))).toBe(1);
    expect(registry.othersOf("a", id("three"))).toBe(2);
    registry.add(of("one", "a"));
    expect(registry.othersOf("a", id("new"))).toBe(2);
    end(registry.link(id("two")) as Session, true);
    expect(registry.othersOf("a", id("new"))).toBe(1);
    registry.add(of("one", "b"));
    expect(registry.othersOf("a", id("new"))).toBe(0);
    expect(registry.othersOf("b", id("new"))).toBe(2);
  });

  it("are not counted twice when one that was sent away is there anew, whichever of the two ends first", () => {
    const older = Object.assign(of("one", "a"), { sentAway: true });
    registry.add(older);
    const newer = of("one", "a");
    registry.add(newer);
    expect(registry.othersOf("a", id("new"))).toBe(1);
    end(older, true);
    expect(registry.othersOf("a", id("new"))).toBe(1);
    end(newer, false);
    expect(registry.othersOf("a", id("new"))).toBe(0);
  });
});

describe("distrust", () => {
  it("lasts ten minutes, whether the machine is here or not", () => {
    registry.distrust(id("one"));
    registry.add(session("one"));
    clock.advance(TEN_MINUTES_MS - 1);
    expect(registry.isDistrusted(id("one"))).toBe(true);
    expect(registry.isDistrusted(id("two"))).toBe(false);
    clock.advance(1);
    expect(registry.isDistrusted(id("one"))).toBe(false);
  });

  it("starts anew with every new offence", () => {
    registry.distrust(id("one"));
    clock.advance(TEN_MINUTES_MS - 1);
    registry.distrust(id("one"));
    clock.advance(TEN_MINUTES_MS - 1);
    expect(registry.isDistrusted(id("one"))).toBe(true);
  });

  it("forgets the oldest offender over 10,000, and not one who offended again", () => {
    for (let i = 0; i < 10_000; i++) registry.distrust(id(`p${i}`));
    registry.distrust(id("p0"));
    registry.distrust(id("one more"));
    expect(registry.isDistrusted(id("p0"))).toBe(true);
    expect(registry.isDistrusted(id("p1"))).toBe(false);
    expect(registry.isDistrusted(id("one more"))).toBe(true);
  });
});

describe("watchers", () => {
  it("hear nothing more once they are disposed", () => {
    let heard = 0;
    const watch = registry.watch(() => {
      heard += 1;
    });
    registry.changed();
    watch[Symbol.dispose]();
    registry.changed();
    expect(heard).toBe(1);
    expect(changes).toBe(2);
  });

  it("are told which models a machine serves that has changed, and that it may be any where it names others", () => {
    const told: (readonly string[] | undefined)[] = [];
    registry.watch((models) => told.push(models && [...models.keys()]));
    const one = session("one", ["m", "n"]);
    registry.add(one);
    registry.updated(one);
    Object.assign(one, { models: new Map([["n", fakeModel({ id: "n" })]]) });
    registry.updated(one);
    registry.updated(one);
    end(one, true);
    registry.add(session("one", ["o"]));
    expect(told).toEqual([["m", "n"], ["m", "n"], undefined, ["n"], ["n"], undefined]);
    clock.advance(TWO_MINUTES_MS);
  });

  it("and timers are gone after the registry is disposed", () => {
    const one = session("one");
    registry.add(one);
    end(one, true);
    const before = changes;
    registry[Symbol.dispose]();
    registry.changed();
    expect(clock.pending).toBe(0);
    expect(changes).toBe(before);
  });
});
