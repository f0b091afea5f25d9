import { realpath } from "node:fs/promises";
import type { Clock } from "@hearth/platform";
import { detectBackends } from "../../backends/detect-backends.js";
import { OpenAiBackend } from "../../backends/openai-backend.js";
import type { BackendConfig } from "../../config/backend-config.js";
import type { AgentSettings } from "../../config.js";
import { askServer, type ServerWord } from "../../models/ask-server.js";

/** A model that a server has loaded, and that the server can be asked about. */
export interface ServedModel {
  readonly id: string;
  /** Without symbolic links; absent = the server does not tell. */
  readonly path: string | undefined;
  /** As its owner knows it: kind and address. */
  readonly server: string;
  /** What the server makes of a few conversations. Never rejects. */
  readonly ask: (signal: AbortSignal) => Promise<ServerWord>;
}

/** Servers that can be asked while this is held. */
export interface ServedModels extends AsyncDisposable {
  readonly models: readonly ServedModel[];
}

type ServerConfig = Extract<BackendConfig, { readonly url: string }>;

/**
 * Finds the models that the configured servers have loaded, or those on the usual ports. What the agent itself would
 * start is not there to be asked. Never rejects.
 */
export async function servedModels(
  { backends }: AgentSettings,
  clock: Clock,
  signal: AbortSignal,
): Promise<ServedModels> {
  const servers = (await Promise.all(backends.map((backend) => serversOf(backend, clock, signal)))).flat();
  const opened = servers.map(({ kind, url, ...access }) => ({
    name: `${kind} at ${url}`,
    backend: new OpenAiBackend({ baseUrl: url, clock, ...access, ...(kind === "openai" ? {} : { kind }) }),
  }));
  const models = await Promise.all(opened.map(({ name, backend }) => modelsOf(name, backend, clock, signal)));
  return {
    models: models.flat(),
    async [Symbol.asyncDispose]() {
      await Promise.all(opened.map(({ backend }) => backend.stop()));
    },
  };
}

async function serversOf(backend: BackendConfig, clock: Clock, signal: AbortSignal): Promise<readonly ServerConfig[]> {
  if ("url" in backend) return [backend];
  if (backend.kind !== "auto") return [];
  const { kind: _, ...access } = backend;
  const found = await detectBackends({ clock }, signal);
  const usable = found.filter(({ needsKey }) => !needsKey || access.key !== undefined);
  return usable.map(({ kind, url }) => ({ kind, url, ...access }));
}

async function modelsOf(
  server: string,
  backend: OpenAiBackend,
  clock: Clock,
  signal: AbortSignal,
): Promise<readonly ServedModel[]> {
  const status = await backend.probe(signal);
  if (status.type === "unreachable") return [];
  const served = [...status.sources].map(async ([id, { path, renderer }]): Promise<ServedModel[]> => {
    if (renderer === undefined) return [];
    const ask = (asking: AbortSignal): Promise<ServerWord> => askServer(renderer.ask, clock, asking);
    return [{ id, path: path === undefined ? undefined : await plainPath(path), server, ask }];
  });
  return (await Promise.all(served)).flat();
}

/** Without symbolic links, so that one file has one name; as it is where there is none. */
export const plainPath = (path: string): Promise<string> => realpath(path).catch(() => path);
