import type { Context, Hono } from "hono";
import { z } from "zod";
import { checkBody, parseJson, readJson } from "../api/check-body.js";
import { named } from "../api/named-schemas.js";
import { type RuntimeManifest, runtimeManifestSchema } from "../fleet/trust/runtime-manifest.js";
import { described, type Operation } from "../http/openapi/operation.js";
import { readBody } from "../http/read-body.js";
import type { HttpEnv } from "../http/routing.js";
import { HearthError } from "../platform/errors.js";
import {
  type AdminSettings,
  CHANGE_WORDS,
  changeQuery,
  changeSettings,
  etagOf,
  MAX_SETTINGS_BYTES,
  SETTINGS_CHANGE,
  type SettingsChangeDeps,
  type SettingsDocument,
} from "./settings-change.js";

export interface CatalogRouteDeps extends SettingsChangeDeps {
  readonly operatorSettings: AdminSettings & {
    /** The settings with the defaults where they are silent. */
    readonly written: SettingsDocument;
    merge(document: SettingsDocument, patch: unknown): unknown;
  };
  readonly operator: {
    readonly current: { readonly manifest: RuntimeManifest };
    replaceManifest(manifest: RuntimeManifest): Promise<void>;
  };
}

const anything = z.unknown();
const members = z.record(z.string(), anything);
const hashesSchema = runtimeManifestSchema.shape.models.unwrap().valueType;

const catalogSchema = z.object({
  object: z.literal("catalog"),
  etag: z.string(),
  models: z.array(z.string()).meta({ description: "Those that exist also while nobody serves them." }),
  aliases: members,
  model_rules: members.meta({ description: "By model: `enabled`, `trust_minimum`, `version_floors`." }),
  prices: members.meta({ description: "`default`, and `models` by build; micro-USD per million tokens." }),
  version_floors: members,
  trust_minimum: z.string(),
  known_good: z.record(z.string(), hashesSchema),
});

// What members may be is the settings' own schema to say; these are their names.
const generalSchema = z
  .strictObject({ models: anything, version_floors: anything, trust_minimum: anything, default_prices: anything })
  .partial();
const modelSchema = z
  .strictObject({
    listed: z.boolean(),
    enabled: anything,
    trust_minimum: anything,
    version_floors: anything,
    prices: anything,
  })
  .partial();

const change = (given: Pick<Operation, "id" | "summary" | "description" | "request">): Operation => ({
  ...given,
  description: given.description === undefined ? CHANGE_WORDS : `${given.description} ${CHANGE_WORDS}`,
  audience: "Operator",
  query: changeQuery,
  answer: SETTINGS_CHANGE,
});

const RETRIEVE: Operation = {
  id: "retrieveCatalog",
  audience: "Operator",
  summary: "Get what the settings say of models: aliases, switches, prices, floors, known good files",
  answer: named("Catalog", catalogSchema),
};
const CHANGE = change({
  id: "changeCatalog",
  summary: "Change what holds for all models",
  description: "A JSON merge patch: `null` gives a member its default again.",
  request: named("CatalogChanges", generalSchema),
});
const PUT_ALIAS = change({
  id: "replaceAlias",
  summary: "Make or change an alias",
  request: named("Alias", members),
});
const DELETE_ALIAS = change({ id: "deleteAlias", summary: "Take an alias away" });
const CHANGE_MODEL = change({
  id: "changeModel",
  summary: "Switch a model on or off, or change its floors, its prices, or whether it always exists",
  description: "A JSON merge patch. A model that is switched off is refused with 403; what runs ends as it would.",
  request: named("ModelChanges", modelSchema),
});

const KNOWN_GOOD = named("KnownGood", hashesSchema);
const PUT_KNOWN_GOOD: Operation = {
  id: "replaceKnownGood",
  audience: "Operator",
  summary: "Say which weights and templates of a model are known good",
  description: "Every connected machine is judged by it at once. It is a part of the runtime manifest.",
  request: KNOWN_GOOD,
  answer: KNOWN_GOOD,
};
const DELETE_KNOWN_GOOD: Operation = {
  id: "deleteKnownGood",
  audience: "Operator",
  summary: "Take any weights and templates of a model",
  answer: KNOWN_GOOD,
};

