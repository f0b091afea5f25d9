import { seededRng } from "@hearth/platform";
import { FakeClock } from "@hearth/platform/testing";
import type { ProviderId } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import type { Looked } from "../fleet/work-tally.js";
import { isVersionBelow } from "../platform/versions.js";
import { expectByHardware, fakeExpecting } from "../testing/fake-expecting.js";
import {
  type FakeProvider,
  fakeBreaker,
  fakeDirectory,
  fakeModel,
  fakePastAttempt,
  fakeProvider,
  fakeSlot,
  fakeTraits,
} from "../testing/fake-provider.js";
import { Affinity } from "./affinity.js";
import { type Catalog, DEFAULT_CATALOG } from "./catalog.js";
import type { Probe } from "./health.js";
import type { PickResult, Verdict } from "./pick-result.js";
import { createPicker, type Look } from "./picker.js";
import type { Score } from "./score-terms.js";
import { DEFAULT_SELECTION } from "./settings.js";
import { type AttemptHistory, NO_ATTEMPTS, type Search, type Traits } from "./traits.js";

interface Options {
  readonly catalog?: Catalog;
  /** Machines of which something is known, and how long they are expected to take, ms. */
  readonly known?: Readonly<Record<string, number>>;
  /** How much of that others have waited for in vain, ms. */
  readonly inVain?: Readonly<Record<string, number>>;
}

/** A fleet, with a breaker that does as the test says. */
function setUp(providers: FakeProvider[], { catalog = DEFAULT_CATALOG, known = {}, inVain = {} }: Options = {}) {
  const clock = new FakeClock();
  const out = new Map<string, { readonly lastFaultAt: number; readonly probe: Probe }>();
  const cooled = new Map<string, { readonly lastRefusalAt: number; readonly probe: Probe }>();
  const judged: (readonly [string, Verdict])[] = [];
  const recorded: (readonly [string, Verdict])[] = [];
  const breaker = fakeBreaker({
    isOpen: ({ id }) => out.has(id) && out.get(id)?.probe !== "free",
    isCapacityCooled: ({ id }) => cooled.has(id),
    lastRefusalAt: ({ id }) => cooled.get(id)?.lastRefusalAt ?? Number.NEGATIVE_INFINITY,
    lastFaultAt: ({ id }) => out.get(id)?.lastFaultAt ?? Number.NEGATIVE_INFINITY,
    probe: ({ id }) => (cooled.get(id)?.probe === "claimed" ? "claimed" : (out.get(id)?.probe ?? "none")),
    claim({ id }) {
      const refused = cooled.get(id);
      if (refused !== undefined) cooled.set(id, { ...refused, probe: "claimed" });
      return out.get(id)?.probe === "free" || (refused !== undefined && refused.probe !== "claimed");
    },
    judge: ({ id }, _traits, verdict) => judged.push([id, verdict]),
  });
  const counted = { looks: [] as Looked[], decided: [] as Score[] };
  const failOpen = { times: 0 };
  const picker = createPicker({
    directory: fakeDirectory(providers),
    catalog: () => catalog,
    settings: () => DEFAULT_SELECTION,
    breaker,
    expecting: fakeExpecting({
      expect(provider, traits) {
        const expectedMs = known[provider.id];
        if (expectedMs === undefined) return expectByHardware(provider, traits);
        const censored = inVain[provider.id] ?? 0;
        const terms = { connect: 0, load: 0, ahead: 0, prefill: expectedMs - censored, censored };
        return { expectedMs, estimateMs: 10_000, byDefault: false, terms };
      },
    }),
    reputation: { judged: ({ provider: { id }, verdict }) => recorded.push([id, verdict]) },
    affinity: new Affinity(),
    clock,
    rng: seededRng(1),
    hooks: {
      looked: (look) => counted.looks.push(look),
      decided: (_provider, score) => counted.decided.push(score),
      servedAlthoughOpen: () => {
        failOpen.times += 1;
      },
    },
  });
  const pick = (traits: Partial<Traits> = {}, search: Partial<Search> = {}, look?: Look): PickResult =>
    picker.pick({ traits: fakeTraits(traits), history: NO_ATTEMPTS, ...search }, look);
  /** Who serves a request that is over at once. */
  const served = (traits: Partial<Traits> = {}, search: Partial<Search> = {}): string => {
    const result = pick(traits, search);
    if (result.type === "picked") result.lease[Symbol.dispose]();
    return idOf(result);
  };
  return { clock, pick, served, picker, counted, failOpen, out, cooled, judged, recorded };
}

