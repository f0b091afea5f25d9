import { FakeClock } from "@hearth/platform/testing";
import { beforeEach, expect, it } from "vitest";
import type { Provider } from "../fleet/provider.js";
import { DEFAULT_OWNER_PRICES } from "../ledger/owner-price-settings.js";
import { DEFAULT_PRICES, type OwnerPrices, PriceList, type Tariff } from "../ledger/price-list.js";
import { inOneGo } from "../platform/steps.js";
import { type Alias, DEFAULT_CATALOG } from "../selection/catalog.js";
import { Offers } from "../selection/offers.js";
import { DEFAULT_SELECTION } from "../selection/settings.js";
import { fakeExpecting } from "../testing/fake-expecting.js";
import { fakeBreaker, fakeModel, fakeProvider } from "../testing/fake-provider.js";
import type { ModelEntry } from "./model-forms.js";
import { findModel, type ModelPage, type ModelReader, type ModelSources, modelListSteps } from "./models.js";

const ALIASES = new Map<string, Alias>([
  ["best", { desired: "new", previous: "old" }],
  ["nobody's", { desired: "x", previous: undefined }],
]);

let clock: FakeClock;
let served: Map<string, readonly Provider[]>;
let asked: string[];
let tariff: Tariff | undefined;
let off: readonly string[];
beforeEach(() => {
  clock = new FakeClock();
  clock.advance(60_000);
  served = new Map();
  asked = [];
  tariff = undefined;
  off = [];
});

function sources(): ModelSources {
  const directory = {
    models: () => served.keys(),
    serving(model: string) {
      asked.push(model);
      return served.get(model) ?? [];
    },
  };
  const rule = { enabled: false, trustMinimum: "none" as const, versionFloors: {} };
  const catalog = { ...DEFAULT_CATALOG, aliases: ALIASES, rules: new Map(off.map((name) => [name, rule])) };
  const [settings, health, expecting] = [() => DEFAULT_SELECTION, fakeBreaker(), fakeExpecting()];
  const offers = new Offers({ directory, catalog: () => catalog, settings, health, expecting, clock });
  return { directory, catalog, clock, offers, tariff };
}

const OPENAI: ModelReader = { account: "caller", form: "openai" };
const ANTHROPIC: ModelReader = { account: "caller", form: "anthropic" };

interface List {
  readonly object?: "list";
  readonly data: readonly ModelEntry[];
  readonly first_id: string | null;
  readonly last_id: string | null;
  readonly has_more: boolean;
}

const list = (reader = OPENAI, page: ModelPage = {}): List =>
  JSON.parse(inOneGo(modelListSteps(sources(), reader, page))) as List;

const find = (id: string): ModelEntry => findModel(sources(), id, OPENAI) as ModelEntry;

/** A provider that connected so many seconds ago. */
function since(seconds: number, status: Provider["status"] = "serving"): Provider {
  const models = new Map([["m", fakeModel()]]);
  return fakeProvider(`p${seconds}`, { models, status, connectedAt: clock.now() - seconds * 1_000 });
}

/** How long ago a model was created, s. */
const age = ({ created }: { readonly created: number }): number => Math.floor(clock.wallTime() / 1_000) - created;

it("lists what connected providers serve, sorted, and the aliases that one of it can stand in for", () => {
  served.set("old", [since(30), since(50)]);
  served.set("m", [since(40, "offline"), since(20, "draining")]);
  served.set("away", [since(10, "offline")]);
  const { data, first_id, last_id } = list();
  expect(data.map((model) => [model.id, age(model)])).toEqual([
    ["best", 30],
    ["m", 20],
    ["old", 30],
  ]);
  expect([first_id, last_id]).toEqual(["best", "old"]);
});

it("takes for an alias the build that has been served longest", () => {
  served.set("new", [since(5)]);
  served.set("old", [since(30)]);
  expect(age(find("best"))).toBe(30);
});

it("finds one model without asking for any other, and none that nobody serves now", () => {
  served.set("m", [since(20)]);
  served.set("away", [since(10, "offline")]);
  expect(age(find("m"))).toBe(20);
  expect(new Set(asked)).toEqual(new Set(["m"]));
  for (const id of ["away", "unheard of", "nobody's"]) {
    expect(() => find(id)).toThrow(`The model '${id}' does not exist.`);
  }
});

