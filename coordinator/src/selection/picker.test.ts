import { seededRng } from "@hearth/platform";
import { FakeClock } from "@hearth/platform/testing";
import type { Gate, ProviderId } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import { isVersionBelow } from "../platform/versions.js";
import {
  type FakeProvider,
  fakeModel,
  fakeProvider,
  fakeSlot,
  fakeTraits,
  fakeTried,
} from "../testing/fake-provider.js";
import { type Catalog, DEFAULT_CATALOG } from "./catalog.js";
import { OutlierDetector } from "./outlier.js";
import type { PickResult } from "./pick-result.js";
import { createPicker, type Look } from "./picker.js";
import type { Score } from "./score.js";
import { NOTHING_TRIED, type Traits, type Tried } from "./traits.js";

function setUp(providers: FakeProvider[], catalog: Catalog = DEFAULT_CATALOG) {
  const clock = new FakeClock();
  const rng = seededRng(1);
  const outlier = new OutlierDetector({ clock, rng, hooks: { ejected() {}, capacityCooled() {} } });
  const rejected: Gate[] = [];
  const lost: string[] = [];
  const decided: Score[] = [];
  const picker = createPicker({
    providers: () => providers,
    catalog,
    outlier,
    clock,
    rng,
    hooks: {
      rejected: (_provider, gate) => rejected.push(gate),
      lost: (provider) => lost.push(provider),
      decided: (_provider, score) => decided.push(score),
    },
  });
  const pick = (traits: Partial<Traits> = {}, tried: Tried = NOTHING_TRIED, look?: Look): PickResult =>
    picker.pick({ traits: fakeTraits(traits), tried }, look);
  return { clock, outlier, pick, rejected, lost, decided };
}

const idOf = (result: PickResult): string => (result.type === "picked" ? result.provider : result.type);
const codeOf = (result: PickResult): string => (result.type === "unavailable" ? result.error.code : result.type);

describe("telling why", () => {
  it("names the gate for each that is rejected and the losers by score, and neither again for who has waited", () => {
    const queued = fakeProvider("queued", { slots: new Map([["m", fakeSlot({ queued: 9 })]]) });
    const { pick, rejected, lost } = setUp([queued, fakeProvider("idle"), fakeProvider("gone", { status: "offline" })]);
    expect(idOf(pick())).toBe("idle");
    expect({ rejected, lost }).toEqual({ rejected: ["offline"], lost: ["queued"] });
    pick({}, NOTHING_TRIED, "again");
    expect({ rejected, lost }).toEqual({ rejected: ["offline"], lost: ["queued", "queued"] });
  });
});

describe("choosing", () => {
  it("takes the cheaper provider when they differ by more than a tie", () => {
    const busy = fakeProvider("busy", { slots: new Map([["m", fakeSlot({ queued: 2 })]]) });
    const { pick } = setUp([busy, fakeProvider("free", { slots: new Map([["m", fakeSlot()]]) })]);
    for (let i = 0; i < 20; i++) {
      const result = pick();
      expect(idOf(result)).toBe("free");
      if (result.type === "picked") result.lease[Symbol.dispose]();
    }
  });

  it("spreads equal requests over equal providers: least pending first", () => {
    const providers = ["a", "b", "c"].map((id) => fakeProvider(id));
    const { pick } = setUp(providers);
    for (let i = 0; i < 6; i++) pick();
    expect(providers.map((each) => each.places)).toEqual([2, 2, 2]);
  });

  it("logs terms that add up to the total", () => {
    const vitals = { memory_pressure: 0.5, cpu_load: 0.2, thermal: "fair" as const };
    const { pick, decided } = setUp([fakeProvider("a", { vitals }), fakeProvider("b")]);
    pick();
    for (const { total, terms } of decided) {
      expect(Object.values(terms).reduce((sum, term) => sum + term, 0)).toBeCloseTo(total, 6);
    }
    expect(decided).toHaveLength(1);
  });

  it("prefers the caller's own machine under prefer, and a stranger's when it is much better", () => {
    const own = fakeProvider("own", { account: "caller" });
    const { pick } = setUp([own, fakeProvider("other")]);
    expect(idOf(pick({ route: "prefer" }))).toBe("own");
    own.slots = new Map([["m", fakeSlot({ queued: 40 })]]);
    expect(idOf(pick({ route: "prefer" }))).toBe("other");
  });

  it("prefers another version than the one that failed, and takes it all the same when there is no other", () => {
    const tried: Tried = new Map([["x" as ProviderId, fakeTried()]]);
    const slow = { slots: new Map([["m", fakeSlot({ queued: 20 })]]) };
    const { pick } = setUp([fakeProvider("same"), fakeProvider("other", { agentVersion: "2.0.0", ...slow })]);
    expect(idOf(pick({}, tried))).toBe("other");
    expect(idOf(setUp([fakeProvider("same")]).pick({}, tried))).toBe("same");
  });

  it("sends no tools to an agent below the operator's floor", () => {
    const floored = { ...DEFAULT_CATALOG, versionFloors: { tools: "0.6.3" } };
    const old = fakeProvider("old", { agentVersion: "0.6.2" });
    expect(codeOf(setUp([old], floored).pick({ shape: "tools" }))).toBe("capability_unavailable");
    expect(idOf(setUp([old], floored).pick())).toBe("old");
  });

  it("counts one reason for each provider it rejects", () => {
    const { pick, rejected } = setUp([
      fakeProvider("a", { status: "offline", untrusted: true }),
      fakeProvider("b", { status: "draining" }),
      fakeProvider("c"),
    ]);
    pick();
    expect(rejected).toEqual(["offline", "draining"]);
  });
});