const idOf = (result: PickResult): string => (result.type === "picked" ? result.provider : result.type);
const codeOf = (result: PickResult): string => (result.type === "unavailable" ? result.error.code : result.type);
const slot = (changes: Parameters<typeof fakeSlot>[0]) => ({ slots: new Map([["m", fakeSlot(changes)]]) });
const model = (changes: Parameters<typeof fakeModel>[0]) => ({ models: new Map([["m", fakeModel(changes)]]) });
const tried = (id: string, changes: Parameters<typeof fakePastAttempt>[0] = {}): AttemptHistory =>
  new Map([[id as ProviderId, fakePastAttempt(changes)]]);
const full = (id: string, changes: Parameters<typeof fakeProvider>[1] = {}): FakeProvider =>
  fakeProvider(id, { ...changes, leased: 99 });

describe("telling why", () => {
  const gone = fakeProvider("gone", { status: "offline" });
  const offline = new Map([["offline", ["gone"]]]);

  it("names who won and who was rejected at a first look, and of who has waited when somebody is found", () => {
    const busy = full("busy");
    const { pick, counted } = setUp([fakeProvider("queued", slot({ queued: 9 })), fakeProvider("idle"), gone]);
    expect(idOf(pick())).toBe("idle");
    pick({}, {}, "again");
    const look = { model: "m", winner: "idle", rejected: offline };
    expect(counted.looks).toEqual([
      { ...look, isFirst: true },
      { ...look, isFirst: false },
    ]);
    const waiting = setUp([busy]);
    waiting.pick();
    waiting.pick({}, {}, "again");
    expect(waiting.counted.looks).toMatchObject([{ isFirst: true, winner: undefined }]);
  });

  it("names nobody as the winner who serves because the others are open or too slow", () => {
    const { out, pick, counted } = setUp([fakeProvider("out")]);
    out.set("out", { lastFaultAt: 0, probe: "none" });
    expect(idOf(pick())).toBe("out");
    expect(counted.looks).toMatchObject([{ winner: undefined }]);
    expect(counted.decided).toHaveLength(1);
  });

  it("counts one reason for each provider it rejects", () => {
    const { pick, counted } = setUp([
      fakeProvider("a", { status: "offline", untrusted: true }),
      fakeProvider("b", { status: "draining" }),
      fakeProvider("c"),
    ]);
    pick();
    const byGate = [
      ["offline", ["a"]],
      ["draining", ["b"]],
    ] as const;
    expect(counted.looks.map(({ rejected }) => [...rejected])).toEqual([byGate]);
  });
});

describe("choosing", () => {
  it("takes the cheaper provider when they differ by more than a tie", () => {
    const { served } = setUp([fakeProvider("busy", slot({ queued: 2 })), fakeProvider("free", slot({}))]);
    for (let i = 0; i < 20; i++) expect(served()).toBe("free");
  });

  it("spreads equal requests over equal providers: least pending first", () => {
    const providers = ["a", "b", "c"].map((id) => fakeProvider(id));
    const { pick } = setUp(providers);
    for (let i = 0; i < 6; i++) pick();
    expect(providers.map((each) => each.leased)).toEqual([2, 2, 2]);
  });

  it("logs what was decided, once", () => {
    const { pick, counted } = setUp([fakeProvider("a"), fakeProvider("b")]);
    pick();
    expect(counted.decided).toHaveLength(1);
    expect(counted.decided[0]?.terms.load).toBe(2_500);
  });

  it("prefers the caller's own machine under prefer, and a stranger's when it is much better", () => {
    const own = fakeProvider("own", { account: "caller" });
    const { served } = setUp([own, fakeProvider("other")]);
    expect(served({ route: "prefer" })).toBe("own");
    own.slots = slot({ queued: 40 }).slots;
    expect(served({ route: "prefer" })).toBe("other");
  });

  it("sends no tools to an agent below the operator's floor", () => {
    const catalog = { ...DEFAULT_CATALOG, versionFloors: { tools: "0.6.3" } };
    const old = fakeProvider("old", { agentVersion: "0.6.2" });
    expect(codeOf(setUp([old], { catalog }).pick({ shape: "tools" }))).toBe("capability_unavailable");
    expect(setUp([old], { catalog }).served()).toBe("old");
  });

  it("prefers who takes the prompt for certain, and else the largest context", () => {
    const long = { promptTokens: 1_000, leastPromptTokens: 500 };
    const [small, larger] = [600, 900].map((length) => fakeProvider(`${length}`, model({ context_length: length })));
    const sure = fakeProvider("sure", { ...model({ context_length: 1_000 }), ...slot({ queued: 20 }) });
    const doubtful = [small, larger] as FakeProvider[];
    for (let i = 0; i < 5; i++) expect(setUp([...doubtful, sure]).served(long)).toBe("sure");
    for (let i = 0; i < 5; i++) expect(setUp(doubtful).served(long)).toBe("900");
  });
});

