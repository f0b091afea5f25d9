import type { Clock, Rng } from "@hearth/platform";
import type { BackendConfig } from "../config/backend-config.js";
import { AgentError } from "../platform/agent-error.js";
import type { Logger } from "../platform/logger.js";
import type { Backend } from "./backend.js";
import { BackendSet } from "./backend-set.js";
import { EmbeddedBackend } from "./embedded-backend.js";
import { FoundBackends } from "./found-backends.js";
import { headerRuleProblems } from "./header-rules.js";
import { OpenAiBackend } from "./openai-backend.js";
import { OwnedLlamaServer } from "./owned-llama-server.js";

export interface CreateBackendDeps {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
  /** What the embedded engine runs when a search for backends finds none. */
  readonly fallbackModelPath: string;
  /** Where to search, instead of the usual ports. */
  readonly origins?: readonly string[];
}

/**
 * The backends of the configuration, as one.
 *
 * @throws AgentError `config_invalid` with every problem; `engine_missing`, `engine_failed` for the embedded engine
 */
export async function createBackends(
  configs: readonly BackendConfig[],
  deps: CreateBackendDeps,
  signal: AbortSignal,
): Promise<Backend> {
  const problems = configs.flatMap((config, i) =>
    problemsOf(config).map((problem) => `backends.${i}.headers.${problem}`),
  );
  if (problems.length > 0) throw invalid(problems);
  const made: Backend[] = [];
  try {
    for (const config of configs) made.push(...(await create(config, deps, signal)));
  } catch (error) {
    await Promise.all(made.map((backend) => backend.stop()));
    throw error;
  }
  const [only] = made;
  return made.length === 1 && only !== undefined ? only : new BackendSet(made, deps.log);
}

/** The file's name without folder and ending. */
export function modelIdOf(path: string): string {
  const file = path.split(/[\\/]/).at(-1) ?? path;
  return file.replace(/\.gguf$/i, "");
}

function problemsOf(config: BackendConfig): readonly string[] {
  return config.kind === "embedded" ? [] : headerRuleProblems(config.headers);
}

async function create(
  config: BackendConfig,
  deps: CreateBackendDeps,
  signal: AbortSignal,
): Promise<readonly Backend[]> {
  switch (config.kind) {
    case "auto":
      return [await search(config, deps, signal)];
    case "embedded": {
      const { modelPath, models } = config;
      return [await EmbeddedBackend.start({ ...deps, modelPath, modelId: models[0] ?? modelIdOf(modelPath) }, signal)];
    }
    case "owned-llama-server": {
      const { kind: _, key: __, models, idleMinutes, ...rest } = config;
      const modelId = models[0] ?? modelIdOf(config.modelPath);
      return [await OwnedLlamaServer.create({ ...deps, ...rest, modelId, idleMs: idleMinutes * 60_000 })];
    }
    case "openai": {
      const { kind: _, url, ...access } = config;
      return [new OpenAiBackend({ baseUrl: url, clock: deps.clock, ...access })];
    }
  }
  const { kind, url, ...access } = config;
  return [new OpenAiBackend({ baseUrl: url, kind, clock: deps.clock, ...access })];
}

function search(
  { kind: _, ...access }: Extract<BackendConfig, { readonly kind: "auto" }>,
  deps: CreateBackendDeps,
  signal: AbortSignal,
): Promise<Backend> {
  const { fallbackModelPath: modelPath } = deps;
  const fallback = (): Promise<Backend> =>
    EmbeddedBackend.start({ ...deps, modelPath, modelId: modelIdOf(modelPath) }, signal);
  return FoundBackends.search({ ...deps, access, fallback }, signal);
}

function invalid(problems: readonly string[]): AgentError {
  const lines = problems.map((problem) => `  - ${problem}`);
  return new AgentError("config_invalid", `The backends cannot be used:\n${lines.join("\n")}`);
}
