import { z } from "zod";
import { headerRuleProblems } from "../backends/header-rules.js";
import { SERVER_PROFILES, type ServerKind } from "../backends/server-profiles.js";
import { parseWindow } from "./availability-window.js";
import { nearest } from "./nearest.js";

/** APIs that the coordinator can also translate into chats. */
export const NATIVE_DIALECTS = ["responses", "messages"] as const;
export type NativeDialect = (typeof NATIVE_DIALECTS)[number];

/** Absent members may also be `undefined`. */
type Optional<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** What every backend that is called over HTTP may have. */
export type AccessEntry = Optional<{
  key: string;
  key_env: string;
  key_file: string;
  models: readonly string[];
  embeddings: boolean;
  completions: boolean;
  headers: Optional<{
    set: Readonly<Record<string, string>>;
    block: readonly string[];
    replace: Readonly<Record<string, string>>;
  }>;
}>;

/** One of `[[backends]]`, as it is written. */
export type BackendEntry =
  | (AccessEntry & { readonly kind: "auto" })
  | (AccessEntry & { readonly kind: ServerKind; readonly url?: string | undefined })
  | (AccessEntry & { readonly kind: "openai"; readonly url: string })
  | (Optional<{ model_path: string; models: readonly string[] }> & { readonly kind: "embedded" })
  | (AccessEntry &
      Optional<{ command: string; args: readonly string[]; idle_minutes: number }> & {
        readonly kind: "owned-llama-server";
        readonly model_path: string;
      });

/** The configuration file, as it is written. */
export type ConfigFile = Optional<{
  name: string;
  coordinators: readonly string[];
  log_level: string;
  data_dir: string;
  backends: readonly BackendEntry[];
  models: Optional<{ dirs: readonly string[]; native_dialects: readonly NativeDialect[] }>;
  limits: Optional<{
    max_concurrency: number;
    per_model: Readonly<Record<string, number>>;
    max_wait_seconds: number;
    answer_end_seconds: number;
    go_away_minutes: number;
    memory_percent: number;
  }>;
  availability: Optional<{
    windows: readonly string[];
    pause_when_active_minutes: number;
    pause_on_battery: boolean;
    sharing: "everyone" | "owner_only";
  }>;
  status_page: Optional<{ enabled: boolean; port: number }>;
  electricity: Optional<{ usd_per_kwh: number; extra_watts: number }>;
  attestation: Optional<{ enclave_helper: string }>;
}>;

/** An object that refuses members it does not know, and says which one was probably meant. */
function closed<Shape extends z.ZodRawShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  const error = (issue: { readonly code?: string; readonly keys?: readonly string[] }): string | undefined => {
    if (issue.code !== "unrecognized_keys") return undefined;
    return (issue.keys ?? []).map((key) => unknownKey(key, Object.keys(shape))).join("; ");
  };
  return z.strictObject(shape, { error: error as never });
}

/** @returns `unknown key "naem": did you mean "name"?` */
function unknownKey(key: string, known: readonly string[]): string {
  const meant = nearest(key, known);
  const shown = JSON.stringify(key.slice(0, 64));
  return meant === undefined
    ? `unknown key ${shown}: there are ${known.join(", ")}`
    : `unknown key ${shown}: did you mean "${meant}"?`;
}

export const wsUrl: z.ZodURL = z.url({ protocol: /^wss?$/, error: "must be a ws:// or wss:// URL" });
const httpUrl = z.url({ protocol: /^https?$/, error: "must be an http:// or https:// URL" });
export const LOG_LEVELS: readonly ["trace", "debug", "info", "warn", "error", "fatal", "silent"] = [
  "trace",
  "debug",
  "info",
  "warn",
  "error",
  "fatal",
  "silent",
];

const text = z.string().min(1).max(4096);
const modelIds = z.array(z.string().min(1).max(128)).max(1024);
const headerName = z.string().min(1).max(128);
const headerValue = z.string().max(8192);

const headers = closed({
  set: z.record(headerName, headerValue).optional(),
  block: z.array(headerName).max(256).optional(),
  replace: z.record(headerName, headerValue).optional(),
}).superRefine(({ set, block, replace }, context) => {
  const rules = { ...(set && { set }), ...(block && { block }), ...(replace && { replace }) };
  for (const message of headerRuleProblems(rules)) context.addIssue({ code: "custom", message });
});

