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
      const reports = await Promise.all(backends.map((backend) => probe(backend, { clock, signal })));
      return reports.flat();
    },
  };
}

interface Probing {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

async function probe(backend: BackendConfig, { clock, signal }: Probing): Promise<readonly BackendReport[]> {
  switch (backend.kind) {
    case "auto": {
      const found = await detectBackends({ clock }, signal);
      if (found.length === 0)
        return [await embedded("embedded engine (no server on the usual ports)", SHIPPED_MODEL, [])];
      return found.map(({ kind, url, models, needsKey }) => ({
        name: `${kind} at ${url}`,
        problem: needsKey ? "it wants a key: add it as one of [[backends]]" : undefined,
        models,
      }));
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
    return { name, problem: "it needs the package @hearth/engine", models: [] };
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
  return { name, problem: isThere ? undefined : `${path} is not there`, models: isThere ? ids : [] };
}

type ServerConfig = Extract<BackendConfig, { readonly url: string }>;

async function ofServer(config: ServerConfig, signal: AbortSignal): Promise<BackendReport> {
  const { kind, url, key, headers, models, embeddings } = config;
  const server = new OpenAiBackend({
    baseUrl: url,
    models,
    embeddings,
    headers,
    ...(key !== undefined && { key }),
    ...(kind !== "openai" && { kind }),
  });
  try {
    const status = await server.probe(signal);
    const name = `${kind} at ${url}`;
    if (status.type === "unreachable") return { name, problem: status.problem, models: [] };
    return { name, problem: undefined, models: status.models.map(({ id }) => id) };
  } finally {
    await server.stop();
  }
}
