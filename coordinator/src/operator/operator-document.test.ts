import { describe, expect, it } from "vitest";
import { type RuntimeManifest, runtimeManifestSchema } from "../fleet/trust/runtime-manifest.js";
import { DEFAULT_PRICES } from "../ledger/price-list.js";
import { HearthError } from "../platform/errors.js";
import type { Catalog } from "../selection/catalog.js";
import { DEFAULT_CATALOG } from "../selection/catalog.js";
import type { DocumentStore } from "../store/document-store.js";
import { configProblems } from "../testing/config-problems.js";
import { LiveOperator } from "./operator-document.js";
import { NO_SETTINGS, type Settings } from "./settings.js";

const HASH = "a".repeat(64);
const manifest = (given: object): RuntimeManifest => runtimeManifestSchema.parse(given);
const settings = (catalog: Partial<Catalog>): Settings => {
  return { ...NO_SETTINGS, catalog: { ...DEFAULT_CATALOG, ...catalog } };
};
const alias = (desired: string, previous?: string) => ({ desired, previous });
const aliases = (given: Record<string, ReturnType<typeof alias>>) =>
  settings({ aliases: new Map(Object.entries(given)) });

/** What is stored, in memory; `held` keeps a write from ending until it is released. */
class Documents implements Pick<DocumentStore, "get" | "put"> {
  readonly texts = new Map<string, string>();
  held: Promise<void> = Promise.resolve();

  get(name: string): Promise<string | undefined> {
    return Promise.resolve(this.texts.get(name));
  }

  async put(name: string, text: string): Promise<void> {
    await this.held;
    this.texts.set(name, text);
  }
}

function load(first: Settings, documents = new Documents()) {
  const told: string[] = [];
  const loading = LiveOperator.load(first, documents, { changed: () => told.push("changed") });
  return { loading, documents, told };
}