/** What the operator says of models: parts of his settings, and of his runtime manifest. */
export function catalogRoutes(admin: Hono<HttpEnv>, deps: CatalogRouteDeps): void {
  const merging = (c: Context<HttpEnv>, patch: (document: SettingsDocument) => unknown): Response =>
    changeSettings(c, deps, (document) => deps.operatorSettings.merge(document, patch(document)));
  admin.get(
    "/catalog",
    described(RETRIEVE, (c) => {
      c.header("ETag", etagOf(deps.operatorSettings.version));
      return c.json(describe(deps));
    }),
  );
  admin.patch(
    "/catalog",
    described(CHANGE, async (c) => {
      const { default_prices: prices, ...rest } = checkBody(generalSchema, await bodyOf(c));
      return merging(c, () => ({ ...rest, ...(prices !== undefined && { prices: { default: prices } }) }));
    }),
  );
  // The names of models may hold slashes, as on Hugging Face.
  admin.put(
    "/catalog/aliases/:name{.+}",
    described(PUT_ALIAS, async (c) => {
      const [name, alias] = [nameIn(c), await bodyOf(c)];
      return changeSettings(c, deps, (document) => ({
        ...document,
        aliases: { ...membersOf(document["aliases"]), [name]: alias },
      }));
    }),
  );
  admin.delete(
    "/catalog/aliases/:name{.+}",
    described(DELETE_ALIAS, (c) =>
      merging(c, ({ aliases }) => {
        if (!Object.hasOwn(membersOf(aliases), nameIn(c))) throw noSuch("alias");
        return { aliases: { [nameIn(c)]: null } };
      }),
    ),
  );
  admin.patch(
    "/catalog/models/:name{.+}",
    described(CHANGE_MODEL, async (c) => {
      const changes = checkBody(modelSchema, await bodyOf(c));
      return merging(c, (document) => modelPatch(nameIn(c), changes, document));
    }),
  );
  knownGoodRoutes(admin, deps);
}

function knownGoodRoutes(admin: Hono<HttpEnv>, { operator }: CatalogRouteDeps): void {
  admin.put(
    "/catalog/known-good/:name{.+}",
    described(PUT_KNOWN_GOOD, async (c) => {
      const hashes = readJson(hashesSchema, await readBody(c.env.incoming, MAX_SETTINGS_BYTES));
      const { manifest } = operator.current;
      const models = { ...manifest.models, [nameIn(c)]: hashes };
      await operator.replaceManifest(checkBody(runtimeManifestSchema, { ...manifest, models }));
      return c.json(hashes);
    }),
  );
  admin.delete(
    "/catalog/known-good/:name{.+}",
    described(DELETE_KNOWN_GOOD, async (c) => {
      const { manifest } = operator.current;
      const { [nameIn(c)]: hashes, ...models } = manifest.models;
      if (hashes === undefined) throw noSuch("model with known good files");
      await operator.replaceManifest({ ...manifest, models });
      return c.json({ weights: [], templates: [] });
    }),
  );
}

const nameIn = (c: Context<HttpEnv>): string => c.req.param("name") ?? "";

const noSuch = (what: string): HearthError => new HearthError("not_found", `There is no such ${what}.`);

async function bodyOf(c: Context<HttpEnv>): Promise<unknown> {
  return parseJson((await readBody(c.env.incoming, MAX_SETTINGS_BYTES)).toString("utf8"));
}

const membersOf = (value: unknown): SettingsDocument =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as SettingsDocument) : {};

/** What is said of one model stands in three places of the settings. */
function modelPatch(
  name: string,
  { listed, prices, ...rule }: z.infer<typeof modelSchema>,
  { models }: SettingsDocument,
): SettingsDocument {
  const others = (Array.isArray(models) ? models : []).filter((model) => model !== name);
  return {
    ...(listed !== undefined && { models: listed ? [...others, name] : others }),
    ...(prices !== undefined && { prices: { models: { [name]: prices } } }),
    ...(Object.keys(rule).length > 0 && { model_rules: { [name]: rule } }),
  };
}

function describe({ operatorSettings, operator }: CatalogRouteDeps): z.infer<typeof catalogSchema> {
  const { models, aliases, model_rules, prices, version_floors, trust_minimum } =
    operatorSettings.written as unknown as z.infer<typeof catalogSchema>;
  return {
    object: "catalog",
    etag: etagOf(operatorSettings.version),
    ...{ models, aliases, model_rules, prices, version_floors, trust_minimum },
    known_good: operator.current.manifest.models,
  };
}
