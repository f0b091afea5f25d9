import { preparePublicKey } from "@hearth/e2e";
import { seededRng } from "@hearth/platform";
import { FakeClock } from "@hearth/platform/testing";
import type { ErrorFrame, ProviderId, RequestId } from "@hearth/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ProviderLink, SealedRequest, StreamListener } from "../fleet/provider-link.js";
import { Background } from "../platform/background.js";
import { countingIds } from "../platform/ids.js";
import { judge } from "../request/judge.js";
import { ProviderContexts } from "../sealing/provider-contexts.js";
import { Affinity } from "../selection/affinity.js";
import { DEFAULT_CATALOG } from "../selection/catalog.js";
import { Evidence } from "../selection/evidence/evidence.js";
import type { Lease, Picked, Verdict } from "../selection/pick-result.js";
import { createPicker, type Picker } from "../selection/picker.js";
import { planFor } from "../selection/route-plan.js";
import { DEFAULT_SELECTION } from "../selection/settings.js";
import type { Traits } from "../selection/traits.js";
import { WaitQueue } from "../selection/wait-queue.js";
import {
  type FakeProvider,
  fakeBreaker,
  fakeDirectory,
  fakeModel,
  fakeProvider,
  fakeTraits,
} from "../testing/fake-provider.js";
import { Hedging } from "./hedging.js";
import { openAttempt } from "./open-attempt.js";
import type { OutboundForm } from "./outbound-request.js";
import type { StartAttempt } from "./race.js";
import type { SentAttempt } from "./sent-attempt.js";
import type { AttemptRole, StartTerms } from "./types.js";

const FORM: OutboundForm = {
  dialect: "chat_completions",
  format: "events",
  body: new Uint8Array(3),
  readEvent: () => ({ kind: "done" }),
};
const CATALOG = { ...DEFAULT_CATALOG, aliases: new Map([["al", { desired: "new", previous: "old" }]]) };
const never = (): AbortSignal => new AbortController().signal;

/** What a provider does with a request. */
type Manner = "takes" | "refuses" | "throws" | "left" | "weak_key";

interface Connected extends FakeProvider {
  manner: Manner;
  readonly closed: string[];
}

function connected(id: string, models: readonly string[] = ["m"], changes: Partial<FakeProvider> = {}): Connected {
  const adverts = new Map(models.map((model) => [model, fakeModel({ id: model })]));
  return Object.assign(fakeProvider(id, { models: adverts, ...changes }), { manner: "takes" as Manner, closed: [] });
}

interface Watched {
  readonly provider: string;
  readonly verdicts: Verdict[];
  disposed: number;
}

interface BenchOptions {
  readonly model?: string;
  readonly traits?: Partial<Traits>;
  readonly form?: () => OutboundForm;
}

/** One request among these providers, and everything that becomes of it. */
class Bench {
  readonly providers: readonly Connected[];
  readonly clock = new FakeClock();
  readonly leases: Watched[] = [];
  readonly sent: SentAttempt[] = [];
  readonly asked: { readonly provider: string; readonly model: string; readonly listener: StreamListener }[] = [];
  readonly suppressed: string[] = [];
  readonly ended: unknown[] = [];
  readonly confirmed: unknown[] = [];
  readonly evidence = new Evidence(this.clock);
  readonly queue: WaitQueue;
  readonly hedging: Hedging;
  readonly picker: Picker;
  slot: Picked | undefined;
  readonly #start: StartAttempt<SentAttempt>;