describe("what is asked of the answer", () => {
  const says = (id: string, capabilities: object): FakeProvider => fakeProvider(id, model({ capabilities }));
  const wishes = { structuredOutput: true, logprobs: true };
  const [able, half] = [{ structured_output: true, logprobs: true }, { structured_output: true }];

  it("is for those that are known to give it, else for those of which nobody has said", () => {
    const known = setUp([says("silent", {}), says("half", half), says("able", able)]);
    for (let i = 0; i < 8; i++) expect(known.served(wishes)).toBe("able");
    for (let i = 0; i < 8; i++) expect(known.served({ structuredOutput: true })).not.toBe("silent");
    const unsure = setUp([says("silent", {}), says("drops", { logprobs: false })]);
    for (let i = 0; i < 8; i++) expect(unsure.served(wishes)).toBe("silent");
  });

  it.each([
    [{ logprobs: true }, "requests with logprobs"],
    [{ structuredOutput: true, shape: "tools" as const }, "requests with tools and a JSON schema"],
    [wishes, "requests with a JSON schema and logprobs"],
  ])("is refused in words where nobody ever gives it: %j", (asked, words) => {
    const drops = says("drops", { structured_output: false, logprobs: false });
    expect(setUp([drops]).pick(asked)).toMatchObject({
      error: { code: "capability_unsupported", message: `No provider of this model serves ${words}.` },
    });
    const old = fakeProvider("old", model({ capabilities: able, template_render_ok: false }));
    expect(codeOf(setUp([drops, old]).pick(asked))).toBe("capability_unavailable");
    expect(setUp([drops]).pick().type).toBe("picked");
  });
});

describe("who was tried", () => {
  it("is not the next one's program, where there is another version or backend", () => {
    const slow = slot({ queued: 20 });
    const [same, version] = [fakeProvider("same"), fakeProvider("version", { agentVersion: "2.0.0", ...slow })];
    expect(setUp([same, version]).served({}, { history: tried("x") })).toBe("version");
    const backend = fakeProvider("backend", { ...model({ backend: { kind: "vllm" } }), ...slow });
    expect(setUp([same, backend]).served({}, { history: tried("x") })).toBe("backend");
    expect(setUp([same]).served({}, { history: tried("x") })).toBe("same");
    // One that is at it has failed at nothing.
    expect(setUp([same, version]).served({}, { history: tried("x", { state: "running" }) })).toBe("same");
  });

  it("is tried again only when nobody else is eligible", () => {
    const back = fakeProvider("back", { connectedAt: 1 });
    const other = fakeProvider("other", slot({ queued: 20 }));
    expect(setUp([back, other]).served({}, { history: tried("back") })).toBe("other");
    expect(setUp([back]).served({}, { history: tried("back") })).toBe("back");
    expect(codeOf(setUp([fakeProvider("back")]).pick({}, { history: tried("back") }))).toBe("no_provider");
  });

  it("can be what the next one must differ from: among those the largest context", () => {
    const search = { history: tried("x", { contextLength: 8_192 }), unlikeEarlier: true };
    const [like, larger, largest] = [8_192, 16_384, 32_768].map((context_length) =>
      fakeProvider(`${context_length}`, model({ context_length })),
    ) as [FakeProvider, FakeProvider, FakeProvider];
    expect(setUp([like, larger, largest]).served({}, search)).toBe("32768");
    expect(codeOf(setUp([like]).pick({}, search))).toBe("no_provider");
    largest.leased = 99;
    expect(codeOf(setUp([like, largest]).pick({}, search))).toBe("queue");
  });
});

