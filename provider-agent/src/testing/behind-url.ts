import type { ReachableBackend } from "../backends/backend.js";
import { OpenAiBackend } from "../backends/openai-backend.js";
import { type BackendOptions, ScriptedBackend } from "./scripted-backend.js";

const never = new AbortController().signal;

/** A server that answers so, and a backend that knows no more of it than its URL. */
export async function behindUrl(options: BackendOptions) {
  const server = await ScriptedBackend.start(options);
  const backend = new OpenAiBackend({ baseUrl: server.url, models: [] });
  const probe = async (): Promise<ReachableBackend> => {
    const status = await backend.probe(never);
    if (status.type === "unreachable") throw new Error(status.problem);
    return status;
  };
  return {
    server,
    /** What it offers now; throws when it cannot be reached. */
    models: async () => (await probe()).models,
    /** Whom to ask what it makes of conversations with a model; throws when it cannot be reached. */
    renderer: async (model: string) => (await probe()).sources.get(model)?.renderer,
    async [Symbol.asyncDispose]() {
      await backend.stop();
      await server[Symbol.asyncDispose]();
    },
  };
}
