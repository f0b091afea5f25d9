import { FakeClock } from "@hearth/platform/testing";
import { beforeEach, expect, it } from "vitest";
import type { Provider } from "../fleet/provider.js";
import { type Alias, DEFAULT_CATALOG } from "../selection/catalog.js";
import { fakeModel, fakeProvider } from "../testing/fake-provider.js";
import { findModel, listModels, type ModelSources } from "./models.js";

const ALIASES = new Map<string, Alias>([
  ["best", { desired: "new", previous: "old" }],
  ["nobody's", { desired: "x", previous: undefined }],
]);

let clock: FakeClock;
let served: Map<string, readonly Provider[]>;
let asked: string[];
beforeEach(() => {
  clock = new FakeClock();
  clock.advance(60_000);
  served = new Map();
  asked = [];
});

const sources = (): ModelSources => ({
  directory: {
    models: () => served.keys(),
    serving(model) {
      asked.push(model);
      return served.get(model) ?? [];
    },
  },
  catalog: { ...DEFAULT_CATALOG, aliases: ALIASES },
  clock,
});

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
  const { data, first_id, last_id } = listModels(sources());
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
  expect(age(findModel(sources(), "best"))).toBe(30);
});

it("finds one model without asking for any other, and none that nobody serves now", () => {
  served.set("m", [since(20)]);
  served.set("away", [since(10, "offline")]);
  expect(age(findModel(sources(), "m"))).toBe(20);
  expect(asked).toEqual(["m"]);
  for (const id of ["away", "unheard of", "nobody's"]) {
    expect(() => findModel(sources(), id)).toThrow(`The model '${id}' does not exist.`);
  }
});