describe("who is expected too late", () => {
  const known = { fast: 1_000, slow: 9_000 };

  it("does not count, and may be sooner later", () => {
    const { served } = setUp([fakeProvider("slow"), fakeProvider("fast")], { known });
    expect(served({}, { expectedBefore: 9_000 })).toBe("fast");
    const slow = setUp([fakeProvider("slow")], { known });
    expect(slow.served({}, { expectedBefore: 9_000 })).toBe("queue");
    expect(slow.served({}, { expectedBefore: 9_001 })).toBe("slow");
  });

  it("is nobody's matter once that time has passed", () => {
    const { clock, pick, served } = setUp([fakeProvider("fast")], { known: { fast: 0 } });
    clock.advance(99);
    expect(served({}, { expectedBefore: 100 })).toBe("fast");
    clock.advance(1);
    expect(codeOf(pick({}, { expectedBefore: 100 }))).toBe("no_capacity");
  });
});

describe("a conversation", () => {
  const conversation = { id: "c", continued: true };

  it("of 12 turns stays on one of two equal machines, and a new one is spread", () => {
    const { pick } = setUp([fakeProvider("a"), fakeProvider("b")]);
    const turns = Array.from({ length: 12 }, (_, turn) => {
      const result = pick({ conversation: { id: "c", continued: turn > 0 } });
      if (result.type !== "picked") throw new Error("not picked");
      result.lease.judge("success", 0);
      result.lease[Symbol.dispose]();
      return result.provider;
    });
    expect(new Set(turns).size).toBe(1);
  });

  it("leaves its machine where that has no slot, is no longer within the tie, or did not answer", () => {
    const [a, b] = [fakeProvider("a"), fakeProvider("b")];
    const { pick, served } = setUp([a, b]);
    const first = pick({ conversation });
    const [mine, other] = idOf(first) === "a" ? [a, b] : [b, a];
    if (first.type === "picked") first.lease.judge({ confirmed: true, connectionLost: false }, 0);
    // It still runs there, and nothing is remembered: the one with less pending.
    expect(served({ conversation })).toBe(other.id);
    const second = pick({ conversation });
    if (second.type === "picked") second.lease.judge("success", 0);
    mine.leased = 0;
    expect(served({ conversation })).toBe(other.id);
    other.leased = 99;
    expect(served({ conversation })).toBe(mine.id);
    other.leased = 0;
    other.slots = slot({ queued: 5 }).slots;
    expect(served({ conversation })).toBe(mine.id);
  });
});

describe("machines without evidence", () => {
  const known = { known: 20_000 };
  const fresh = (count: number, account = "newcomer") =>
    Array.from({ length: count }, (_, i) => fakeProvider(`new${i}`, { account, ...slot({}) }));

  it("get one in 16 of a model's requests all together, though they score better, and may be hedged at once", () => {
    const { pick } = setUp([fakeProvider("known"), ...fresh(3)], { known });
    const results = Array.from({ length: 64 }, () => {
      const result = pick();
      if (result.type !== "picked") throw new Error("not picked");
      result.lease[Symbol.dispose]();
      return result;
    });
    const explored = results.filter(({ provider }) => provider !== "known");
    expect(explored).toHaveLength(4);
    expect(explored.every(({ hedgeAtOnce }) => hedgeAtOnce)).toBe(true);
    expect(results.filter(({ hedgeAtOnce }) => hedgeAtOnce)).toHaveLength(4);
  });

  it("of one account get one at a time", () => {
    const wide = fakeProvider("known", slot({ max_concurrency: 200 }));
    const { pick } = setUp([wide, ...fresh(3), fakeProvider("theirs", { account: "another", ...slot({}) })], { known });
    const providers = Array.from({ length: 80 }, () => idOf(pick()));
    const explored = providers.filter((id) => id !== "known");
    expect(explored).toHaveLength(2);
    expect(explored.filter((id) => id === "theirs")).toHaveLength(1);
  });

  it("serve like anybody where nobody is known, and are nobody to fail over to", () => {
    const two = setUp(fresh(2));
    expect(two.served()).toMatch(/^new/);
    const { served } = setUp([fakeProvider("known"), ...fresh(1)], { known });
    for (let i = 0; i < 40; i++) expect(served({}, { history: tried("x") })).toBe("known");
  });

  it("go first where nothing is known of anybody but that it makes others wait in vain", () => {
    const inVain = { known: 12_000 };
    const hangs = setUp([fakeProvider("known"), ...fresh(1)], { known, inVain });
    for (let i = 0; i < 5; i++) expect(hangs.served()).toBe("new0");
    const oneIsWell = setUp([fakeProvider("known"), fakeProvider("well"), ...fresh(1)], {
      known: { ...known, well: 20_000 },
      inVain,
    });
    for (let i = 0; i < 15; i++) expect(oneIsWell.served()).not.toBe("new0");
  });

  it("go first where they are the caller's own and those are preferred", () => {
    const { served } = setUp([fakeProvider("known"), fakeProvider("own", { account: "caller" })], { known });
    for (let i = 0; i < 5; i++) expect(served({ route: "prefer" })).toBe("own");
  });
});