/** What every backend may have. */
const common = {
  key: z.string().min(1).max(8192).optional(),
  key_env: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "is no name of an environment variable")
    .optional(),
  key_file: text.optional(),
  models: modelIds.optional(),
  embeddings: z.boolean().optional(),
  completions: z.boolean().optional(),
  headers: headers.optional(),
};

const SERVER_KINDS = SERVER_PROFILES.map(({ name }) => name) as [ServerKind, ...ServerKind[]];

const server = closed({
  kind: z.enum(SERVER_KINDS),
  url: httpUrl.optional(),
  ...common,
});

const backend = z.discriminatedUnion(
  "kind",
  [
    closed({ kind: z.literal("auto"), ...common }),
    server,
    closed({ kind: z.literal("openai"), url: httpUrl, ...common }),
    closed({ kind: z.literal("embedded"), model_path: text.optional(), models: modelIds.optional() }),
    closed({
      kind: z.literal("owned-llama-server"),
      command: text.optional(),
      model_path: text,
      args: z.array(z.string().max(4096)).max(256).optional(),
      idle_minutes: z.number().min(0).max(10_080).optional(),
      ...common,
    }),
  ],
  {
    error: (issue) =>
      issue.code === "invalid_union"
        ? `must be auto, ${SERVER_KINDS.join(", ")}, openai, embedded or owned-llama-server`
        : undefined,
  },
);

/** One key at most, whatever it comes from. */
const backendWithOneKey = backend.refine(
  (each) => ["key", "key_env", "key_file"].filter((name) => name in each).length <= 1,
  { error: "has more than one of key, key_env and key_file" },
);

const windowText = z
  .string()
  .max(256)
  .superRefine((value, context) => {
    const parsed = parseWindow(value);
    if ("problem" in parsed) context.addIssue({ code: "custom", message: parsed.problem });
  });

const concurrency = z.int().min(1).max(1024);

/** The dearest tariffs of households are about 0.6: a number above this was meant in cents. */
const MAX_USD_PER_KWH = 10;
/** A rack of servers. */
const MAX_EXTRA_WATTS = 20_000;

const between = (min: number, max: number, error: string): z.ZodNumber =>
  z.number({ error }).min(min, { error }).max(max, { error });

const electricity = closed({
  usd_per_kwh: between(
    0,
    MAX_USD_PER_KWH,
    `must be what a kilowatt hour costs, in dollars, not in cents: from 0 to ${MAX_USD_PER_KWH}, like 0.30`,
  ).optional(),
  extra_watts: between(
    0.1,
    MAX_EXTRA_WATTS,
    `must be the watts that the machine draws more while requests run: from 0.1 to ${MAX_EXTRA_WATTS}, like 120`,
  ).optional(),
}).refine(({ usd_per_kwh, extra_watts }) => usd_per_kwh !== undefined || extra_watts === undefined, {
  path: ["extra_watts"],
  error: "says nothing without electricity.usd_per_kwh: set that first",
});

/** Refuses what it does not know. */
export const configFileSchema: z.ZodType<ConfigFile> = closed({
  name: z.string().min(1).max(64).optional(),
  coordinators: z.array(wsUrl).min(1).max(16).optional(),
  log_level: z.enum(LOG_LEVELS).optional(),
  data_dir: text.optional(),
  backends: z.array(backendWithOneKey).max(32).optional(),
  models: closed({
    dirs: z.array(text).max(64).optional(),
    native_dialects: z.array(z.enum(NATIVE_DIALECTS)).max(2).optional(),
  }).optional(),
  limits: closed({
    max_concurrency: concurrency.optional(),
    per_model: z.record(z.string().min(1).max(128), concurrency).optional(),
    max_wait_seconds: z.number().min(0).max(600).optional(),
    answer_end_seconds: z.number().min(0).max(45).optional(),
    go_away_minutes: z.number().min(0).max(1_440).optional(),
    memory_percent: z.number().min(1).max(100).optional(),
  }).optional(),
  availability: closed({
    windows: z.array(windowText).max(64).optional(),
    pause_when_active_minutes: z.number().min(0).max(1440).optional(),
    pause_on_battery: z.boolean().optional(),
    sharing: z.enum(["everyone", "owner_only"]).optional(),
  }).optional(),
  status_page: closed({
    enabled: z.boolean().optional(),
    port: z.int().min(0).max(65_535).optional(),
  }).optional(),
  electricity: electricity.optional(),
  attestation: closed({ enclave_helper: text.optional() }).optional(),
});