describe("the operator's document", () => {
  it("is replaced by either of its parts, at once and as a whole, and says so", async () => {
    const { loading, documents, told } = load(NO_SETTINGS);
    const live = await loading;
    const models = live.derived(({ catalog }) => [...catalog.models]);
    expect(models()).toEqual([]);
    live.configure(settings({ models: new Set(["m"]) }));
    const next = manifest({ binaries: [HASH] });
    await live.replaceManifest(next);
    expect([models(), live.current.manifest, told]).toEqual([["m"], next, ["changed", "changed"]]);
    const again = await load(NO_SETTINGS, documents).loading;
    expect(again.current.manifest).toEqual(next);
  });

  it("takes what another coordinator has stored, where it fits, and says so where it is another", async () => {
    const { loading, documents, told } = load(settings({ versionFloors: { base: "1.1.0" } }));
    const live = await loading;
    const other = await load(NO_SETTINGS, documents).loading;
    const next = manifest({ binaries: [HASH] });
    await other.replaceManifest(next);
    await live.reload();
    await live.reload();
    expect([live.current.manifest, told]).toEqual([next, ["changed"]]);
    await other.replaceManifest(manifest({ update: { latest_version: "1.0.9" } }));
    await expect(live.reload()).rejects.toThrow("below version_floors.base");
    expect([live.current.manifest, told]).toEqual([next, ["changed"]]);
  });

  it("keeps what it was when the store does not take a manifest", async () => {
    const { loading, documents, told } = load(NO_SETTINGS);
    const live = await loading;
    documents.held = Promise.reject(new Error("full"));
    await expect(live.replaceManifest(manifest({ binaries: [HASH] }))).rejects.toThrow("full");
    expect([live.current.manifest.binaries, told]).toEqual([[], []]);
  });

  it.each([
    ["an alias of an alias", aliases({ a: alias("b"), b: alias("m") }), "aliases.a: 'b' is an alias itself"],
    ["a previous build that is an alias", aliases({ a: alias("m", "b"), b: alias("m") }), "aliases.a: 'b' is an alias"],
    [
      "a price of an alias, which no machine answers as",
      { ...aliases({ smart: alias("m") }), prices: { ...DEFAULT_PRICES, models: new Map([["smart", []]]) } },
      "prices.models: 'smart' is an alias",
    ],
    [
      "a floor of an alias, which other names may share their builds with",
      settings({
        aliases: new Map([["smart", alias("m")]]),
        rules: new Map([["smart", { enabled: true, trustMinimum: "hardware", versionFloors: {} }]]),
      }),
      "model_rules.smart: is an alias",
    ],
    ["a build that is its own predecessor", aliases({ a: alias("m", "m") }), "aliases.a: 'previous' is the build"],
  ])("does not take %s", async (_name, wrong, problem) => {
    await expect(load(wrong).loading).rejects.toThrow(problem);
    const { loading, told } = load(NO_SETTINGS);
    const live = await loading;
    expect(configProblems(() => live.configure(wrong))).toEqual([expect.stringContaining(problem)]);
    expect([live.current.catalog.aliases.size, told]).toEqual([0, []]);
  });

  it("takes an alias that is switched off", async () => {
    const off = { enabled: false, trustMinimum: "none" as const, versionFloors: {} };
    const rules = new Map([["smart", off]]);
    const live = await load(settings({ aliases: new Map([["smart", alias("m")]]), rules })).loading;
    expect(live.current.catalog.rules).toEqual(rules);
  });

  it("takes an alias that has the name of one of its builds", async () => {
    const live = await load(aliases({ m: alias("m-2", "m") })).loading;
    await live.replaceManifest(manifest({ models: { m: { weights: [HASH] } } }));
    expect(Object.keys(live.current.manifest.models)).toEqual(["m"]);
  });

  it.each([
    [
      "weights of an alias, which no agent reports",
      { models: { smart: { weights: [HASH] } } },
      "manifest.models: 'smart'",
    ],
    [
      "an update that is too old to serve",
      { update: { latest_version: "1.0.9" } },
      "below version_floors.base (1.1.0)",
    ],
  ])("does not take a manifest with %s, and no file that makes one so", async (_name, given, problem) => {
    const strict = settings({ versionFloors: { base: "1.1.0" }, aliases: new Map([["smart", alias("m")]]) });
    const wrong = manifest(given);
    const { loading, documents } = load(strict);
    const live = await loading;
    await expect(live.replaceManifest(wrong)).rejects.toThrow(HearthError);
    await expect(live.replaceManifest(wrong)).rejects.toThrow(problem);
    expect(documents.texts.size).toBe(0);
    const lenient = await load(NO_SETTINGS).loading;
    await lenient.replaceManifest(wrong);
    expect(configProblems(() => lenient.configure(strict))).toEqual([expect.stringContaining(problem)]);
  });

  it("does not take a file that a manifest on its way to the store would not fit", async () => {
    const { loading, documents } = load(NO_SETTINGS);
    const live = await loading;
    let release: () => void = () => {};
    documents.held = new Promise((resolve) => {
      release = resolve;
    });
    const storing = live.replaceManifest(manifest({ update: { latest_version: "1.0.0" } }));
    const strict = settings({ versionFloors: { tools: "2.0.0" } });
    expect(configProblems(() => live.configure(strict))).toHaveLength(1);
    release();
    await storing;
    expect(live.current.manifest.update?.latest_version).toBe("1.0.0");
  });
});

describe("a stored manifest of before, with a floor of its own", () => {
  const documents = (): Documents => {
    const stored = new Documents();
    stored.texts.set("runtime-manifest", '{"binaries":[],"minimum_version":"1.2.0","models":{}}');
    return stored;
  };

  it("keeps the coordinator from starting until the file has the floor", async () => {
    const asks = "set it to 1.2.0 or higher";
    await expect(load(NO_SETTINGS, documents()).loading).rejects.toThrow(asks);
    await expect(load(settings({ versionFloors: { base: "1.1.9" } }), documents()).loading).rejects.toThrow(asks);
    const live = await load(settings({ versionFloors: { base: "1.2.0" } }), documents()).loading;
    expect(live.current.manifest).toEqual({ binaries: [], models: {} });
  });
});
