import { readFileSync } from "node:fs";
import { TRUST_LEVELS, type TrustLevel } from "@hearth/protocol";
import { z } from "zod";
import { ConfigError } from "./config.js";
import type { Credential } from "./platform/credentials.js";
import { type Catalog, DEFAULT_CATALOG } from "./selection/catalog.js";

/** What the operator's configuration file says: who may call and serve, and what is served. */
export interface Settings {
  readonly apiKeys: readonly Credential[];
  readonly providerTokens: readonly Credential[];
  readonly catalog: Catalog;
}

/** No file: the generated key and token, and the models that providers bring. */
export const NO_SETTINGS: Settings = { apiKeys: [], providerTokens: [], catalog: DEFAULT_CATALOG };

// Digests, not secrets: the file may be read by more people than may call the API.
const credential = z.strictObject({
  account: z.string().min(1).max(64),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, "must be the SHA-256 of the secret, 64 hex digits"),
});
const version = z.string().regex(/^\d+\.\d+\.\d+$/, "must be major.minor.patch");
const model = z.string().min(1).max(128);

const schema = z.strictObject({
  $schema: z.string().optional(),
  api_keys: z.array(credential).default([]),
  provider_tokens: z.array(credential).default([]),
  models: z.array(model).default([]),
  aliases: z.record(model, z.strictObject({ desired: model, previous: model.optional() })).default({}),
  version_floors: z.strictObject({ base: version, tools: version, vision: version }).partial().optional(),
  trust_minimum: z.enum(TRUST_LEVELS as unknown as [TrustLevel, ...TrustLevel[]]).default("none"),
});

/**
 * Reads the configuration file.
 *
 * @throws ConfigError that names every problem with its place in the file
 */
export function readSettings(path: string): Settings {
  const parsed = schema.safeParse(parseFile(path));
  if (!parsed.success) {
    throw new ConfigError(parsed.error.issues.map((issue) => `${path}: ${issue.path.join(".")}: ${issue.message}`));
  }
  const { data } = parsed;
  return {
    apiKeys: data.api_keys,
    providerTokens: data.provider_tokens,
    catalog: {
      models: new Set(data.models),
      aliases: new Map(
        Object.entries(data.aliases).map(([name, { desired, previous }]) => [name, { desired, previous }]),
      ),
      versionFloors: definedOnly(data.version_floors ?? DEFAULT_CATALOG.versionFloors),
      trustMinimum: data.trust_minimum,
    },
  };
}

function parseFile(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    const problem = cause instanceof SyntaxError ? "is not valid JSON" : `cannot be read (${errnoOf(cause)})`;
    throw new ConfigError([`${path} ${problem}`]);
  }
}

const errnoOf = (cause: unknown): string => (cause as NodeJS.ErrnoException).code ?? "unknown";

function definedOnly(floors: { readonly [key: string]: string | undefined }): Catalog["versionFloors"] {
  return Object.fromEntries(Object.entries(floors).filter(([, floor]) => floor !== undefined));
}
