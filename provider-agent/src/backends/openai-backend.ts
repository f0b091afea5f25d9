import type { IncomingMessage } from "node:http";
import { type Clock, describeFault } from "@hearth/platform";
import type { ModelAdvert } from "@hearth/protocol";
import { systemClock } from "../platform/clock.js";
import type {
  Backend,
  BackendRequest,
  BackendResponse,
  BackendSlot,
  BackendStatus,
  ReachableBackend,
} from "./backend.js";
import { chooseModels } from "./choose-models.js";
import type { HttpAccess } from "./http-client.js";
import { ServerApi } from "./server-api.js";
import { type ServerKindName, ServerProblem, type ServerReader, type ServerReading } from "./server-kind.js";
import { KINDS, recognise } from "./server-kinds.js";
import { type ServerSign, SignWatch, type WatchedRequest } from "./sign-watch.js";

export interface OpenAiBackendOptions extends HttpAccess {
  /** Up to and including `/v1`. */
  readonly baseUrl: string;
  /** What it is; absent = any server that speaks OpenAI's API, recognised by what its list or its own endpoints say. */
  readonly kind?: ServerKindName;
  /** Advertise only these, as far as they are there; empty = everything the backend lists. */
  readonly models: readonly string[];
  /** Its models make embeddings and do not chat. */
  readonly embeddings?: boolean;
  /** Absent = the machine's. */
  readonly clock?: Clock;
}

/** An answer over HTTP. Its body emits `close` when it has ended, in whatever way. */
export interface HttpResponse extends BackendResponse {
  readonly body: IncomingMessage;
}

/** An inference server that somebody else runs: llama.cpp, Ollama, LM Studio, MLX, vLLM, or any with OpenAI's API. */
export class OpenAiBackend implements Backend {
  readonly name: string;
  readonly #api: ServerApi;
  readonly #options: OpenAiBackendOptions;
  readonly #signs: SignWatch;
  readonly #clock: Clock;
  /** Kept while the server can be reached. */
  #reader: ServerReader | undefined;

  constructor(options: OpenAiBackendOptions) {
    const { baseUrl, key, headers, kind, clock = systemClock } = options;
    this.#api = new ServerApi(baseUrl, { key, headers });
    this.name = this.#api.host;
    this.#options = options;
    this.#clock = clock;
    this.#signs = new SignWatch({ clock, read: (models, signal) => this.signs(models, signal) });
    if (kind !== undefined) this.#reader = KINDS[kind].reader(this.#api);
  }

  async probe(signal: AbortSignal): Promise<BackendStatus> {
    try {
      return this.#reachable(await this.#read(signal));
    } catch (error) {
      this.#reader?.forget();
      if (this.#options.kind === undefined) this.#reader = undefined;
      return { type: "unreachable", problem: signal.aborted ? "no answer in time" : problemOf(error) };
    }
  }

  async open(request: BackendRequest, signal: AbortSignal): Promise<HttpResponse> {
    const { body, habits } = this.#reader?.ask?.(request) ?? { body: request.body };
    const call = { method: "POST", url: this.#api.urlOf(request.dialect), body } as const;
    const response = await this.#api.http.send(call, signal);
    return {
      status: response.statusCode ?? 0,
      contentType: response.headers["content-type"] ?? "",
      body: response,
      ...(habits === undefined ? {} : { habits }),
    };
  }

  watch(request: WatchedRequest): Disposable {
    return this.#signs.watch(request);
  }

  /** Counters of what the server does now. @throws Error when no answer comes */
  async signs(models: readonly string[], signal: AbortSignal): Promise<readonly ServerSign[]> {
    return (await this.#reader?.signs?.(models, signal)) ?? [];
  }

  async stop(): Promise<void> {
    this.#api.http.close();
  }

  async #read(signal: AbortSignal): Promise<ServerReading> {
    this.#reader ??= await recognise(this.#api, this.#clock, signal);
    const reading = await this.#reader.read(signal);
    if (this.#reader.isOutdated !== true) return reading;
    this.#reader = await recognise(this.#api, this.#clock, signal);
    return await this.#reader.read(signal);
  }

  #reachable({ models: served, version }: ServerReading): ReachableBackend {
    const { models: wanted, embeddings } = this.#options;
    const kind = this.#reader?.program;
    const backend = kind === undefined ? {} : { backend: { kind, ...(version === undefined ? {} : { version }) } };
    const { models: chosen, missing } = chooseModels(served, wanted, this.#reader?.listsAll ?? false);
    return {
      type: "reachable",
      models: chosen.map(({ advert }) => ({ ...(embeddings === true ? asEmbedder(advert) : advert), ...backend })),
      slots: chosen.map(({ advert, slot }): BackendSlot => ({ model: advert.id, ...slot })),
      sources: new Map(chosen.flatMap(({ advert, source }) => (source === undefined ? [] : [[advert.id, source]]))),
      ...(version === undefined ? {} : { version }),
      ...(missing.length === 0 ? {} : { missing }),
    };
  }
}

function asEmbedder(model: ModelAdvert): ModelAdvert {
  return { ...model, dialects: ["embeddings"], capabilities: { embeddings: true } };
}

function problemOf(error: unknown): string {
  if (error instanceof ServerProblem) return error.message;
  const { code, name } = describeFault(error);
  return code ?? name;
}
