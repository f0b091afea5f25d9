import { type Clock, deadline } from "@hearth/platform";
import { EngineReader } from "./kinds/engine.js";
import { LLAMA_SERVER } from "./kinds/llama-server.js";
import { LM_STUDIO } from "./kinds/lm-studio.js";
import { MLX_LM } from "./kinds/mlx-lm.js";
import { OLLAMA } from "./kinds/ollama.js";
import { OpenAiReader } from "./kinds/openai.js";
import { VLLM } from "./kinds/vllm.js";
import { fetchModelList } from "./model-list.js";
import type { ServerApi } from "./server-api.js";
import type { ServerKind, ServerProfile, ServerReader } from "./server-profile.js";

export const SERVER_PROFILES: Readonly<Record<ServerKind, ServerProfile>> = {
  "llama-server": LLAMA_SERVER,
  ollama: OLLAMA,
  "lm-studio": LM_STUDIO,
  "mlx-lm": MLX_LM,
  vllm: VLLM,
};

/** Readers by what a server's list of models says in `owned_by`: no need to ask for paths that it may not know. */
const READERS: Readonly<Record<string, (api: ServerApi) => ServerReader>> = {
  llamacpp: (api) => LLAMA_SERVER.reader(api),
  vllm: (api) => VLLM.reader(api),
  hearth: (api) => new EngineReader(api),
};

/**
 * Servers that hide in a list like anybody's, the likeliest first by what `owned_by` says there (Ollama: a model's
 * namespace, `openai/openai.go` at v0.33; LM Studio: `organization_owner`; `mlx_lm.server`: nothing).
 */
const ASKED: readonly { readonly kind: ServerProfile; readonly owner: string | undefined }[] = [
  { kind: OLLAMA, owner: "library" },
  { kind: LM_STUDIO, owner: "organization_owner" },
  { kind: MLX_LM, owner: undefined },
];

/** Programs that answer to Ollama's endpoints as well and are something else. */
const IMITATORS: ReadonlySet<string> = new Set(["koboldcpp", "llama-swap"]);

/** The limit of all questions together; a server that never answers unknown paths is of no known kind, ms. */
const RECOGNISE_MS = 2_000;

/**
 * The best reader for a server of which only the URL is known: by what its list says, else by its own endpoints.
 *
 * @throws AgentError `server_unusable` when it has no list of models
 * @throws Error when no answer comes
 */
export async function recognise(api: ServerApi, clock: Clock, signal: AbortSignal): Promise<ServerReader> {
  const [first] = await fetchModelList(api, signal);
  const owner = ownerOf(first);
  const told = owner !== undefined && Object.hasOwn(READERS, owner) ? READERS[owner] : undefined;
  if (told !== undefined) return told(api);
  if (owner !== undefined && IMITATORS.has(owner)) return new OpenAiReader(api);
  using limit = deadline(clock, RECOGNISE_MS, signal);
  const likeliest = [...ASKED.filter((each) => each.owner === owner), ...ASKED.filter((each) => each.owner !== owner)];
  for (const { kind } of likeliest) {
    if (await isOf(kind, api, limit.signal)) return kind.reader(api);
    signal.throwIfAborted();
  }
  return new OpenAiReader(api);
}

/** A server that gives no answer to a kind's question is not of that kind. */
async function isOf(kind: ServerProfile, api: ServerApi, signal: AbortSignal): Promise<boolean> {
  try {
    return (await kind.identify(api, signal)) !== undefined;
  } catch {
    return false;
  }
}

function ownerOf(entry: unknown): string | undefined {
  const owner = (entry as { readonly owned_by?: unknown } | null | undefined)?.owned_by;
  return typeof owner === "string" ? owner : undefined;
}
