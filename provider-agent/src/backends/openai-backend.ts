import { Readable } from "node:stream";
import { type Clock, describeFault } from "@hearth/platform";
import type { ModelAdvert } from "@hearth/protocol";
import { hasCode } from "../platform/agent-error.js";
import { systemClock } from "../platform/clock.js";
import { askUntilAnswered, type HttpResponse } from "./asking.js";
import type { Backend, BackendRequest, BackendSlot, BackendStatus, ModelSource, ReachableBackend } from "./backend.js";
import { chooseModels } from "./choose-models.js";
import { decodedBody } from "./decoded-body.js";
import type { HttpAccess } from "./http-client.js";
import { answeringAs, askingFor, modelIn } from "./model-names.js";
import type { Inability } from "./other-asking.js";
import { recognise } from "./recognise-server.js";
import { ServerApi } from "./server-api.js";
import type { ServerReader, ServerReading } from "./server-profile.js";
import { profileOf, type ServerKind } from "./server-profiles.js";
import { withShortIds } from "./short-ids.js";
import { type ServerSign, SignWatch, type WatchedRequest } from "./sign-watch.js";

export interface OpenAiBackendOptions extends HttpAccess {
  /** Up to and including `/v1`. */
  readonly baseUrl: string;
  /** What it is; absent = any server that speaks OpenAI's API, recognised by what its list or its own endpoints say. */
  readonly kind?: ServerKind;
  /** Advertise only these, as far as they are there; empty = everything the backend lists. */
  readonly models: readonly string[];
  /** Its models make embeddings and do not chat. */
  readonly embeddings?: boolean;
  /** It has `/completions` beside chats, though nothing shows it: prompts are not sent as chats then. */
  readonly completions?: boolean;
  /** Absent = the machine's. */
  readonly clock?: Clock;
}

/** An inference server that the agent does not run itself: llama.cpp, Ollama, LM Studio, MLX, vLLM, or any with OpenAI's API. */
export class OpenAiBackend implements Backend {
  readonly name: string;
  readonly #api: ServerApi;
  readonly #options: OpenAiBackendOptions;
  readonly #signs: SignWatch;
  readonly #clock: Clock;
  readonly #cannot = new Map<string, Set<Inability>>();
  /** What the server calls models that are advertised under another id, by that id. */
  #serverIds: ReadonlyMap<string, string> = new Map();
  /** How often the server was gone: it may have come back otherwise configured. */
  #timesGone = 0;
  /** Kept while the server can be reached. */
  #reader: ServerReader | undefined;

  constructor(options: OpenAiBackendOptions) {
    const { baseUrl, key, headers, kind, clock = systemClock } = options;
    this.#api = new ServerApi(baseUrl, { key, headers });
    this.name = this.#api.host;
    this.#options = options;
    this.#clock = clock;
    this.#signs = new SignWatch({ clock, read: (models, signal) => this.signs(models, signal) });
    if (kind !== undefined) this.#reader = profileOf(kind).reader(this.#api);
  }