  constructor(providers: readonly Connected[], { model = "m", traits = {}, form = () => FORM }: BenchOptions = {}) {
    this.providers = providers;
    const { clock, evidence } = this;
    const rng = seededRng(1);
    const picker = createPicker({
      directory: fakeDirectory(providers),
      catalog: () => CATALOG,
      settings: () => DEFAULT_SELECTION,
      breaker: fakeBreaker(),
      expecting: evidence,
      reputation: { judged() {} },
      affinity: new Affinity(),
      clock,
      rng,
      hooks: { looked() {}, decided() {}, servedAlthoughOpen() {} },
    });
    this.picker = {
      slots: (wanted) => picker.slots(wanted),
      pick: (search, look) => {
        const result = picker.pick(search, look);
        return result.type === "picked" ? { ...result, lease: this.#watched(result.lease) } : result;
      },
    };
    this.queue = new WaitQueue(this.picker, clock, { depth() {}, waited() {} });
    this.hedging = new Hedging({
      picker: this.picker,
      queue: this.queue,
      hooks: { suppressed: (why) => void this.suppressed.push(why), backupWon() {} },
    });
    const plan = planFor(CATALOG, model);
    this.#start = openAttempt(
      {
        picker: this.picker,
        queue: this.queue,
        hedging: this.hedging,
        link: (id) => this.#linkOf(id),
        ids: countingIds(),
        clock,
        evidence,
        contexts: new ProviderContexts(clock),
        background: new Background(clock),
        distrust() {},
        observer: {
          started() {},
          content() {},
          receipt() {},
          ended: (...told) => this.ended.push(told),
          undigested() {},
          usageClamped() {},
          cancelConfirmed: (...told) => this.confirmed.push(told),
        },
      },
      {
        request: { id: "req" as RequestId, model, delivery: "whole", form },
        traits: fakeTraits({ model: plan.builds[0] as string, ...traits }),
        plan,
        takeSlot: () => {
          const { slot } = this;
          this.slot = undefined;
          return slot;
        },
        add: (attempt) => this.sent.push(attempt),
      },
    );
  }

  start(role: AttemptRole, changes: Partial<StartTerms> = {}, signal = never): ReturnType<StartAttempt<SentAttempt>> {
    return this.#start({ role, waits: false, until: 600_000, last: false, ...changes }, signal);
  }

  /** Starts an attempt that finds somebody at once. @returns who that is, and for which build */
  opens(role: AttemptRole, changes: Partial<StartTerms> = {}): string {
    const result = this.start(role, changes);
    if (result instanceof Promise || result.type !== "started") return "nobody";
    return `${result.attempt.provider} ${result.attempt.model}`;
  }

  /** The latest attempt fails so. */
  fails(code: ErrorFrame["code"] = "backend_error", progress: ErrorFrame["progress"] = "processed"): void {
    this.asked.at(-1)?.listener.failed({ type: "error", stream: 1, code, progress });
  }

  /** Ends the request, and looks whether each lease has been given back and judged, once. */
  settle(): void {
    for (const attempt of this.sent) attempt.cancel("consumer_gone");
    judge(this.sent);
    for (const { disposed, verdicts } of this.leases) expect([disposed, verdicts.length]).toEqual([1, 1]);
    expect(this.providers.map(({ leased }) => leased)).toEqual(this.providers.map(() => 0));
  }

  #watched(lease: Lease): Lease {
    const watched: Watched = { provider: lease.provider, verdicts: [], disposed: 0 };
    this.leases.push(watched);
    return {
      provider: lease.provider,
      probe: lease.probe,
      report: (sign) => lease.report(sign),
      judge(verdict, at) {
        watched.verdicts.push(verdict);
        lease.judge(verdict, at);
      },
      [Symbol.dispose]() {
        watched.disposed += 1;
        lease[Symbol.dispose]();
      },
    };
  }

  #linkOf(id: ProviderId): ProviderLink | undefined {
    const provider = this.providers.find((each) => each.id === id);
    if (provider === undefined || provider.manner === "left") return undefined;
    if (provider.manner === "weak_key") {
      provider.encryptionKey = { keyId: "weak", publicKey: preparePublicKey(new Uint8Array(32)) };
    }
    const openStream = ({ opening }: SealedRequest, listener: StreamListener) => {
      if (provider.manner === "throws") throw new Error("our own fault");
      if (provider.manner === "refuses") return undefined;
      this.asked.push({ provider: id, model: opening.model, listener });
      return { grant() {}, cancel() {} };
    };
    const close = (reason: string) => provider.closed.push(reason);
    return Object.assign(provider, { openStream, close, proven: undefined }) as unknown as ProviderLink;
  }
}

