import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { AgentError } from "./platform/agent-error.js";

/** Everything that decides what an agent does. */
export interface AgentConfig {
  readonly coordinator: string;
  readonly token: string;
  readonly backend:
    | { readonly type: "embedded"; readonly modelPath: string }
    | { readonly type: "openai"; readonly url: string };
  readonly backendKey: string | undefined;
  /** Advertise only these. */
  readonly models: readonly string[];
  /** The backend's models make embeddings and do not chat. */
  readonly embeddings: boolean;
  readonly name: string;
  readonly dataDir: string;
  readonly logLevel: string;
}

/** What the command line says, as it came. */
export interface ServeFlags {
  readonly coordinator?: string;
  readonly backend?: string;
  readonly backendKey?: string;
  readonly model?: readonly string[];
  readonly modelPath?: string;
  readonly embeddings?: boolean;
  readonly name?: string;
}

type Env = Readonly<Record<string, string | undefined>>;

/** The model that ships with the agent. */
const PICO_PATH = fileURLToPath(new URL("../models/pico/pico.gguf", import.meta.url));

const wsUrl = z.url({ protocol: /^wss?$/, error: "must be a ws:// or wss:// URL" });
const httpUrl = z.url({ protocol: /^https?$/, error: "must be 'embedded' or an http(s):// URL" });

const shape = z.object({
  coordinator: wsUrl,
  backend: z.union([z.literal("embedded"), httpUrl], { error: "must be 'embedded' or an http(s):// URL" }),
  backendKey: z.string().min(1).optional(),
  token: z.string({ error: "must be set: the coordinator gives it to you" }).min(1).max(1024),
  models: z.array(z.string().min(1).max(128)),
  modelPath: z.string().min(1),
  embeddings: z.boolean(),
  name: z.string().min(1).max(64),
  dataDir: z.string().min(1),
  logLevel: z.enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"]),
});

const schema = shape.refine(({ embeddings, backend }) => !(embeddings && backend === "embedded"), {
  path: ["embeddings"],
  error: "the embedded engine only chats",
});

/** Where each value comes from, as people set it. */
const SOURCES: Readonly<Record<string, string>> = {
  coordinator: "--coordinator (or HEARTH_COORDINATOR)",
  backend: "--backend",
  backendKey: "--backend-key (or HEARTH_BACKEND_KEY)",
  token: "HEARTH_PROVIDER_TOKEN",
  models: "--model",
  modelPath: "--model-path",
  embeddings: "--embeddings",
  name: "--name",
  dataDir: "HEARTH_AGENT_DATA_DIR",
  logLevel: "HEARTH_LOG_LEVEL",
};

/**
 * Puts flags and environment together; a flag wins. An empty variable counts as unset.
 *
 * @throws AgentError `config_invalid` that lists every problem and no secret
 */
export function readAgentConfig(flags: ServeFlags, env: Env): AgentConfig {
  const parsed = schema.safeParse({
    coordinator: flags.coordinator ?? (env["HEARTH_COORDINATOR"] || "ws://127.0.0.1:8080/ws/provider"),
    backend: flags.backend ?? "embedded",
    backendKey: flags.backendKey ?? (env["HEARTH_BACKEND_KEY"] || undefined),
    token: env["HEARTH_PROVIDER_TOKEN"] || undefined,
    models: flags.model ?? [],
    modelPath: flags.modelPath ?? PICO_PATH,
    embeddings: flags.embeddings ?? false,
    name: flags.name ?? "default",
    dataDir: env["HEARTH_AGENT_DATA_DIR"] || join(homedir(), ".hearth-agent"),
    logLevel: env["HEARTH_LOG_LEVEL"] || "info",
  });
  if (!parsed.success) throw invalid(parsed.error);
  const { backend, modelPath, ...rest } = parsed.data;
  return {
    ...rest,
    backendKey: rest.backendKey,
    backend: backend === "embedded" ? { type: "embedded", modelPath } : { type: "openai", url: backend },
  };
}

function invalid(error: z.ZodError): AgentError {
  const problems = error.issues.map((issue) => `  - ${SOURCES[String(issue.path[0])] ?? "value"}: ${issue.message}`);
  return new AgentError("config_invalid", `The agent cannot start:\n${problems.join("\n")}`);
}
