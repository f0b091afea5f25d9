import type { BackendDialect, ModelAdvert } from "@hearth/protocol";
import { describeFault } from "../platform/fault.js";
import type { Backend, BackendRequest, BackendResponse, BackendStatus } from "./backend.js";
import { HttpClient } from "./http-client.js";
import { type ListedModel, readModelList, readProps, readSlots, withProps } from "./model-discovery.js";

export interface OpenAiBackendOptions {
  /** Up to and including `/v1`. */
  readonly baseUrl: string;
  readonly key?: string | undefined;
  /** Advertise only these; empty = everything the backend lists. */
  readonly models: readonly string[];
  /** Its models make embeddings and do not chat. */
  readonly embeddings?: boolean;
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
  readonly #embeddings: boolean;
  readonly #http = new HttpClient();

  constructor({ baseUrl, key, models, embeddings = false }: OpenAiBackendOptions) {
    this.#base = new URL(baseUrl.endsWith("/") ? baseUrl : `${baseUrl}/`);
    this.name = this.#base.host;
    this.#key = key;
    this.#models = models;
    this.#embeddings = embeddings;
  }

  async probe(signal: AbortSignal): Promise<BackendStatus> {
    try {
      const { status, json } = await this.#http.getJson(new URL("models", this.#base), this.#key, signal);
      if (status < 200 || status > 299) return { type: "unreachable", problem: `HTTP ${status}` };
      const list = readModelList(json);
      if (list === undefined) return { type: "unreachable", problem: "no list of models" };
      // Only llama.cpp has more to ask for; other servers log each unknown path.
      const isLlamaCpp = list.some(({ family }) => family === "llamacpp");
      return isLlamaCpp ? await this.#llamaCpp(list, signal) : this.#reachable(list, list[0]?.slots);
    } catch (error) {
      return { type: "unreachable", problem: signal.aborted ? "no answer in time" : problemOf(error) };
    }
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

  async #llamaCpp(list: readonly ListedModel[], signal: AbortSignal): Promise<BackendStatus> {
    const [props, slots] = await Promise.all([
      this.#http.getJson(new URL("../props", this.#base), this.#key, signal),
      this.#http.getJson(new URL("../slots", this.#base), this.#key, signal),
    ]);
    const known = readProps(props.json);
    const busy = readSlots(slots.json);
    return {
      ...this.#reachable(
        list.map((model) => withProps(model, known)),
        known.totalSlots,
      ),
      ...(busy === undefined ? {} : { busy }),
    };
  }

  #reachable(listed: readonly ListedModel[], slots: number | undefined): Extract<BackendStatus, { type: "reachable" }> {
    const adverts = listed.map(({ advert }) => advert);
    const chosen = this.#models.map((id) => adverts.find((model) => model.id === id) ?? named(id));
    const models = this.#models.length === 0 ? adverts : chosen;
    return {
      type: "reachable",
      models: this.#embeddings ? models.map(asEmbedder) : models,
      ...(slots === undefined ? {} : { maxConcurrency: slots }),
    };
  }
}

/** A model that the owner names and the backend does not list is believed to be there: some list only what is loaded. */
const named = (id: string): ModelAdvert => ({ id, capabilities: {} });

function asEmbedder(model: ModelAdvert): ModelAdvert {
  return { ...model, dialects: ["embeddings"], capabilities: { embeddings: true } };
}

function problemOf(error: unknown): string {
  const { code, name } = describeFault(error);
  return code ?? name;
}
