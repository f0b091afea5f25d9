import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { decodedBody } from "./decoded-body.js";
import { applyHeaderRules, type HeaderRules, type Headers } from "./header-rules.js";

export interface HttpCall {
  readonly method: "GET" | "POST";
  readonly url: URL;
  readonly body?: Uint8Array | undefined;
  readonly traceparent?: string | undefined;
}

export interface HttpAccess {
  readonly key?: string | undefined;
  readonly headers?: HeaderRules | undefined;
}

/** An answer that was read to its end. */
export interface WholeAnswer {
  readonly status: number;
  /** What the server calls itself. */
  readonly server: string;
  /** Empty when it is too large. */
  readonly text: string;
}

/** Largest body that `read` takes, bytes. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

/** A keep-alive client on node:http: `fetch` and web streams would cost several times the CPU. */
export class HttpClient {
  readonly #agents = { "http:": new Agent({ keepAlive: true }), "https:": new HttpsAgent({ keepAlive: true }) };
  readonly #access: HttpAccess;

  constructor(access: HttpAccess = {}) {
    this.#access = access;
  }

  /** Resolves with the response when its headers are here. @throws Error when the connection fails or the signal aborts */
  async send(call: HttpCall, signal: AbortSignal): Promise<IncomingMessage> {
    const secure = call.url.protocol === "https:";
    const agent = secure ? this.#agents["https:"] : this.#agents["http:"];
    const headers = applyHeaderRules(headersOf(call, this.#access.key), this.#access.headers);
    const first = await attempt(call, { agent, headers }, signal);
    if ("response" in first) return first.response;
    if (!first.stale) throw first.error;
    const second = await attempt(call, { agent: false, headers }, signal);
    if ("response" in second) return second.response;
    throw second.error;
  }

  /** Sends, and reads the answer to its end. @throws Error when no answer comes */
  async read(call: HttpCall, signal: AbortSignal): Promise<WholeAnswer> {
    const response = await this.send(call, signal);
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of decodedBody(response) as AsyncIterable<Uint8Array>) {
      bytes += chunk.length;
      if (bytes > MAX_BODY_BYTES) break;
      chunks.push(chunk);
    }
    const text = bytes > MAX_BODY_BYTES ? "" : Buffer.concat(chunks).toString("utf8");
    return { status: response.statusCode ?? 0, server: String(response.headers["server"] ?? ""), text };
  }

  /** Cuts every connection, also those in use. */
  close(): void {
    this.#agents["http:"].destroy();
    this.#agents["https:"].destroy();
  }
}

type Attempt =
  | { readonly response: IncomingMessage }
  /** `stale`: it went to a kept connection that the server had just closed, and saw nothing of the request. */
  | { readonly error: Error; readonly stale: boolean };

interface Way {
  /** `false` = a connection of its own. */
  readonly agent: Agent | false;
  readonly headers: Headers;
}

function attempt(call: HttpCall, { agent, headers }: Way, signal: AbortSignal): Promise<Attempt> {
  const { method, url, body } = call;
  const start = url.protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve) => {
    if (signal.aborted) return resolve({ error: abortError(signal), stale: false });
    const request = start(url, { method, headers, agent });
    // Without an error of its own: one that comes when the answer is in already would find nobody listening.
    const abort = (): void => void request.destroy();
    signal.addEventListener("abort", abort, { once: true });
    request.on("close", () => signal.removeEventListener("abort", abort));
    request.on("response", (response) => resolve({ response }));
    request.on("error", (error: NodeJS.ErrnoException) => {
      if (signal.aborted) return resolve({ error: abortError(signal), stale: false });
      resolve({ error, stale: request.reusedSocket && error.code === "ECONNRESET" });
    });
    request.end(body);
  });
}

function abortError({ reason }: AbortSignal): Error {
  return new DOMException("The call was aborted.", { name: "AbortError", cause: reason });
}

function headersOf({ body, traceparent }: HttpCall, key: string | undefined): Headers {
  return {
    Accept: "application/json, text/event-stream",
    // Over loopback it would cost more than it saves, and hold back what is to come at once.
    "Accept-Encoding": "identity",
    ...(body === undefined ? {} : { "Content-Type": "application/json", "Content-Length": body.length }),
    ...(key === undefined ? {} : { Authorization: `Bearer ${key}` }),
    ...(traceparent === undefined ? {} : { traceparent }),
  };
}