describe("sending", () => {
  it("answers a failure of our own translation as ours, and gives the slot back", () => {
    const bench = new Bench([connected("p"), connected("q")], {
      form: () => {
        throw new TypeError("translation");
      },
    });
    expect(bench.start("primary")).toMatchObject({ type: "unavailable", error: { code: "internal" } });
    expect(bench.leases).toHaveLength(1);
    bench.settle();
  });

  it("does the same where sealing fails while it is sent", () => {
    const provider = connected("p");
    provider.manner = "throws";
    const bench = new Bench([provider]);
    expect(bench.start("primary")).toMatchObject({ type: "unavailable", error: { code: "internal" } });
    bench.settle();
  });

  it.each(["refuses", "left", "weak_key"] as const)("goes on to another provider when the first one %s", (manner) => {
    const [first, second] = [connected("first"), connected("second", ["m"], { vitals: { memory_pressure: 1 } })];
    const bench = new Bench([first, second]);
    first.manner = manner;
    expect(bench.opens("primary")).toBe("second m");
    expect(bench.leases.map(({ provider }) => provider)).toEqual(["first", "second"]);
    expect(first.closed).toEqual(manner === "weak_key" ? ["untrusted"] : []);
    bench.settle();
  });

  it.each(["refuses", "left", "weak_key"] as const)("ends when the only provider %s", (manner) => {
    const only = connected("only");
    only.manner = manner;
    const bench = new Bench([only]);
    expect(bench.opens("primary")).toBe("nobody");
    bench.settle();
  });

  it("tells the observer whose attempt has ended, where, and how, and that its cancel was confirmed", () => {
    const bench = new Bench([connected("p")]);
    const started = bench.start("primary");
    if (started instanceof Promise || started.type !== "started") throw new Error("not started");
    started.attempt.cancel("consumer_gone");
    const end = { type: "cancelled", reason: "consumer_gone", progress: "not_started", generatedTokens: 0 };
    const attempt = { requestId: "req", attemptId: started.attempt.id, provider: "p", model: "m" };
    expect(bench.ended).toMatchObject([["primary", end, attempt]]);
    const told = { ended: "error", spent: { prompt_tokens: 7, completion_tokens: 3 }, clamped: [] } as const;
    bench.asked[0]?.listener.cancelConfirmed(told);
    expect(bench.confirmed).toEqual([["p", told]]);
    expect(started.attempt.spent).toEqual(told.spent);
    bench.settle();
  });

  it("tells what is expected of the provider that took it", () => {
    const started = new Bench([connected("p")]).start("primary");
    expect(started).toMatchObject({ type: "started", estimateMs: 10_000, hedgeAtOnce: false });
  });
});