describe("whose breaker is open", () => {
  const faults = (lastFaultAt: number, probe: Probe = "none") => ({ lastFaultAt, probe });

  it("stays unused while one healthy one is left, however many are open", () => {
    const { out, failOpen, served } = setUp([
      fakeProvider("a"),
      fakeProvider("b"),
      fakeProvider("well", slot({ queued: 50 })),
    ]);
    out.set("a", faults(-9_000)).set("b", faults(-9_000));
    for (let i = 0; i < 10; i++) expect(served()).toBe("well");
    expect(failOpen.times).toBe(0);
  });

  it("serves when nobody is left, the least recently failed first", () => {
    const { out, failOpen, pick } = setUp([fakeProvider("later"), fakeProvider("sooner"), fakeProvider("last")]);
    out.set("later", faults(-10)).set("sooner", faults(-20)).set("last", faults(-1, "claimed"));
    const result = pick();
    expect(result).toMatchObject({ type: "picked", provider: "sooner", hedgeAtOnce: false, lease: { probe: false } });
    expect(failOpen.times).toBe(1);
  });

  it("is waited for where it is busy: an open breaker alone refuses nothing", () => {
    const { out, pick } = setUp([full("a"), full("b")]);
    out.set("a", faults(0)).set("b", faults(0));
    expect(codeOf(pick())).toBe("queue");
  });

  it("may be probed by a request that would wait, where it is idle and its fault some seconds old", () => {
    const idle = fakeProvider("out");
    const { out, failOpen, clock, pick } = setUp([full("busy"), idle]);
    out.set("out", faults(0));
    clock.advance(4_999);
    expect(codeOf(pick())).toBe("queue");
    clock.advance(1);
    const probe = pick();
    expect(probe).toMatchObject({ provider: "out", hedgeAtOnce: true, lease: { probe: true } });
    expect(failOpen.times).toBe(0);
    // One at a time.
    expect(codeOf(pick())).toBe("queue");
    if (probe.type === "picked") probe.lease[Symbol.dispose]();
    out.set("out", faults(0, "claimed"));
    expect(codeOf(pick())).toBe("queue");
  });

  it("is a probe once its time is over, and may be hedged at once", () => {
    const { out, pick } = setUp([fakeProvider("a")]);
    out.set("a", faults(0, "free"));
    expect(pick()).toMatchObject({ provider: "a", hedgeAtOnce: true, lease: { probe: true } });
  });

  it("is not who else is free but too slow", () => {
    const { out, clock, pick } = setUp([fakeProvider("slow"), fakeProvider("out")], { known: { slow: 90_000 } });
    out.set("out", faults(0));
    expect(codeOf(pick({}, { expectedBefore: 4_000 }))).toBe("queue");
    clock.advance(5_000);
    expect(idOf(pick({}, { expectedBefore: 50_000 }))).toBe("out");
  });
});

