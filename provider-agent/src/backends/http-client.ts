import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";

export interface HttpCall {
  readonly method: "GET" | "POST";
  readonly url: URL;
  readonly body?: Uint8Array;
  readonly key?: string | undefined;
}

export interface JsonAnswer {
  readonly status: number;
  /** `undefined` when the body is no JSON, or too large. */
  readonly json: unknown;
}

/** Largest body that `getJson` takes, bytes. */
const MAX_JSON_BYTES = 4 * 1024 * 1024;

/** A keep-alive client on node:http: `fetch` and web streams would cost several times the CPU. */
export class HttpClient {
  readonly #agents = { "http:": new Agent({ keepAlive: true }), "https:": new HttpsAgent({ keepAlive: true }) };

  /** Resolves with the response when its headers are here. @throws Error when the connection fails or the signal aborts */
  async send(call: HttpCall, signal: AbortSignal): Promise<IncomingMessage> {
    const secure = call.url.protocol === "https:";
    const agent = secure ? this.#agents["https:"] : this.#agents["http:"];
    const first = await attempt(call, agent, signal);
    if ("response" in first) return first.response;
    if (!first.stale) throw first.error;
    const second = await attempt(call, false, signal);
    if ("response" in second) return second.response;
    throw second.error;
  }

  /** @throws Error when no answer comes */
  async getJson(url: URL, key: string | undefined, signal: AbortSignal): Promise<JsonAnswer> {
    const response = await this.send({ method: "GET", url, key }, signal);
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of response as AsyncIterable<Uint8Array>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > MAX_JSON_BYTES) break;
    }
    return { status: response.statusCode ?? 0, json: parse(Buffer.concat(chunks)) };
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

/** @param agent `false` = a connection of its own */
function attempt(call: HttpCall, agent: Agent | false, signal: AbortSignal): Promise<Attempt> {
  const { method, url, body } = call;
  const start = url.protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve) => {
    if (signal.aborted) return resolve({ error: abortError(signal), stale: false });
    const request = start(url, { method, headers: headersOf(call), agent });
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

function headersOf({ body, key }: HttpCall): Record<string, string | number> {
  return {
    Accept: "application/json, text/event-stream",
    ...(body === undefined ? {} : { "Content-Type": "application/json", "Content-Length": body.length }),
    ...(key === undefined ? {} : { Authorization: `Bearer ${key}` }),
  };
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}