describe("who is asked", () => {
  it("uses the slot that admission took, once", () => {
    const bench = new Bench([connected("p"), connected("q")]);
    const picked = bench.picker.pick({ traits: fakeTraits(), history: new Map() });
    if (picked.type !== "picked") throw new Error("not picked");
    bench.slot = picked;
    expect(bench.opens("primary")).toBe(`${picked.provider} m`);
    expect(bench.leases).toHaveLength(1);
    bench.settle();
  });

  it("asks nobody twice who has failed, and one who had no room once more when nobody else is left", () => {
    const bench = new Bench([connected("p")]);
    bench.opens("primary");
    bench.fails("capacity", "not_started");
    expect(bench.opens("retry")).toBe("p m");
    bench.fails("capacity", "not_started");
    expect(bench.opens("retry")).toBe("nobody");
    const broken = new Bench([connected("p")]);
    broken.opens("primary");
    broken.fails();
    expect(broken.opens("retry")).toBe("nobody");
    bench.settle();
    broken.settle();
  });

  it("asks only one that is unlike those that refused, where that is wanted", () => {
    const bench = new Bench([connected("a"), connected("b"), connected("newer", ["m"], { agentVersion: "2.0.0" })]);
    const first = bench.opens("primary");
    bench.fails("bad_request");
    const second = bench.opens("retry", { unlikeEarlier: true });
    expect([first, second].filter((each) => each === "newer m")).toHaveLength(1);
    bench.fails("bad_request");
    expect(bench.opens("retry", { unlikeEarlier: true })).toBe("nobody");
    bench.settle();
  });

  it("starts beside one that takes long only who is expected in time", () => {
    const bench = new Bench([connected("a"), connected("b")]);
    bench.opens("primary");
    expect(bench.opens("overtake", { expectedBefore: 1 })).toBe("nobody");
    expect(bench.opens("overtake", { expectedBefore: 60_000 })).not.toBe("nobody");
    bench.settle();
  });

  it("lets one in four slots be overtaken in, and gives that back when it ends", () => {
    const bench = new Bench([connected("a"), connected("b"), connected("c")].map((each) => smaller(each)));
    bench.opens("primary");
    bench.opens("overtake");
    const other = bench.opens("overtake");
    expect(other).not.toBe("nobody");
    expect(bench.hedging.mayOvertake(fakeTraits())).toBe(false);
    bench.settle();
    expect(bench.hedging.mayOvertake(fakeTraits())).toBe(true);
  });

  it.each(["overtake", "backup"] as const)("takes no slot (%s) of a build that others wait for", (role) => {
    const bench = new Bench([connected("a", ["new"]), connected("b", ["old"])], { model: "al" });
    expect(bench.opens("primary")).toBe("a new");
    const traits = fakeTraits({ model: "old" });
    void bench.queue.wait({ traits, history: new Map(), priority: "fresh" }, never());
    expect(bench.opens(role)).toBe("nobody");
    bench.queue.close();
    expect(bench.opens(role)).toBe("b old");
    bench.settle();
  });

  /** Two slots each: six of three machines let two overtake. */
  const smaller = (provider: Connected): Connected =>
    Object.assign(provider, { hardware: { ...provider.hardware, memory_bytes: 16 * 2 ** 30 } });

  it("pays nothing for a backup that nobody could take", () => {
    const short = connected("p");
    short.models = new Map([["m", fakeModel({ context_length: 1 })]]);
    const bench = new Bench([connected("q"), short]);
    bench.opens("primary");
    for (let i = 0; i < 30; i++) expect(bench.opens("backup")).toBe("nobody");
    expect(bench.suppressed).toEqual([]);
    bench.settle();
  });

  it("backs a request that runs at home up at home only, where its caller prefers that", () => {
    const home = connected("home", ["m"], { account: "caller" });
    const bench = new Bench([home, connected("abroad")], { traits: { route: "prefer" } });
    expect(bench.opens("primary")).toBe("home m");
    expect(bench.opens("backup")).toBe("nobody");
    expect(bench.opens("overtake")).toBe("abroad m");
    bench.settle();
  });
});

describe("a plan of two builds", () => {
  const onNew = (id: string): Connected => connected(id, ["new"]);
  const onOld = (id: string): Connected => connected(id, ["old"]);

  it("serves with the previous build from the first request that the desired one fails", () => {
    const bench = new Bench([onNew("n1"), onNew("n2"), onOld("o")], { model: "al" });
    expect(bench.opens("primary")).toMatch(/^n\d new$/);
    bench.fails();
    expect(bench.opens("retry")).toBe("o old");
    bench.settle();
  });

  it("stays on a build that somebody has answered with within the minute", () => {
    for (const [ago, expected] of [
      [60_000, /^n\d new$/],
      [60_001, /^o old$/],
    ] as const) {
      const [first, second] = [onNew("n1"), onNew("n2")];
      const bench = new Bench([first, second, onOld("o")], { model: "al" });
      bench.evidence.observe(first, fakeTraits({ model: "new" })).ended("completed");
      bench.clock.advance(ago);
      bench.opens("primary");
      bench.fails();
      expect(bench.opens("retry")).toMatch(expected);
      bench.settle();
    }
  });

  it("gives the last attempt to the build that had no chance yet, proven or not", () => {
    const [first, second] = [onNew("n1"), onNew("n2")];
    const bench = new Bench([first, second, onOld("o")], { model: "al" });
    bench.evidence.observe(first, fakeTraits({ model: "new" })).ended("completed");
    bench.opens("primary");
    bench.fails();
    expect(bench.opens("retry", { last: true })).toBe("o old");
    bench.settle();
  });

  it("passes over a build that nobody can serve", () => {
    const bench = new Bench([onOld("o")], { model: "al" });
    expect(bench.opens("primary")).toBe("o old");
    bench.settle();
  });

  it("goes on to the other build when the slot that admission took is gone", () => {
    const gone = onNew("n");
    const bench = new Bench([gone, onOld("o")], { model: "al" });
    const picked = bench.picker.pick({ traits: fakeTraits({ model: "new" }), history: new Map() });
    bench.slot = picked.type === "picked" ? picked : undefined;
    gone.manner = "left";
    expect(bench.opens("primary")).toBe("o old");
    bench.settle();
  });

  it("comes back to the first build when the other has failed as well", () => {
    const bench = new Bench([onNew("n1"), onNew("n2"), onOld("o")], { model: "al" });
    for (const expected of [/new$/, /old$/, /new$/]) {
      expect(bench.opens(expected.source === "new$" && bench.sent.length === 0 ? "primary" : "retry")).toMatch(
        expected,
      );
      bench.fails();
    }
    bench.settle();
  });

  it("tells the plan's first build's refusal when nobody can serve any", () => {
    expect(new Bench([], { model: "al" }).start("primary")).toMatchObject({
      type: "unavailable",
      error: { code: "no_provider" },
    });
  });
});

