import { FakeClock } from "@hearth/platform/testing";
import { beforeEach, describe, expect, it } from "vitest";
import type { Provider } from "../fleet/provider.js";
import { fakeExpecting } from "../testing/fake-expecting.js";
import { type FakeProvider, fakeBreaker, fakeModel, fakeProvider, fakeSlot } from "../testing/fake-provider.js";
import { type Catalog, DEFAULT_CATALOG } from "./catalog.js";
import type { Health } from "./health.js";
import { type ModelOffer, Offers } from "./offers.js";
import { DEFAULT_SELECTION } from "./settings.js";

const GIB = 2 ** 30;
const model = (changes: Parameters<typeof fakeModel>[0]) => ({ models: new Map([["m", fakeModel(changes)]]) });
const slot = (changes: Parameters<typeof fakeSlot>[0]) => ({ slots: new Map([["m", fakeSlot(changes)]]) });

let clock: FakeClock;
let fleet: Map<string, readonly Provider[]>;
let catalog: Catalog;
beforeEach(() => {
  clock = new FakeClock();
  fleet = new Map();
  catalog = DEFAULT_CATALOG;
});

function offers(health: Partial<Health> = {}): Offers {
  return new Offers({
    directory: { serving: (name) => fleet.get(name) ?? NONE },
    catalog: () => catalog,
    settings: () => DEFAULT_SELECTION,
    health: fakeBreaker(health),
    expecting: fakeExpecting(),
    clock,
  });
}

const NONE: readonly Provider[] = [];

/** What these offer of one model. */
function offerOf(providers: readonly FakeProvider[], health: Partial<Health> = {}, account = "caller"): ModelOffer {
  fleet.set("m", providers);
  return offers(health).of(["m"], account);
}

describe("an offer", () => {
  it("has the longest context, what anybody does, and what all say that they do not do", () => {
    const { contextLength, capabilities, quantizations, chats } = offerOf([
      fakeProvider(
        "a",
        model({ context_length: 100, quantization: "Q8_0", capabilities: { tools: true, vision: false } }),
      ),
      fakeProvider(
        "b",
        model({ context_length: 300, quantization: "Q4_K_M", capabilities: { tools: false, vision: false } }),
      ),
      fakeProvider("c", model({ quantization: "Q8_0", capabilities: { vision: false, logprobs: false } })),
    ]);
    expect({ contextLength, capabilities, quantizations, chats }).toEqual({
      contextLength: 300,
      capabilities: { tools: true, vision: false },
      quantizations: ["Q4_K_M", "Q8_0"],
      chats: true,
    });
  });

  it("says nothing of what nobody says", () => {
    const { contextLength, capabilities, quantizations } = offerOf([fakeProvider("a", model({ capabilities: {} }))]);
    expect({ contextLength, capabilities, quantizations }).toEqual({
      contextLength: undefined,
      capabilities: {},
      quantizations: [],
    });
  });

  it("takes the word of who may never serve only where there is nobody else", () => {
    const long = model({ context_length: 900, capabilities: { tools: true } });
    const broken = fakeProvider("broken", model({ ...long.models.get("m"), template_render_ok: false }));
    const away = fakeProvider("away", { ...long, status: "offline" });
    const well = fakeProvider("well", model({ context_length: 100, capabilities: {} }));
    expect(offerOf([broken, away, well])).toMatchObject({ contextLength: 100, capabilities: {}, providers: 2 });
    expect(offerOf([broken, away])).toMatchObject({ contextLength: 900, availability: "busy" });
    expect(offerOf([broken])).toMatchObject({ contextLength: 900, availability: "unavailable" });
  });

  it("counts who has the model in memory, and the slots that are free", () => {
    const { providers, warm, freeSlots } = offerOf([
      fakeProvider("idle", slot({ state: "idle", max_concurrency: 4 })),
      fakeProvider("busy", { ...slot({ state: "running", max_concurrency: 2 }), leased: 1 }),
      fakeProvider("full", { ...slot({ state: "running", max_concurrency: 1 }), leased: 1 }),
      fakeProvider("cold", slot({ state: "idle_shutdown", max_concurrency: 3 })),
      fakeProvider("loading", slot({ state: "reloading", max_concurrency: 9 })),
      fakeProvider("gone", { ...slot({ state: "idle", max_concurrency: 9 }), status: "offline" }),
    ]);
    expect({ providers, warm, freeSlots }).toEqual({ providers: 5, warm: 3, freeSlots: 4 + 1 + 3 });
  });

  it("is what one caller gets: a machine that is lent to its owner only is there for him alone", () => {
    const own = fakeProvider("own", { availableTo: "owner", account: "caller", ...model({ context_length: 900 }) });
    const others = fakeProvider("others", { ...model({ context_length: 100 }), leased: 99 });
    expect(offerOf([own, others], {}, "caller")).toMatchObject({
      ...{ contextLength: 900, providers: 2, availability: "ready" },
    });
    expect(offerOf([own, others], {}, "somebody")).toMatchObject({
      ...{ contextLength: 100, providers: 1, availability: "busy" },
    });
    expect(offerOf([own], {}, "somebody")).toMatchObject({ providers: 0, availability: "unavailable" });
  });

  it("is that of all builds that may stand for it", () => {
    fleet.set("new", [
      fakeProvider("a", { models: new Map([["new", fakeModel({ context_length: 900 })]]), leased: 99 }),
    ]);
    fleet.set("old", [fakeProvider("b", { models: new Map([["old", fakeModel({ context_length: 100 })]]) })]);
    expect(offers().of(["new", "old"], "caller")).toMatchObject({
      ...{ contextLength: 900, providers: 2, availability: "ready" },
    });
    expect(offers().of(["new"], "caller").availability).toBe("busy");
    expect(offers().of(["nobody's"], "caller")).toMatchObject({ providers: 0, availability: "unavailable" });
  });

  it("is of an embedding model by a request for embeddings", () => {
    const embeds = model({ capabilities: { embeddings: true, tools: false }, dialects: ["embeddings"] });
    expect(offerOf([fakeProvider("a", embeds)])).toMatchObject({ chats: false, availability: "ready", freeSlots: 6 });
  });
});