const FAULT = { confirmed: true, connectionLost: false };

describe("a lease", () => {
  it("holds a place until it is disposed, once", () => {
    const provider = fakeProvider("a");
    const result = setUp([provider]).pick();
    expect(provider.places).toBe(1);
    if (result.type !== "picked") throw new Error("not picked");
    result.lease[Symbol.dispose]();
    result.lease[Symbol.dispose]();
    expect(provider.places).toBe(0);
  });

  it("reports once: what comes after the first report is not heard", () => {
    const providers = [
      fakeProvider("a"),
      fakeProvider("b", { status: "draining" }),
      fakeProvider("c", { status: "draining" }),
    ];
    const { pick, outlier } = setUp(providers);
    for (let i = 0; i < 2; i++) {
      const result = pick();
      if (result.type !== "picked") throw new Error("not picked");
      result.lease.judge("success", 0);
      result.lease.judge(FAULT, 0);
      result.lease.judge(FAULT, 0);
      result.lease[Symbol.dispose]();
    }
    expect(outlier.isEjected(providers[0] as FakeProvider, fakeTraits())).toBe(false);
  });
});

describe("a probe", () => {
  it("is not given back by a request that had run there before it", () => {
    const sick = fakeProvider("sick");
    const { clock, outlier, pick } = setUp([
      sick,
      fakeProvider("x", { status: "draining" }),
      fakeProvider("y", { status: "draining" }),
    ]);
    const old = pick();
    outlier.judge(sick, fakeTraits(), FAULT, clock.now());
    outlier.judge(sick, fakeTraits(), FAULT, clock.now());
    clock.advance(60_000);
    const probe = pick();
    expect(probe).toMatchObject({ type: "picked", lease: { probe: true } });
    if (old.type === "picked") old.lease.judge("neutral", clock.now());
    expect(pick().type).not.toBe("picked");
  });

  it("for capacity is not settled by a success that began before the refusals", () => {
    const full = fakeProvider("full");
    const { clock, outlier, pick } = setUp([full]);
    const old = pick();
    if (old.type === "picked") old.lease.report("accept");
    for (let i = 0; i < 5; i++) outlier.report(full, fakeTraits(), "refusal", clock.now());
    clock.advance(20_000);
    if (old.type === "picked") old.lease.judge("success", clock.now());
    expect(codeOf(pick())).toBe("providers_cooling");
  });
});

describe("the ladder", () => {
  const text = new Map([["m", fakeModel({ capabilities: {} })]]);

  it("says no_provider when nobody serves the model to this caller", () => {
    expect(codeOf(setUp([]).pick())).toBe("no_provider");
    expect(codeOf(setUp([fakeProvider("a")]).pick({ route: "self" }))).toBe("no_provider");
  });

  it("says the request is too large before anything that a wait could change", () => {
    const models = new Map([["m", fakeModel({ context_length: 10, capabilities: {} })]]);
    const { pick } = setUp([fakeProvider("a", { models, status: "offline" })]);
    expect(codeOf(pick({ shape: "vision" }))).toBe("model_too_large");
  });

  it("refuses at once what no token budget and no memory could ever hold", () => {
    const slots = new Map([["m", fakeSlot({ budget_max: 1_000, budget_used: 0 })]]);
    expect(codeOf(setUp([fakeProvider("a", { slots })]).pick({ promptTokens: 600, maxTokens: 600 }))).toBe(
      "model_too_large",
    );
    const vitals = { memory_free_bytes: 2 ** 30 };
    expect(codeOf(setUp([fakeProvider("a", { vitals })]).pick({ promptTokens: 1_000_000 }))).toBe("model_too_large");
  });

  it("says a capability is missing although its only holder is somebody else's, and at once although it is busy", () => {
    const busy = fakeProvider("own", { account: "caller", models: text });
    busy.places = 99;
    const { pick } = setUp([busy, fakeProvider("stranger")]);
    expect(codeOf(pick({ shape: "vision", route: "self" }))).toBe("capability_unavailable");
  });

  it("says cooling when only the ill are left, and queues when one healthy one is merely busy", () => {
    const ill = fakeProvider("ill", { slots: new Map([["m", fakeSlot({ state: "crashed" })]]) });
    expect(codeOf(setUp([ill]).pick())).toBe("providers_cooling");
    const busy = fakeProvider("busy");
    busy.places = 99;
    expect(codeOf(setUp([ill, busy]).pick())).toBe("queue");
  });

  it("queues for one that is offline for seconds, not for one that is offline and cannot do it", () => {
    expect(codeOf(setUp([fakeProvider("a", { status: "offline" })]).pick())).toBe("queue");
    const blind = fakeProvider("a", { status: "offline", models: text });
    expect(codeOf(setUp([blind]).pick({ shape: "vision" }))).toBe("capability_unavailable");
  });
});

it("compares versions by number", () => {
  expect(isVersionBelow("0.6.2", "0.6.3")).toBe(true);
  expect(isVersionBelow("0.10.0", "0.6.3")).toBe(false);
  expect(isVersionBelow("v1", "0.6.3")).toBe(false);
  expect(isVersionBelow("0.6.3-beta.1", "0.6.3")).toBe(false);
  expect(isVersionBelow("junk", "0.0.1")).toBe(true);
});