describe("waiting for room", () => {
  const full = (id: string, model: string): Connected => {
    const provider = connected(id, [model]);
    provider.leased = 100;
    return provider;
  };

  it("waits on the first build that is busy, and runs there when a slot is free", async () => {
    const [busy, other] = [full("n", "new"), full("o", "old")];
    const bench = new Bench([busy, other], { model: "al" });
    const waiting = bench.start("retry", { waits: true });
    expect([bench.queue.depth("new"), bench.queue.depth("old")]).toEqual([1, 0]);
    busy.leased = 0;
    bench.queue.drain();
    expect(await waiting).toMatchObject({ type: "started", attempt: { provider: "n", model: "new" } });
    other.leased = 0;
    bench.settle();
  });

  it("waits not at all where it must not", () => {
    const bench = new Bench([full("p", "m")]);
    expect(bench.start("retry")).toMatchObject({ type: "unavailable", error: { code: "no_provider" } });
    expect(bench.queue.total).toBe(0);
  });

  it("gives up when it is told to, or when patience is over", async () => {
    const bench = new Bench([full("p", "m")]);
    const gone = new AbortController();
    const waiting = bench.start("retry", { waits: true }, () => gone.signal);
    gone.abort("lost_race");
    expect(await waiting).toMatchObject({ type: "unavailable", error: { code: "cancelled" } });
    const impatient = bench.start("retry", { waits: true, until: 5_000 });
    bench.clock.advance(5_000);
    expect(await impatient).toMatchObject({ type: "unavailable", error: { code: "no_capacity" } });
  });

  it("gives a slot back that comes when nobody wants it any more", async () => {
    const busy = full("p", "m");
    const bench = new Bench([busy]);
    const gone = new AbortController();
    const waiting = bench.start("retry", { waits: true }, () => gone.signal);
    busy.leased = 0;
    bench.queue.drain();
    gone.abort("lost_race");
    expect(await waiting).toMatchObject({ type: "unavailable" });
    expect(bench.sent).toEqual([]);
    bench.settle();
  });

  it("looks on when the slot that it has waited for is refused", async () => {
    const [busy, other] = [full("n", "new"), full("o", "old")];
    const bench = new Bench([busy, other], { model: "al" });
    const waiting = bench.start("retry", { waits: true });
    busy.manner = "refuses";
    busy.leased = 0;
    other.leased = 0;
    bench.queue.drain();
    expect(await waiting).toMatchObject({ type: "started", attempt: { provider: "o" } });
    bench.settle();
  });
});

describe("whatever providers do with a request", () => {
  const manners = fc.constantFrom<Manner>("takes", "refuses", "throws", "left", "weak_key");
  const codes = fc.constantFrom<ErrorFrame["code"]>("backend_error", "capacity", "bad_request", "decryption_failed");
  const roles = fc.constantFrom<AttemptRole>("retry", "overtake", "backup");

  it("every lease is given back once, and judged once", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ manner: manners, model: fc.constantFrom("new", "old") }), { minLength: 1, maxLength: 5 }),
        fc.array(fc.record({ role: roles, fails: fc.option(codes), last: fc.boolean() }), { maxLength: 8 }),
        (fleet, attempts) => {
          const providers = fleet.map(({ manner, model }, at) =>
            Object.assign(connected(`p${at}`, [model]), { manner }),
          );
          const bench = new Bench(providers, { model: "al" });
          bench.opens("primary");
          for (const { role, fails, last } of attempts) {
            if (fails !== null) bench.fails(fails, "not_started");
            bench.opens(role, { last });
          }
          bench.settle();
        },
      ),
      { numRuns: 500 },
    );
  });
});