describe("whether it can be had now", () => {
  it.each<[string, readonly FakeProvider[], ModelOffer["availability"]]>([
    ["somebody is free", [fakeProvider("a", { leased: 99 }), fakeProvider("b")], "ready"],
    ["all are busy", [fakeProvider("a", { leased: 99 })], "busy"],
    ["it is being loaded", [fakeProvider("a", slot({ state: "reloading" }))], "busy"],
    ["somebody is expected back", [fakeProvider("a", { status: "offline" })], "busy"],
    ["it crashed", [fakeProvider("a", slot({ state: "crashed" }))], "unavailable"],
    ["it does not fit", [fakeProvider("a", model({ weights_bytes: 65 * GIB }))], "unavailable"],
    ["all are paused", [fakeProvider("a", { availableTo: "nobody" })], "unavailable"],
    ["nobody has it", [], "unavailable"],
  ])("%s", (_case, providers, expected) => {
    expect(offerOf(providers).availability).toBe(expected);
  });

  it("goes by the operator's least trust", () => {
    catalog = { ...DEFAULT_CATALOG, trustMinimum: "hardware" };
    expect(offerOf([fakeProvider("a")]).availability).toBe("unavailable");
    expect(offerOf([fakeProvider("a", { trust: "hardware" })]).availability).toBe("ready");
  });

  it("goes by the breaker: whose breaker is open serves where nobody well is waited for", () => {
    const health = { isOpen: ({ id }: Provider) => id === "ill" };
    expect(offerOf([fakeProvider("ill")], health).availability).toBe("ready");
    expect(offerOf([fakeProvider("ill", { leased: 99 })], health).availability).toBe("busy");
    expect(offerOf([fakeProvider("ill"), fakeProvider("b", { leased: 99 })], health).availability).toBe("busy");
    const crashed = fakeProvider("b", slot({ state: "crashed" }));
    expect(offerOf([fakeProvider("ill"), crashed], health).availability).toBe("ready");
  });
});

describe("reading the fleet", () => {
  it("is done once a second for each model, and at once when somebody comes or goes", () => {
    const machine = fakeProvider("a");
    fleet.set("m", [machine]);
    const all = offers();
    expect(all.toRead("m")).toBe(1);
    expect(all.of(["m"], "caller").availability).toBe("ready");
    machine.leased = 99;
    clock.advance(999);
    expect(all.toRead("m")).toBe(0);
    expect(all.of(["m"], "caller").availability).toBe("ready");
    clock.advance(2);
    expect(all.of(["m"], "caller").availability).toBe("busy");
    fleet.set("m", [machine, fakeProvider("b")]);
    expect(all.of(["m"], "caller").availability).toBe("ready");
    fleet.delete("m");
    expect(all.of(["m"], "caller").providers).toBe(0);
  });

  it("is done less often in a large fleet", () => {
    const crowd = Array.from({ length: 20_000 }, (_, i) => fakeProvider(`p${i}`));
    fleet.set("m", [fakeProvider("a")]).set("large", crowd);
    const all = offers();
    for (const build of ["m", "large"]) all.of([build], "caller");
    clock.advance(1_900);
    expect(all.toRead("m")).toBe(0);
    fleet.delete("large");
    expect(all.of(["large"], "caller").providers).toBe(0);
    expect(all.toRead("m")).toBe(1);
  });

  it("remembers no more than twice the models that there are, however many come and go", () => {
    const all = offers();
    for (let i = 0; i < 5_000; i++) {
      fleet.set(`m${i}`, [fakeProvider("a")]);
      all.of([`m${i}`], "caller");
      if (i >= 100) fleet.delete(`m${i - 100}`);
    }
    expect(all.size).toBeLessThanOrEqual(1_024);
  });
});
