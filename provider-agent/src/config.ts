import { isAbsolute } from "node:path";
import { z } from "zod";
import type { AgentConfig, AgentSettings } from "./config/agent-config.js";
import type { AvailabilityWindow } from "./config/availability-window.js";
import { parseWindow } from "./config/availability-window.js";
import {
  AUTO_BACKEND,
  type BackendConfig,
  type BackendOfFile,
  backendOfFile,
  backendOfFlags,
} from "./config/backend-config.js";
import { type LoadedConfig, problemLine } from "./config/config-file.js";
import { expandHome, platformPaths } from "./config/config-path.js";
import { type ConfigFile, LOG_LEVELS, wsUrl } from "./config/schema.js";
import { lineOf, locate } from "./config/toml-places.js";
import { AgentError } from "./platform/agent-error.js";

export type { AgentConfig, AgentSettings, ElectricityConfig } from "./config/agent-config.js";

/** What the command line says, as it came. */
export interface ServeFlags {
  readonly coordinator?: string | readonly string[];
  readonly backend?: string;
  readonly backendKey?: string;
  readonly model?: readonly string[];
  readonly modelPath?: string;
  readonly embeddings?: boolean;
  readonly completions?: boolean;
  readonly name?: string;
  readonly logLevel?: string;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Whose token it is, and for whom. */
export interface TokenPlace {
  readonly dataDir: string;
  readonly name: string;
  /** WebSocket URL. */
  readonly coordinator: string;
}

/** What there is beside flags and environment. */
export interface MoreSources {
  readonly file?: LoadedConfig;
  /** The token that an earlier log-in left. */
  readonly storedToken?: (place: TokenPlace) => string | undefined;
}

const DEFAULT_COORDINATOR = "ws://127.0.0.1:8080/ws/provider";
/** A coordinator waits about so long for the first sign of an answer to a short prompt (docs/dispatch.md, rule 3). */
const DEFAULT_WAIT_SECONDS = 10;
/** Coordinators take no shorter one for a provider token: what has fewer characters was cut off or is another thing. */
const LEAST_TOKEN_CHARACTERS = 16;
const MOST_TOKEN_CHARACTERS = 1024;
const httpUrl = z.url({ protocol: /^https?$/, error: "must be 'embedded' or an http(s):// URL" });

const schema = z
  .object({
    coordinators: z.array(wsUrl).min(1).max(16),
    backend: z.union([z.literal("embedded"), httpUrl], { error: "must be 'embedded' or an http(s):// URL" }).optional(),
    backendKey: z.string().min(1).max(8192).optional(),
    models: z.array(z.string().min(1).max(128)),
    modelPath: z.string().min(1).optional(),
    embeddings: z.boolean(),
    completions: z.boolean(),
    name: z.string().min(1).max(64),
    dataDir: z.string().min(1),
    logLevel: z.enum(LOG_LEVELS),
    enclaveHelper: z.string().max(4096).refine(isAbsolute, { error: "must be a program's absolute path" }).optional(),
  })
  .refine(({ embeddings, backend }) => !embeddings || isUrl(backend), {
    path: ["embeddings"],
    error: "goes with the URL of a --backend: the embedded engine only chats",
  })
  .refine(({ completions, backend }) => !completions || isUrl(backend), {
    path: ["completions"],
    error: "goes with the URL of a --backend: the embedded engine has them anyway",
  });

const isUrl = (backend: string | undefined): boolean => backend !== undefined && backend !== "embedded";

/** Where each value comes from, as people set it. */
const SOURCES: Readonly<Record<string, string>> = {
  coordinators: "--coordinator (or HEARTH_COORDINATOR)",
  backend: "--backend",
  backendKey: "--backend-key (or HEARTH_BACKEND_KEY)",
  models: "--model",
  modelPath: "--model-path",
  embeddings: "--embeddings",
  completions: "--completions",
  name: "--name",
  dataDir: "HEARTH_AGENT_DATA_DIR",
  logLevel: "HEARTH_LOG_LEVEL",
  enclaveHelper: "attestation.enclave_helper (or HEARTH_ENCLAVE_HELPER)",
};

/**
 * Puts flags, environment and file together; the earlier wins. An empty variable counts as unset.
 *
 * @throws AgentError `config_invalid` that lists every problem and no secret
 */
export function readAgentConfig(flags: ServeFlags, env: Env, more: MoreSources = {}): AgentConfig {
  const { settings, problems, raw } = gather(flags, env, more.file);
  const tokens = new Map(
    raw.coordinators.map((each) => [each, tokenAt({ ...raw, coordinator: each }, env, more.storedToken)]),
  );
  const all = [...problems, ...tokenProblems(tokens, env)];
  if (settings === undefined || all.length > 0) throw invalid("The agent cannot start", all);
  const tokenFor = (coordinator: string): string =>
    tokenAt({ ...settings, coordinator }, env, more.storedToken) ?? tokens.get(coordinator) ?? "";
  return { ...settings, tokenFor };
}

type ReadToken = MoreSources["storedToken"];

/** The shell's token is for every coordinator. */
function tokenAt({ dataDir, name, coordinator }: TokenPlace, env: Env, read: ReadToken): string | undefined {
  return env["HEARTH_PROVIDER_TOKEN"] || read?.({ dataDir, name, coordinator });
}

/**
 * The same for commands that need no token.
 *
 * @throws AgentError `config_invalid` that lists every problem and no secret
 */
export function readAgentSettings(flags: ServeFlags, env: Env, file?: LoadedConfig): AgentSettings {
  const { settings, problems } = gather(flags, env, file);
  if (settings === undefined || problems.length > 0) throw invalid("The configuration is wrong", problems);
  return settings;
}

/** A coordinator's token is nobody else's: each needs one of its own, unless the shell has one for all. */
function tokenProblems(tokens: ReadonlyMap<string, string | undefined>, env: Env): readonly string[] {
  const missing = [...tokens].filter(([, token]) => token === undefined).map(([coordinator]) => coordinator);
  const bad = [...tokens.values()].flatMap((token) => (token === undefined ? [] : (tokenProblem(token, env) ?? [])));
  if (missing.length === tokens.size) {
    return ["HEARTH_PROVIDER_TOKEN: must be set: the coordinator gives it to you; or run 'hearth-agent login'"];
  }
  return [
    ...new Set(bad),
    ...missing.map((each) => `no provider token for ${each}: run 'hearth-agent login --coordinator ${each}'`),
  ];
}

function tokenProblem(token: string, env: Env): string | undefined {
  const problem = badToken(token);
  if (problem === undefined) return undefined;
  return env["HEARTH_PROVIDER_TOKEN"]
    ? `HEARTH_PROVIDER_TOKEN: ${problem}`
    : `the kept provider token: ${problem}; run 'hearth-agent login'`;
}

/** What shows that a text can be no provider token. */
export function badToken(token: string): string | undefined {
  if (token.length >= LEAST_TOKEN_CHARACTERS && token.length <= MOST_TOKEN_CHARACTERS) return undefined;
  const said = token.length > MOST_TOKEN_CHARACTERS ? `more than ${MOST_TOKEN_CHARACTERS}` : `only ${token.length}`;
  return `it has ${said} characters; a provider token has ${LEAST_TOKEN_CHARACTERS} to ${MOST_TOKEN_CHARACTERS}`;
}

interface Gathered {
  /** Absent when there are problems. */
  readonly settings?: AgentSettings;
  readonly problems: readonly string[];
  /** As it was said, whether or not it is valid. */
  readonly raw: Pick<AgentSettings, "coordinators" | "name" | "dataDir">;
}

function gather(flags: ServeFlags, env: Env, file?: LoadedConfig): Gathered {
  const written: ConfigFile = file?.type === "valid" ? file.values : {};
  const raw = ofAnySource(flags, env, written);
  const parsed = schema.safeParse({ ...ofFlagsOnly(flags, env), ...raw });
  const backends = (written.backends ?? []).map((entry) => backendOfFile(entry, env));
  const problems = [
    ...problemsOfFile(file, backends),
    ...(parsed.success ? [] : parsed.error.issues.map((issue) => flagProblem(issue))),
  ];
  if (!parsed.success || problems.length > 0) return { problems, raw };
  return { problems, raw, settings: settingsOf(parsed.data, written, backends.filter(isComplete)) };
}

function ofFlagsOnly(flags: ServeFlags, env: Env) {
  return {
    backend: flags.backend ?? (flags.modelPath === undefined ? undefined : "embedded"),
    backendKey: flags.backendKey ?? (env["HEARTH_BACKEND_KEY"] || undefined),
    models: flags.model ?? [],
    modelPath: flags.modelPath,
    embeddings: flags.embeddings ?? false,
    completions: flags.completions ?? false,
  };
}

function ofAnySource(flags: ServeFlags, env: Env, written: ConfigFile) {
  const coordinators = listed(flags.coordinator) ?? listed(env["HEARTH_COORDINATOR"]) ?? written.coordinators;
  return {
    coordinators: coordinators ?? [DEFAULT_COORDINATOR],
    name: flags.name ?? written.name ?? "default",
    dataDir: env["HEARTH_AGENT_DATA_DIR"] || expandHome(written.data_dir ?? platformPaths().data),
    logLevel: flags.logLevel ?? (env["HEARTH_LOG_LEVEL"] || (written.log_level ?? "info")),
    enclaveHelper: env["HEARTH_ENCLAVE_HELPER"] || homePath(written.attestation?.enclave_helper),
  };
}

const homePath = (path: string | undefined): string | undefined => (path === undefined ? undefined : expandHome(path));

function problemsOfFile(file: LoadedConfig | undefined, backends: readonly BackendOfFile[]): readonly string[] {
  if (file?.type === "invalid") return file.problems.map((problem) => problemLine(file.path, problem));
  if (file?.type !== "valid") return [];
  const places = locate(file.text);
  return backends.flatMap((each, i) => {
    if (isComplete(each)) return [];
    const line = lineOf(places, ["backends", i, each.key]);
    const where = { key: `backends.${i}.${each.key}`, ...(line === undefined ? {} : { line }) };
    return [problemLine(file.path, { ...where, problem: each.problem })];
  });
}

const isComplete = (each: BackendOfFile): each is BackendConfig => "kind" in each;

function flagProblem(issue: z.core.$ZodIssue): string {
  return `${SOURCES[String(issue.path[0])] ?? "value"}: ${issue.message}`;
}

/** One value or several, separated by white space or commas where only one string can be said. */
function listed(value: string | readonly string[] | undefined): readonly string[] | undefined {
  if (value === undefined || value === "") return undefined;
  return typeof value === "string" ? value.split(/[\s,]+/).filter((each) => each !== "") : value;
}

function settingsOf(
  parsed: z.infer<typeof schema>,
  written: ConfigFile,
  ofFile: readonly BackendConfig[],
): AgentSettings {
  const { backend: flag, models } = parsed;
  const { backendKey, modelPath, embeddings, completions } = parsed;
  const ofFlags = flag && backendOfFlags({ backend: flag, backendKey, models, modelPath, embeddings, completions });
  const chosen = ofFlags ? [ofFlags] : ofFile.length > 0 ? ofFile : [AUTO_BACKEND];
  // A backend's own list goes before the list for all.
  const backends = chosen.map((each) => (each.models.length > 0 ? each : { ...each, models }));
  return {
    coordinators: parsed.coordinators,
    backends,
    models,
    modelDirs: (written.models?.dirs ?? []).map(expandHome),
    ...ownerRules(written),
    enclaveHelper: parsed.enclaveHelper,
    name: parsed.name,
    dataDir: parsed.dataDir,
    logLevel: parsed.logLevel,
  };
}

/** What only the file can say, with its defaults. */
function ownerRules({
  models = {},
  limits = {},
  availability = {},
  status_page = {},
  electricity = {},
}: ConfigFile): Pick<AgentSettings, "nativeDialects" | "limits" | "availability" | "statusPage" | "electricity"> {
  const { usd_per_kwh: usdPerKwh, extra_watts: extraWatts } = electricity;
  const windows = (availability.windows ?? []).map(parseWindow);
  return {
    // Backends' own forms of these leave things out that a translated chat has: their owner decides.
    nativeDialects: models.native_dialects ?? [],
    limits: {
      maxConcurrency: limits.max_concurrency,
      perModel: limits.per_model ?? {},
      maxWaitSeconds: limits.max_wait_seconds ?? DEFAULT_WAIT_SECONDS,
      ...(limits.answer_end_seconds === undefined ? {} : { answerEndSeconds: limits.answer_end_seconds }),
      ...(limits.go_away_minutes === undefined ? {} : { goAwayMinutes: limits.go_away_minutes }),
      memoryPercent: limits.memory_percent,
    },
    availability: {
      windows: windows.filter((each): each is AvailabilityWindow => "days" in each),
      pauseWhenActiveMinutes: availability.pause_when_active_minutes ?? 0,
      pauseOnBattery: availability.pause_on_battery ?? false,
      sharing: availability.sharing ?? "everyone",
    },
    statusPage: { enabled: status_page.enabled ?? true, port: status_page.port ?? 0 },
    electricity: usdPerKwh === undefined ? undefined : { usdPerKwh, extraWatts },
  };
}

function invalid(what: string, problems: readonly string[]): AgentError {
  const lines = problems.map((problem) => `  - ${problem}`);
  return new AgentError("config_invalid", `${what}:\n${lines.join("\n")}`);
}