describe("who is cooled for capacity", () => {
  const refused = (lastRefusalAt: number, probe: Probe = "none") => ({ lastRefusalAt, probe });

  it("is left alone while one that is well is left, busy or not", () => {
    const { cooled, pick, served } = setUp([fakeProvider("cooled"), fakeProvider("well", slot({ queued: 50 }))]);
    cooled.set("cooled", refused(0));
    expect(served()).toBe("well");
    const busy = setUp([fakeProvider("cooled"), full("well")]);
    busy.cooled.set("cooled", refused(0));
    expect(codeOf(busy.pick())).toBe("queue");
    expect(idOf(pick({}, { history: tried("well") }))).toBe("cooled");
  });

  it("is tried when nobody is left, by one request at a time, which may be hedged at once", () => {
    const { cooled, failOpen, pick } = setUp([fakeProvider("a")]);
    cooled.set("a", refused(0));
    expect(pick()).toMatchObject({ type: "picked", provider: "a", hedgeAtOnce: true, lease: { probe: true } });
    expect(pick()).toMatchObject({ error: { code: "providers_cooling", details: { retryAfterSeconds: 30 } } });
    expect(failOpen.times).toBe(0);
    cooled.delete("a");
    expect(idOf(pick())).toBe("a");
  });

  it("is not tried where anything else is against it: it shows no room, or is not there", () => {
    for (const each of [full("a"), fakeProvider("a", { status: "offline" }), fakeProvider("a", { untrusted: true })]) {
      const { cooled, pick } = setUp([each]);
      cooled.set("a", refused(0));
      expect(codeOf(pick())).toBe("providers_cooling");
    }
  });

  it("comes in the order of their last refusals, each once, behind all who are only open", () => {
    const { cooled, out, failOpen, pick } = setUp(["later", "sooner", "both", "out"].map((id) => fakeProvider(id)));
    cooled.set("later", refused(-10)).set("sooner", refused(-20)).set("both", refused(-15));
    out.set("both", { lastFaultAt: -99, probe: "none" }).set("out", { lastFaultAt: -1, probe: "none" });
    expect(idOf(pick())).toBe("out");
    expect(failOpen.times).toBe(1);
    const order = [1, 2, 3].map(() => idOf(pick({}, { history: tried("out") })));
    expect(order).toEqual(["sooner", "both", "later"]);
    expect(failOpen.times).toBe(2);
  });

  it("is not tried while its fault's probe is under way", () => {
    const { cooled, out, pick } = setUp([fakeProvider("a")]);
    cooled.set("a", refused(0));
    out.set("a", { lastFaultAt: 0, probe: "claimed" });
    expect(codeOf(pick())).toBe("providers_cooling");
  });
});

describe("a lease", () => {
  it("holds a slot until it is disposed, once", () => {
    const provider = fakeProvider("a");
    const result = setUp([provider]).pick();
    expect(provider.leased).toBe(1);
    if (result.type !== "picked") throw new Error("not picked");
    result.lease[Symbol.dispose]();
    result.lease[Symbol.dispose]();
    expect(provider.leased).toBe(0);
  });

  it("asks for what the request is expected to come to", () => {
    const asked: number[] = [];
    const provider = fakeProvider("a", {
      acquire(_model, tokens) {
        asked.push(tokens);
        return { [Symbol.dispose]() {} };
      },
    });
    setUp([provider]).pick({ maxTokens: 64_000 });
    expect(asked).toEqual([100 + 256]);
  });

  it("tells the machine's record each verdict that counts, once, and the breaker no refusal that is no fault", () => {
    const { pick, judged, recorded } = setUp([fakeProvider("a")]);
    const told = ["refused_alone", "late", "false_receipt"] as const;
    const result = pick();
    if (result.type !== "picked") throw new Error("not picked");
    for (const verdict of told) result.lease.judge(verdict, 0);
    expect(recorded).toEqual([
      ["a", "refused_alone"],
      ["a", "false_receipt"],
    ]);
    expect(judged).toEqual([["a", "false_receipt"]]);
  });

  it("is judged once, but for a retraction; a neutral verdict is only a probe's matter", () => {
    const { pick, judged, out } = setUp([fakeProvider("a")]);
    const result = pick();
    if (result.type !== "picked") throw new Error("not picked");
    for (const verdict of ["success", "late", "retraction"] as const) result.lease.judge(verdict, 0);
    expect(judged).toEqual([
      ["a", "success"],
      ["a", "retraction"],
    ]);
    judged.length = 0;
    const neutral = pick();
    if (neutral.type === "picked") neutral.lease.judge("neutral", 0);
    expect(judged).toEqual([]);
    out.set("a", { lastFaultAt: 0, probe: "free" });
    const probe = pick();
    if (probe.type === "picked") probe.lease.judge("neutral", 0);
    expect(judged).toEqual([["a", "neutral"]]);
  });
});