it("does not have what is switched off, by its own name or by all that it stands for", () => {
  served
    .set("m", [since(20)])
    .set("old", [since(30)])
    .set("new", [since(40)]);
  const ids = (...names: string[]): readonly string[] => {
    off = names;
    return list().data.map(({ id }) => id);
  };
  expect(ids()).toEqual(["best", "m", "new", "old"]);
  expect(ids("m")).toEqual(["best", "new", "old"]);
  expect(() => find("m")).toThrow("does not exist");
  expect(ids("best")).toEqual(["m", "new", "old"]);
  expect(ids("new")).toEqual(["best", "m", "old"]);
  expect(age(find("best"))).toBe(30);
  expect(ids("new", "old")).toEqual(["m"]);
});

it("tells what is known of a model, in the words of other lists", () => {
  const advert = fakeModel({
    context_length: 32_768,
    quantization: "Q4_K_M",
    capabilities: { tools: true, vision: true, structured_output: true, logprobs: false },
  });
  served.set("m", [fakeProvider("a", { models: new Map([["m", advert]]) })]);
  expect(find("m")).toMatchObject({
    context_length: 32_768,
    architecture: { input_modalities: ["text", "image"], output_modalities: ["text"] },
    supported_parameters: expect.arrayContaining(["temperature", "tools", "structured_outputs"]),
    features: { tools: true, structured_output: true, logprobs: false },
    quantizations: ["Q4_K_M"],
    availability: { status: "ready", providers: 1, warm: 0, free_slots: 6 },
  });
  for (const unknown of ["logprobs", "reasoning"]) expect(find("m").supported_parameters).not.toContain(unknown);
});

it("promises nothing of what nobody has said", () => {
  served.set("m", [fakeProvider("a", { models: new Map([["m", fakeModel({ capabilities: {} })]]) })]);
  const { features, supported_parameters, architecture } = find("m");
  expect(find("m")).not.toHaveProperty("context_length");
  expect(features).toEqual({});
  expect(supported_parameters).not.toContain("tools");
  expect(architecture.input_modalities).toEqual(["text"]);
});

it("has for an alias what any of its builds offers", () => {
  const build = (context_length: number, name: string) =>
    fakeProvider(name, { models: new Map([[name, fakeModel({ context_length })]]) });
  served.set("new", [build(100, "new")]).set("old", [build(900, "old")]);
  expect(find("best")).toMatchObject({ id: "best", context_length: 900, availability: { providers: 2 } });
});

it("says of an embedding model that it makes embeddings", () => {
  const advert = fakeModel({ capabilities: { embeddings: true, tools: false }, dialects: ["embeddings"] });
  served.set("m", [fakeProvider("a", { models: new Map([["m", advert]]) })]);
  expect(find("m")).toMatchObject({
    architecture: { input_modalities: ["text"], output_modalities: ["embeddings"] },
    supported_parameters: [],
    availability: { status: "ready" },
  });
});

it("shows to nobody else what an owner keeps to himself, and to him all that he has", () => {
  const keeps = (account: string, id: string) =>
    fakeProvider(account, { account, availableTo: "owner", models: new Map([[id, fakeModel({ id })]]) });
  served.set("own", [keeps("caller", "own")]);
  served.set("others", [keeps("somebody", "others")]);
  served.set("zz", [since(1)]);
  const { data, last_id } = list();
  expect([data.map(({ id }) => id), last_id]).toEqual([["own", "zz"], "zz"]);
  expect(find("own").availability).toMatchObject({ status: "ready", providers: 1 });
  expect(() => find("others")).toThrow("The model 'others' does not exist.");
});

it("lists what is paused, and says that it cannot be had", () => {
  served.set("m", [fakeProvider("a", { availableTo: "nobody" })]);
  expect(find("m").availability.status).toBe("unavailable");
});