  async probe(signal: AbortSignal): Promise<BackendStatus> {
    try {
      return this.#reachable(await this.#read(signal));
    } catch (error) {
      this.#reader?.forget();
      // One that is only slow is the same still.
      if (!signal.aborted) this.#timesGone += 1;
      if (this.#options.kind === undefined) this.#reader = undefined;
      return { type: "unreachable", problem: signal.aborted ? "no answer in time" : problemOf(error) };
    }
  }

  async open(request: BackendRequest, signal: AbortSignal): Promise<HttpResponse> {
    const known = this.#inabilities(request.model ?? "");
    return await askUntilAnswered({
      body: request.body,
      clock: this.#clock,
      cannot: request.needsStringTypes === true ? new Set([...known, "loose_types"]) : known,
      send: (body) => this.#send({ ...request, body }, signal),
      learn: (cannot) => void cannot.forEach((each) => void known.add(each)),
    });
  }

  async #send(request: BackendRequest, signal: AbortSignal): Promise<HttpResponse> {
    const model = this.#serverIds.size === 0 ? undefined : (request.model ?? modelIn(request.body));
    const serverId = model === undefined ? undefined : this.#serverIds.get(model);
    const told = serverId === undefined ? request : { ...request, body: askingFor(serverId, request.body) };
    const { body, habits } = this.#reader?.ask?.(told) ?? { body: told.body };
    const { dialect, traceparent } = request;
    const call = { method: "POST", url: this.#api.urlOf(dialect), body, traceparent } as const;
    const response = await this.#api.http.send(call, signal);
    const answer = decodedBody(response);
    return {
      status: response.statusCode ?? 0,
      contentType: response.headers["content-type"] ?? "",
      body: model === undefined || serverId === undefined ? answer : renamed(answer, model, serverId),
      ...(habits === undefined ? {} : { habits }),
    };
  }

  /** What the server has refused with this model, until the agent starts anew. */
  #inabilities(model: string): Set<Inability> {
    const known = this.#cannot.get(model) ?? new Set();
    this.#cannot.set(model, known);
    return known;
  }

  watch(request: WatchedRequest): Disposable {
    return this.#signs.watch(request);
  }

  /** Counters of what the server does now. @throws Error when no answer comes */
  async signs(models: readonly string[], signal: AbortSignal): Promise<readonly ServerSign[]> {
    const asked = models.map((model) => this.#serverIds.get(model) ?? model);
    const signs = (await this.#reader?.signs?.(asked, signal)) ?? [];
    if (this.#serverIds.size === 0) return signs;
    const ours = new Map([...this.#serverIds].map(([model, serverId]) => [serverId, model]));
    return signs.map((sign) => {
      const { of } = sign;
      return of.type === "model" ? { ...sign, of: { ...of, model: ours.get(of.model) ?? of.model } } : sign;
    });
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

  #sourceNow(source: ModelSource): ModelSource {
    const { renderer } = source;
    if (renderer === undefined) return source;
    return { ...source, renderer: { ...renderer, stamp: `${this.#timesGone} ${renderer.stamp}` } };
  }

  #reachable({ models: served, version }: ServerReading): ReachableBackend {
    const { models: wanted } = this.#options;
    const kind = this.#reader?.program;
    const backend = kind === undefined ? {} : { backend: { kind, ...(version === undefined ? {} : { version }) } };
    const { models: chosen, missing } = chooseModels(withShortIds(served), wanted, this.#reader?.listsAll ?? false);
    this.#serverIds = new Map(
      chosen.flatMap(({ advert, serverId }) => (serverId === undefined ? [] : [[advert.id, serverId]])),
    );
    return {
      type: "reachable",
      models: chosen.map(({ advert }) => ({ ...asTold(advert, this.#options), ...backend })),
      slots: chosen.map(({ advert, slot }): BackendSlot => ({ model: advert.id, ...slot })),
      sources: new Map(
        chosen.flatMap(({ advert, source }) => (source === undefined ? [] : [[advert.id, this.#sourceNow(source)]])),
      ),
      ...(version === undefined ? {} : { version }),
      ...(missing.length === 0 ? {} : { missing }),
    };
  }
}

/** As the response itself, it ends with what it is read from, and ends that. */
function renamed(body: Readable, model: string, serverId: string): Readable {
  return Readable.from(answeringAs(model, { body, serverId }), { objectMode: false });
}

/** What the owner says of a server's models comes before what the server says. */
function asTold(model: ModelAdvert, { embeddings, completions }: OpenAiBackendOptions): ModelAdvert {
  if (embeddings === true) return { ...model, dialects: ["embeddings"], capabilities: { embeddings: true } };
  const { dialects = ["chat_completions"] } = model;
  if (completions !== true || !dialects.includes("chat_completions") || dialects.includes("completions")) return model;
  return { ...model, dialects: [...dialects, "completions"] };
}

function problemOf(error: unknown): string {
  if (hasCode(error, "server_unusable")) return error.message;
  const { code, name } = describeFault(error);
  return code ?? name;
}
