import type { Context, Hono } from "hono";
import { z } from "zod";
import { parseJson } from "../api/check-body.js";
import { named } from "../api/named-schemas.js";
import { described, type Operation } from "../http/openapi/operation.js";
import { readBody } from "../http/read-body.js";
import type { HttpEnv } from "../http/routing.js";
import {
  type AdminSettings,
  CHANGE_WORDS,
  changeQuery,
  changeSettings,
  etagOf,
  MAX_SETTINGS_BYTES,
  placeSchema,
  SETTINGS_CHANGE,
  type SettingsChangeDeps,
  type SettingsDocument,
} from "./settings-change.js";

/** The settings as they are shown. */
interface ShownSettings extends Pick<AdminSettings, "version" | "place" | "document"> {
  readonly settings: readonly {
    readonly name: string;
    readonly value: unknown;
    readonly byDefault: unknown;
    readonly source: "default" | "file";
  }[];
  readonly rejected: { readonly atMs: number; readonly problems: readonly string[] } | undefined;
}

export interface ConfigRouteDeps extends SettingsChangeDeps {
  readonly operatorSettings: AdminSettings & {
    shown(): ShownSettings;
    merge(document: SettingsDocument, patch: unknown): unknown;
  };
  /** What the environment has come to. */
  readonly environment: readonly {
    readonly name: string;
    readonly value: string | number | null;
    readonly source: "environment" | "default";
    readonly secret: boolean;
  }[];
}

const documentSchema = z.record(z.string(), z.unknown());
const DOCUMENT = named("Settings", documentSchema);

const configSchema = z.object({
  object: z.literal("config"),
  etag: z.string().meta({ description: "For `If-Match`; the header `ETag` has it as well." }),
  kept_in: placeSchema,
  document: documentSchema.meta({ description: "As the file says it: what a PUT replaces." }),
  settings: z
    .array(
      z.object({
        name: z.string(),
        value: z.unknown(),
        default: z.unknown(),
        source: z.enum(["default", "file"]),
      }),
    )
    .meta({ description: "What counts, name by name. All of it may be changed while the coordinator runs." }),
  environment: z
    .array(
      z.object({
        name: z.string(),
        value: z.union([z.string(), z.number()]).nullable(),
        source: z.enum(["environment", "default"]),
        secret: z.boolean(),
      }),
    )
    .meta({ description: "Without secrets, and of addresses only where they lead. It is read at the start only." }),
  rejected: z
    .object({ at: z.int(), problems: z.array(z.string()) })
    .nullable()
    .meta({ description: "Why the file as it stands does not count: what it said before does." }),
});

const RETRIEVE: Operation = {
  id: "retrieveConfig",
  audience: "Operator",
  summary: "Get the settings that count, where each comes from, and the environment without secrets",
  answer: named("Config", configSchema),
};

const REPLACE: Operation = {
  id: "replaceConfig",
  audience: "Operator",
  summary: "Replace the settings",
  description: CHANGE_WORDS,
  query: changeQuery,
  request: DOCUMENT,
  answer: SETTINGS_CHANGE,
};

const PATCH: Operation = {
  id: "changeConfig",
  audience: "Operator",
  summary: "Change some of the settings, by a JSON merge patch (RFC 7396)",
  description: `\`null\` gives a member its default again. ${CHANGE_WORDS}`,
  query: changeQuery,
  request: DOCUMENT,
  answer: SETTINGS_CHANGE,
};

/** The operator's settings. */
export function configRoutes(admin: Hono<HttpEnv>, deps: ConfigRouteDeps): void {
  const { operatorSettings } = deps;
  const bodyOf = async (c: Context<HttpEnv>): Promise<unknown> =>
    parseJson((await readBody(c.env.incoming, MAX_SETTINGS_BYTES)).toString("utf8"));
  admin.get(
    "/config",
    described(RETRIEVE, (c) => {
      c.header("ETag", etagOf(operatorSettings.version));
      return c.json(describe(deps));
    }),
  );
  admin.put(
    "/config",
    described(REPLACE, async (c) => {
      const document = await bodyOf(c);
      return changeSettings(c, deps, () => document);
    }),
  );
  admin.patch(
    "/config",
    described(PATCH, async (c) => {
      const patch = await bodyOf(c);
      return changeSettings(c, deps, (document) => operatorSettings.merge(document, patch));
    }),
  );
}

function describe({ operatorSettings, environment }: ConfigRouteDeps): z.infer<typeof configSchema> {
  const { version, place, document, settings, rejected } = operatorSettings.shown();
  return {
    object: "config",
    etag: etagOf(version),
    kept_in: place ?? null,
    document: { ...document },
    settings: settings.map(({ name, value, byDefault = null, source }) => ({
      ...{ name, value, default: byDefault, source },
    })),
    environment: [...environment],
    rejected:
      rejected === undefined ? null : { at: Math.floor(rejected.atMs / 1000), problems: [...rejected.problems] },
  };
}
