import { FakeClock } from "@hearth/platform/testing";
import { expect, it } from "vitest";
import { fakeExpecting } from "../testing/fake-expecting.js";
import { fakeBreaker, fakeDirectory, fakeModel, fakeProvider, fakeSlot, fakeTraits } from "../testing/fake-provider.js";
import { DEFAULT_CATALOG } from "./catalog.js";
import { type ExplainDeps, explain, explainMachine } from "./explain.js";
import { DEFAULT_SELECTION } from "./settings.js";

const named = (...models: string[]) => ({ models: new Map(models.map((model) => [model, fakeModel({ id: model })])) });

function depsOf(fleet: readonly ReturnType<typeof fakeProvider>[], catalog = DEFAULT_CATALOG): ExplainDeps {
  return {
    directory: { ...fakeDirectory(fleet), providers: () => fleet.values() },
    catalog: () => catalog,
    settings: () => DEFAULT_SELECTION,
    health: fakeBreaker(),
    expecting: fakeExpecting(),
    clock: new FakeClock(),
  };
}

it("ranks those that could serve, by build and score, and tells of all others what stops them", () => {
  const fleet = [
    fakeProvider("elsewhere", named("other")),
    fakeProvider("away", { status: "offline" }),
    fakeProvider("old", named("before")),
    fakeProvider("busy", { slots: new Map([["m", fakeSlot({ queued: 2 })]]) }),
    fakeProvider("idle", { slots: new Map([["m", fakeSlot()]]) }),
  ];
  const aliases = new Map([["smart", { desired: "m", previous: "before" }]]);
  const found = explain(fakeTraits({ model: "smart" }), depsOf(fleet, { ...DEFAULT_CATALOG, aliases }));
  expect(found.builds).toEqual(["m", "before"]);
  expect(found.leftOut).toBe(0);
  expect(found.providers.map(({ provider, model, gates, rank }) => [provider.id, model, gates, rank])).toEqual([
    ["idle", "m", [], 1],
    ["busy", "m", [], 2],
    ["old", "before", [], 3],
    ["away", "m", ["offline"], undefined],
    ["elsewhere", "m", ["not_serving_model"], undefined],
  ]);
  const [best] = found.providers;
  expect(Object.values(best?.terms ?? {}).reduce((sum, ms) => sum + ms, 0)).toBeCloseTo(best?.total ?? -1);
});

it("tells of a model that is switched off, also by an alias alone", () => {
  const fleet = [fakeProvider("new", named("m")), fakeProvider("old", named("before"))];
  const aliases = new Map([["smart", { desired: "m", previous: "before" }]]);
  const off = { enabled: false, trustMinimum: "none" as const, versionFloors: {} };
  const gates = (name: string) => {
    const catalog = { ...DEFAULT_CATALOG, aliases, rules: new Map([[name, off]]) };
    const { builds, providers } = explain(fakeTraits({ model: "smart" }), depsOf(fleet, catalog));
    return [builds, new Map(providers.map(({ provider, gates }) => [provider.id as string, gates]))] as const;
  };
  const [builds, found] = gates("m");
  expect(builds).toEqual(["m", "before"]);
  expect([found.get("new"), found.get("old")]).toEqual([["model_disabled"], []]);
  const [, all] = gates("smart");
  expect([all.get("new"), all.get("old")]).toEqual([["model_disabled"], ["model_disabled"]]);
});

it("leases nothing", () => {
  const machine = fakeProvider("p");
  explain(fakeTraits(), depsOf([machine]));
  expect(machine.leased).toBe(0);
});

it("asks a machine that only embeds for an embedding", () => {
  const models = new Map([["m", fakeModel({ dialects: ["embeddings"], capabilities: { embeddings: true } })]]);
  expect(explain(fakeTraits(), depsOf([fakeProvider("p", { models })])).providers[0]?.gates).toEqual([]);
});

it("says how a machine ranks for each of its models, and looks at so many at once at most", () => {
  const slots = new Map([["m", fakeSlot({ queued: 2 })]]);
  const busy = fakeProvider("busy", { slots });
  const [found] = explainMachine(
    busy,
    depsOf([busy, fakeProvider("idle"), fakeProvider("away", { status: "offline" })]),
  );
  expect(found).toMatchObject({ model: "m", gates: [], rank: 2, able: 2 });
  expect(found?.total).toBeGreaterThan(found?.bestTotal ?? Number.NaN);
  const many = fakeProvider("many", named(...Array.from({ length: 100 }, (_, n) => `m${n}`)));
  expect(explainMachine(many, depsOf([many]))).toHaveLength(32);
});
