import { stat } from "node:fs/promises";
import type { Clock } from "@hearth/platform";
import { detectBackends } from "../../backends/detect-backends.js";
import { OpenAiBackend } from "../../backends/openai-backend.js";
import { type BackendConfig, SHIPPED_MODEL } from "../../config/backend-config.js";
import type { AgentSettings } from "../../config.js";
import type { AgentPorts, BackendReport } from "../ports.js";

/** Asks model servers as the agent does. */
export function backendPorts(clock: Clock): Pick<AgentPorts, "detectBackends" | "probeBackends"> {
  return {
    detectBackends: (signal) => detectBackends({ clock }, signal),
    async probeBackends({ backends }: AgentSettings, signal) {
      const reports = await Promise.all(
        backends.map(async (backend, i) => {
          const key = backend.kind === "auto" ? {} : { key: `backends.${i}` };
          return (await probe(backend, { clock, signal })).map((report) => ({ ...report, ...key }));
        }),
      );
      return withoutElsewhere(reports.flat());
    },
  };
}

/** What is named for all backends need not be in each. */
function withoutElsewhere(reports: readonly BackendReport[]): readonly BackendReport[] {
  const there = new Set(reports.flatMap(({ models }) => models));
  return reports.map((report) => ({ ...report, missing: report.missing.filter((id) => !there.has(id)) }));
}

interface Probing {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const NOTHING = { models: [], missing: [] };

async function probe(backend: BackendConfig, { clock, signal }: Probing): Promise<readonly BackendReport[]> {
  switch (backend.kind) {
    case "auto": {
      const found = await detectBackends({ clock }, signal);
      if (found.length === 0)
        return [await embedded("embedded engine (no server on the usual ports)", SHIPPED_MODEL, [])];
      const { kind: _, ...access } = backend;
      return Promise.all(
        found.map(({ kind, url, needsKey }) =>
          needsKey && access.key === undefined
            ? { ...NOTHING, name: `${kind} at ${url}`, problem: "it wants a key: add it as one of [[backends]]" }
            : ofServer({ kind, url, ...access }, signal),
        ),
      );
    }
    case "embedded":
      return [await embedded("embedded engine", backend.modelPath, backend.models)];
    case "owned-llama-server":
      return [await ofFile(`own ${backend.command}`, backend.modelPath, backend.models)];
    default:
      return [await ofServer(backend, signal)];
  }
}

async function embedded(name: string, path: string, models: readonly string[]): Promise<BackendReport> {
  try {
    import.meta.resolve("@hearth/engine");
  } catch {
    return { ...NOTHING, name, problem: "it needs the package @hearth/engine" };
  }
  return ofFile(name, path, models);
}

/** Started on demand: what can be seen of it now is its model. */
async function ofFile(name: string, path: string, models: readonly string[]): Promise<BackendReport> {
  const isThere = await stat(path).then(
    (file) => file.isFile(),
    () => false,
  );
  const file = path.split(/[\\/]/).at(-1) ?? path;
  const ids = models.length > 0 ? models : [file.replace(/\.gguf$/i, "")];
  return isThere
    ? { ...NOTHING, name, problem: undefined, models: ids }
    : { ...NOTHING, name, problem: `${path} is not there` };
}

type ServerConfig = Extract<BackendConfig, { readonly url: string }>;

async function ofServer(config: ServerConfig, signal: AbortSignal): Promise<BackendReport> {
  const { kind, url, key, headers, models, embeddings, completions } = config;
  const server = new OpenAiBackend({
    baseUrl: url,
    models,
    embeddings,
    headers,
    ...(completions === true && { completions }),
    ...(key !== undefined && { key }),
    ...(kind !== "openai" && { kind }),
  });
  try {
    const status = await server.probe(signal);
    const name = `${kind} at ${url}`;
    if (status.type === "unreachable") return { ...NOTHING, name, problem: status.problem };
    const { models: there, missing = [] } = status;
    return { name, problem: undefined, models: there.map(({ id }) => id), missing };
  } finally {
    await server.stop();
  }
}