describe("the ladder", () => {
  const text = model({ capabilities: {} });

  it("says no_provider when nobody serves the model to this caller", () => {
    expect(codeOf(setUp([]).pick())).toBe("no_provider");
    expect(codeOf(setUp([fakeProvider("a")]).pick({ route: "self" }))).toBe("no_provider");
    const words = (wanted: Partial<Traits>): string => {
      const result = setUp([fakeProvider("a")]).pick(wanted);
      return result.type === "unavailable" ? result.error.message : result.type;
    };
    expect(words({ route: "self" })).toMatch(/^No machine of your own account/);
    expect(words({ allowlist: new Set(["b"]) })).toMatch(/^None of the machines that this request names/);
  });

  it("says that the prompt is too long before anything else, with the largest context there is", () => {
    const away = fakeProvider("a", { ...model({ context_length: 50, capabilities: {} }), status: "offline" });
    const budget = fakeProvider("b", { ...slot({ budget_max: 40 }), ...text });
    const result = setUp([away, budget]).pick({ shape: "vision", promptTokens: 120 });
    expect(result).toMatchObject({
      error: {
        code: "context_length_exceeded",
        details: { overflow: { promptTokens: 120, contextTokens: 50 } },
      },
    });
  });

  it("tells 61,000 tokens at once that nobody can ever hold them", () => {
    const providers = [full("a", model({ context_length: 16_384 })), full("b", model({ context_length: 8_192 }))];
    expect(codeOf(setUp(providers).pick({ promptTokens: 61_000, leastPromptTokens: 30_500 }))).toBe(
      "context_length_exceeded",
    );
  });

  it("says what nobody ever does, and what only somebody else's machine does, although all are busy", () => {
    const blind = full("own", { account: "caller", ...text });
    expect(codeOf(setUp([blind]).pick({ shape: "vision" }))).toBe("capability_unsupported");
    expect(codeOf(setUp([blind, fakeProvider("stranger")]).pick({ shape: "vision", route: "self" }))).toBe(
      "capability_unavailable",
    );
  });

  it("never calls a request wrong for memory alone, and says memory", () => {
    const vitals = { memory_free_bytes: 2 ** 30 };
    expect(codeOf(setUp([fakeProvider("a", model({ weights_bytes: 2 ** 40 }))]).pick())).toBe("model_too_large");
    const crowded = fakeProvider("a", { ...model({ weights_bytes: 2 ** 31 }), vitals });
    expect(setUp([crowded]).pick()).toEqual({ type: "queue", lacking: "memory" });
    expect(setUp([crowded, full("b")]).pick()).toEqual({ type: "queue" });
  });

  it("says cooling when only the ill are left, and queues when one healthy one is merely busy", () => {
    const ill = fakeProvider("ill", slot({ state: "crashed" }));
    const cooled = fakeProvider("cooled");
    const { pick, cooled: refusing } = setUp([ill, cooled]);
    refusing.set("cooled", { lastRefusalAt: 0, probe: "claimed" });
    expect(codeOf(pick())).toBe("providers_cooling");
    expect(codeOf(setUp([ill, full("busy")]).pick())).toBe("queue");
  });

  it("queues for a lone one without room", () => {
    expect(codeOf(setUp([full("a")]).pick())).toBe("queue");
  });

  it("queues for one that is offline for seconds, not for one that is offline and cannot do it", () => {
    expect(codeOf(setUp([fakeProvider("a", { status: "offline" })]).pick())).toBe("queue");
    const blind = fakeProvider("a", { status: "offline", ...text });
    expect(codeOf(setUp([blind]).pick({ shape: "vision" }))).toBe("capability_unsupported");
  });
});

describe("slots", () => {
  it("are those of who could serve the request, had they room", () => {
    const { picker, cooled } = setUp([
      fakeProvider("half", { ...slot({ max_concurrency: 4 }), leased: 2 }),
      full("full", slot({ max_concurrency: 3 })),
      fakeProvider("refusing", slot({ max_concurrency: 5 })),
      fakeProvider("blind", { ...model({ capabilities: {} }), ...slot({ max_concurrency: 50 }) }),
      fakeProvider("gone", { status: "offline" }),
    ]);
    cooled.set("refusing", { lastRefusalAt: 0, probe: "none" });
    expect(picker.slots(fakeTraits({ shape: "vision" }))).toEqual({ used: 2 + 3 + 5, all: 12 });
    expect(picker.slots(fakeTraits({ model: "other" }))).toEqual({ used: 0, all: 0 });
  });
});

it("compares versions by number", () => {
  expect(isVersionBelow("0.6.2", "0.6.3")).toBe(true);
  expect(isVersionBelow("0.10.0", "0.6.3")).toBe(false);
  expect(isVersionBelow("v1", "0.6.3")).toBe(false);
  expect(isVersionBelow("0.6.3-beta.1", "0.6.3")).toBe(false);
  expect(isVersionBelow("junk", "0.0.1")).toBe(true);
});
