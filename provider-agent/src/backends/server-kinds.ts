import { EngineReader } from "./kinds/engine.js";
import { LLAMA_SERVER } from "./kinds/llama-server.js";
import { LM_STUDIO } from "./kinds/lm-studio.js";
import { MLX_LM } from "./kinds/mlx-lm.js";
import { OLLAMA } from "./kinds/ollama.js";
import { OpenAiReader } from "./kinds/openai.js";
import { VLLM } from "./kinds/vllm.js";
import type { ServerApi } from "./server-api.js";
import type { ServerKind, ServerKindName, ServerReader } from "./server-kind.js";

export const KINDS: Readonly<Record<ServerKindName, ServerKind>> = {
  "llama-server": LLAMA_SERVER,
  ollama: OLLAMA,
  "lm-studio": LM_STUDIO,
  "mlx-lm": MLX_LM,
  vllm: VLLM,
};

/**
 * What a server's list of models says in `owned_by`, and what follows from it: nobody has to be asked for paths that
 * they may not know.
 */
const READERS: Readonly<Record<string, (api: ServerApi) => ServerReader>> = {
  llamacpp: (api) => LLAMA_SERVER.reader(api),
  vllm: (api) => VLLM.reader(api),
  hearth: (api) => new EngineReader(api),
};

/** The best reader for a server whose `/v1/models` has this entry. */
export function readerOfEntry(entry: unknown, api: ServerApi): ServerReader {
  const owner = (entry as { readonly owned_by?: unknown } | null | undefined)?.owned_by;
  const reader = typeof owner === "string" && Object.hasOwn(READERS, owner) ? READERS[owner] : undefined;
  return reader?.(api) ?? new OpenAiReader(api);
}
