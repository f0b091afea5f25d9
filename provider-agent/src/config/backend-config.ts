import { fileURLToPath } from "node:url";
import type { HeaderRules } from "../backends/header-rules.js";
import { type ServerKind, usualUrlOf } from "../backends/server-profiles.js";
import { expandHome } from "./config-path.js";
import { describeReadFault, readBounded } from "./read-bounded.js";
import type { BackendEntry } from "./schema.js";

/** The model that ships with the agent. */
export const SHIPPED_MODEL: string = fileURLToPath(new URL("../../models/pico/pico.gguf", import.meta.url));
/** An owned server gives its memory back after this long without work, minutes. */
const IDLE_MINUTES = 60;

/** No key is longer, bytes. */
const MAX_KEY_BYTES = 16 * 1024;

/** What is common to every backend that is called over HTTP. */
export interface BackendAccess {
  readonly key: string | undefined;
  /** Advertise only these; empty = all that the server lists. */
  readonly models: readonly string[];
  /** Its models make embeddings and do not chat. */
  readonly embeddings: boolean;
  /** It has `/completions`, though nothing shows it. */
  readonly completions?: true;
  readonly headers: HeaderRules;
}

/** The kinds of server that the owner can name: those with usual ports, and any other by its URL. */
export type ConfiguredKind = ServerKind | "openai";

/** One backend of the configuration, complete. */
export type BackendConfig =
  /** Every server that is found on the usual ports; the embedded engine when there is none. */
  | ({ readonly kind: "auto" } & BackendAccess)
  | ({ readonly kind: ConfiguredKind /** Up to and including `/v1`. */; readonly url: string } & BackendAccess)
  | { readonly kind: "embedded"; readonly modelPath: string; readonly models: readonly string[] }
  | ({
      readonly kind: "owned-llama-server";
      /** The program. */
      readonly command: string;
      readonly modelPath: string;
      readonly args: readonly string[];
      /** Stopped after this long without work; 0 = never. */
      readonly idleMinutes: number;
    } & BackendAccess);

const OPEN_ACCESS: BackendAccess = {
  key: undefined,
  models: [],
  embeddings: false,
  headers: {},
};

/** What an agent lends when nothing is configured. */
export const AUTO_BACKEND: BackendConfig = { kind: "auto", ...OPEN_ACCESS };

/** What `--backend` and its companions say. */
export interface BackendFlags {
  /** `embedded`, or a URL. */
  readonly backend: string;
  readonly backendKey: string | undefined;
  readonly models: readonly string[];
  readonly modelPath: string | undefined;
  readonly embeddings: boolean;
  readonly completions?: boolean;
}

/** The backend of the command line. */
export function backendOfFlags(flags: BackendFlags): BackendConfig {
  const { backend, backendKey, models, modelPath, embeddings, completions } = flags;
  if (backend === "embedded") return { kind: "embedded", modelPath: modelPath ?? SHIPPED_MODEL, models };
  return {
    kind: "openai",
    url: backend,
    ...OPEN_ACCESS,
    key: backendKey,
    models,
    embeddings,
    ...(completions === true ? { completions } : {}),
  };
}

/** A backend of the file, or what is missing for it. */
export type BackendOfFile = BackendConfig | { readonly key: string; readonly problem: string };

/** Completes a backend of the file: its key is fetched from where the file says. */
export function backendOfFile(entry: BackendEntry, env: Readonly<Record<string, string | undefined>>): BackendOfFile {
  if (entry.kind === "embedded") {
    const modelPath = entry.model_path === undefined ? SHIPPED_MODEL : expandHome(entry.model_path);
    return { kind: "embedded", modelPath, models: entry.models ?? [] };
  }
  const key = keyOf(entry, env);
  if (typeof key === "object") return key;
  const access: BackendAccess = {
    key,
    models: entry.models ?? [],
    embeddings: entry.embeddings ?? false,
    ...(entry.completions === true ? { completions: true } : {}),
    headers: headersOf(entry),
  };
  switch (entry.kind) {
    case "auto":
      return { kind: "auto", ...access };
    case "openai":
      return { kind: "openai", url: entry.url, ...access };
    case "owned-llama-server":
      return {
        kind: "owned-llama-server",
        command: expandHome(entry.command ?? "llama-server"),
        modelPath: expandHome(entry.model_path),
        args: entry.args ?? [],
        idleMinutes: entry.idle_minutes ?? IDLE_MINUTES,
        ...access,
      };
  }
  return { kind: entry.kind, url: entry.url ?? usualUrlOf(entry.kind), ...access };
}

function headersOf({ headers = {} }: KeySource): HeaderRules {
  const { set, block, replace } = headers;
  return { ...(set && { set }), ...(block && { block }), ...(replace && { replace }) };
}

type KeySource = Exclude<BackendEntry, { kind: "embedded" }>;

function keyOf(
  { key, key_env: variable, key_file: file }: KeySource,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined | { readonly key: string; readonly problem: string } {
  if (variable !== undefined) {
    return env[variable] || { key: "key_env", problem: `the variable ${variable} is not set` };
  }
  if (file === undefined) return key;
  try {
    const text = readBounded(expandHome(file), MAX_KEY_BYTES).toString("utf8").trim();
    if (text.length > MAX_KEY_BYTES) return { key: "key_file", problem: `${file} is too large to be a key` };
    return text || { key: "key_file", problem: `${file} is empty` };
  } catch (error) {
    return { key: "key_file", problem: `${file} cannot be read: ${describeReadFault(error)}` };
  }
}