it("goes in pages where these are asked for, forwards and backwards", () => {
  for (const id of ["a", "b", "c", "d", "e"]) served.set(id, [since(1)]);
  const ids = (page: ModelPage) => {
    const { data, first_id, last_id, has_more } = list(ANTHROPIC, page);
    expect([first_id, last_id]).toEqual([data.at(0)?.id ?? null, data.at(-1)?.id ?? null]);
    return [data.map(({ id }) => id).join(""), has_more];
  };
  expect(ids({})).toEqual(["abcde", false]);
  expect(ids({ limit: 2 })).toEqual(["ab", true]);
  expect(ids({ limit: 2, after: "b" })).toEqual(["cd", true]);
  expect(ids({ limit: 2, after: "cc" })).toEqual(["de", false]);
  expect(ids({ limit: 2, before: "d" })).toEqual(["bc", true]);
  expect(ids({ after: "e" })).toEqual(["", false]);
});

it("holds nobody else up for a large fleet: what is read in one go is bounded", () => {
  const crowd = Array.from({ length: 700 }, (_, i) => fakeProvider(`p${i}`));
  for (let m = 0; m < 10; m++) served.set(`m${m}`, crowd);
  const steps = modelListSteps(sources(), OPENAI);
  let turns = 0;
  while (steps.next().done !== true) turns += 1;
  expect(turns).toBeGreaterThanOrEqual(10);
});

it("shows a key the models that it may use and no others, an alias by its own name", () => {
  served.set("old", [since(5)]);
  served.set("new", [since(5)]);
  const reader: ModelReader = { ...OPENAI, allowedModels: new Set(["best", "old", "nowhere"]) };
  expect(list(reader).data.map(({ id }) => id)).toEqual(["best", "old"]);
  expect(findModel(sources(), "best", reader)).toMatchObject({ id: "best" });
  expect(() => findModel(sources(), "new", reader)).toThrow(expect.objectContaining({ code: "model_not_found" }));
});

it("tells what a token costs, of an alias what its dearest build costs, and of what has no price that it is free", () => {
  for (const model of ["new", "old", "m"]) served.set(model, [since(10)]);
  expect(find("m")).not.toHaveProperty("pricing");
  const price = (input: bigint, output: bigint) => [{ fromMs: 0, input, output, cachedInput: 1n }];
  const models = new Map([
    ["new", price(100_000n, 400_000n)],
    ["old", price(2_000_000n, 300_000n)],
  ]);
  tariff = new PriceList({ ...DEFAULT_PRICES, models }).at(clock.wallTime());
  const pricing = (prompt: string, completion: string, read: string) => {
    return { prompt, completion, input_cache_read: read };
  };
  expect(["new", "best", "m"].map((id) => find(id).pricing)).toEqual([
    pricing("0.0000001", "0.0000004", "0.000000000001"),
    pricing("0.000002", "0.0000004", "0.000000000001"),
    pricing("0", "0", "0"),
  ]);
  expect(findModel(sources(), "m", ANTHROPIC)).not.toHaveProperty("pricing");
});

it("shows the most that it costs on the machines that may serve it, here or expected back, and the range of their owners", () => {
  const on = (account: string, more: Parameters<typeof fakeProvider>[1] = {}) =>
    fakeProvider(account, { account, ...more });
  served.set("m", [
    ...[on("cheap"), on("dear"), on("caller"), on("gone", { status: "offline" })],
    on("private", { availableTo: "owner" }),
  ]);
  const asks: Readonly<Record<string, bigint>> = { cheap: 1n, dear: 3n, caller: 0n, gone: 4n, private: 5n };
  const owners: OwnerPrices = {
    isEmpty: false,
    knows: (build) => build === "m",
    of({ account }) {
      const asked = asks[account];
      return asked === undefined ? undefined : { input: asked, output: asked, cachedInput: asked };
    },
  };
  const models = new Map([["m", [{ fromMs: 0, input: 2n, output: 2n, cachedInput: 2n }]]]);
  const allowed = { ...DEFAULT_OWNER_PRICES, maxMultiple: 10 };
  tariff = new PriceList({ ...DEFAULT_PRICES, models }, allowed, () => owners).at(0);
  const each = (price: string) => ({ prompt: price, completion: price, input_cache_read: price });
  const [platform, cheapest, dearest] = ["0.000000000002", "0.000000000001", "0.000000000004"].map(each);
  expect(find("m")).toMatchObject({ pricing: dearest, price_range: { platform, cheapest, dearest } });
});
