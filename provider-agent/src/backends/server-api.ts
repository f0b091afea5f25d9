import { type Clock, deadline } from "@hearth/platform";
import type { BackendDialect } from "@hearth/protocol";
import { systemClock } from "../platform/clock.js";
import { type HttpAccess, HttpClient, type WholeAnswer } from "./http-client.js";

/** An answer whose body may be JSON. */
export interface JsonAnswer extends WholeAnswer {
  /** `undefined` when the body is no JSON, or too large. */
  readonly json: unknown;
}

/** Paths of each dialect, relative to `/v1/`. */
export const DIALECT_PATHS: Readonly<Record<BackendDialect, string>> = {
  chat_completions: "chat/completions",
  completions: "completions",
  embeddings: "embeddings",
  responses: "responses",
  messages: "messages",
};

/** How long a question waits that a server may leave until its current batch is done, ms. */
const PATIENCE_MS = 1_000;

/** One inference server's endpoints. */
export class ServerApi {
  readonly http: HttpClient;
  readonly host: string;
  readonly #base: URL;
  readonly #clock: Clock;

  /** @param baseUrl up to and including `/v1` */
  constructor(baseUrl: string, access: HttpAccess = {}, clock: Clock = systemClock) {
    this.#base = new URL(baseUrl.endsWith("/") ? baseUrl : `${baseUrl}/`);
    this.host = this.#base.host;
    this.http = new HttpClient(access);
    this.#clock = clock;
  }

  urlOf(dialect: BackendDialect): URL {
    return new URL(DIALECT_PATHS[dialect], this.#base);
  }

  /** @param path from the server's root, like `v1/models` or `props`. @throws Error when no answer comes */
  get(path: string, signal: AbortSignal): Promise<JsonAnswer> {
    return this.#call("GET", path, undefined, signal);
  }

  /** As `get` for what is not worth a wait. @returns `undefined` when no answer comes soon */
  getSoon(path: string, signal: AbortSignal): Promise<JsonAnswer | undefined> {
    return this.#soon((limited) => this.get(path, limited), signal);
  }

  /** As `getSoon`. */
  postSoon(path: string, body: unknown, signal: AbortSignal): Promise<JsonAnswer | undefined> {
    return this.#soon((limited) => this.post(path, body, limited), signal);
  }

  async #soon(ask: (signal: AbortSignal) => Promise<JsonAnswer>, signal: AbortSignal): Promise<JsonAnswer | undefined> {
    using limit = deadline(this.#clock, PATIENCE_MS, signal);
    try {
      return await ask(limit.signal);
    } catch (error) {
      if (limit.signal.aborted && !signal.aborted) return undefined;
      throw error;
    }
  }

  /** @throws Error when no answer comes */
  post(path: string, body: unknown, signal: AbortSignal): Promise<JsonAnswer> {
    return this.#call("POST", path, Buffer.from(JSON.stringify(body)), signal);
  }

  async #call(
    method: "GET" | "POST",
    path: string,
    body: Buffer | undefined,
    signal: AbortSignal,
  ): Promise<JsonAnswer> {
    // Whatever the prefix before `v1` is, the server's other endpoints lie beside it.
    const url = path.startsWith("v1/") ? new URL(path.slice(3), this.#base) : new URL(`../${path}`, this.#base);
    const answer = await this.http.read({ method, url, body }, signal);
    return { ...answer, json: parse(answer.text) };
  }
}

/** The server says that it did what it was asked. */
export const isOk = ({ status }: { readonly status: number }): boolean => status >= 200 && status <= 299;

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
