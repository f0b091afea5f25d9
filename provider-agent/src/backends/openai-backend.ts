import type { BackendDialect, ModelAdvert } from "@hearth/protocol";
import type { Backend, BackendRequest, BackendResponse, BackendStatus } from "./backend.js";
import { HttpClient } from "./http-client.js";

export interface OpenAiBackendOptions {
  /** Up to and including `/v1`. */
  readonly baseUrl: string;
  readonly key?: string | undefined;
  /** Advertise only these; empty = everything the backend lists. */
  readonly models: readonly string[];
}

const PATHS: Readonly<Record<BackendDialect, string>> = {
  chat_completions: "chat/completions",
  completions: "completions",
  embeddings: "embeddings",
  responses: "responses",
  messages: "messages",
};

/** Any server that speaks OpenAI's API: llama.cpp, Ollama, LM Studio, MLX, vLLM. */
export class OpenAiBackend implements Backend {
  readonly name: string;
  readonly #base: URL;
  readonly #key: string | undefined;
  readonly #models: readonly string[];
  readonly #http = new HttpClient();

  constructor({ baseUrl, key, models }: OpenAiBackendOptions) {
    this.#base = new URL(baseUrl.endsWith("/") ? baseUrl : `${baseUrl}/`);
    this.name = this.#base.host;
    this.#key = key;
    this.#models = models;
  }

  async probe(signal: AbortSignal): Promise<BackendStatus> {
    const [list, props] = await Promise.all([
      this.#http.getJson(new URL("models", this.#base), this.#key, signal),
      this.#http.getJson(new URL("../props", this.#base), this.#key, signal),
    ]);
    const listed = listedModels(list, props);
    return {
      reachable: list !== undefined,
      models:
        this.#models.length === 0 ? listed : this.#models.map((id) => listed.find((m) => m.id === id) ?? named(id)),
      maxConcurrency: positive((props as { total_slots?: unknown } | undefined)?.total_slots),
    };
  }

  async open({ dialect, body }: BackendRequest, signal: AbortSignal): Promise<BackendResponse> {
    const url = new URL(PATHS[dialect], this.#base);
    const response = await this.#http.send({ method: "POST", url, body, key: this.#key }, signal);
    return {
      status: response.statusCode ?? 0,
      contentType: response.headers["content-type"] ?? "",
      body: response,
    };
  }

  async stop(): Promise<void> {
    this.#http.close();
  }
}

/** A model that the owner names and the backend does not list is believed to be there. */
const named = (id: string): ModelAdvert => ({ id, capabilities: {} });

function listedModels(list: unknown, props: unknown): ModelAdvert[] {
  const data = (list as { data?: unknown } | undefined)?.data;
  if (!Array.isArray(data)) return [];
  return data.flatMap((entry: unknown) => {
    const model = advertOf(entry, props);
    return model === undefined ? [] : [model];
  });
}

/**
 * Context length as the backends tell it: llama.cpp in `/props` (what a slot really has), vLLM as `max_model_len`,
 * the embedded engine in `meta.n_ctx`.
 */
function advertOf(entry: unknown, props: unknown): ModelAdvert | undefined {
  if (typeof entry !== "object" || entry === null) return undefined;
  const { id, max_model_len, meta } = entry as Record<string, unknown>;
  if (typeof id !== "string" || id.length === 0 || id.length > 128) return undefined;
  const { default_generation_settings, modalities } = (props ?? {}) as Record<string, unknown>;
  const { n_ctx, n_ctx_train, size } = (meta ?? {}) as Record<string, unknown>;
  const slotContext = (default_generation_settings as { n_ctx?: unknown } | undefined)?.n_ctx;
  const context = positive(slotContext) ?? positive(max_model_len) ?? positive(n_ctx) ?? positive(n_ctx_train);
  const weights = positive(size);
  const vision = (modalities as { vision?: unknown } | undefined)?.vision;
  return {
    id,
    ...(context === undefined ? {} : { context_length: context }),
    ...(weights === undefined ? {} : { weights_bytes: weights }),
    capabilities: typeof vision === "boolean" ? { vision } : {},
  };
}

function positive(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : undefined;
}
