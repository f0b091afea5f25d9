import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";

export interface HttpCall {
  readonly method: "GET" | "POST";
  readonly url: URL;
  readonly body?: Uint8Array;
  readonly key?: string | undefined;
}

/** Largest body that `readJson` takes, bytes. */
const MAX_JSON_BYTES = 4 * 1024 * 1024;

/** A keep-alive client on node:http: `fetch` and web streams would cost several times the CPU. */
export class HttpClient {
  readonly #agents = { "http:": new Agent({ keepAlive: true }), "https:": new HttpsAgent({ keepAlive: true }) };

  /** Resolves with the response when its headers are here. @throws Error when the connection fails or the signal aborts */
  send({ method, url, body, key }: HttpCall, signal: AbortSignal): Promise<IncomingMessage> {
    const secure = url.protocol === "https:";
    const headers: Record<string, string | number> = { Accept: "application/json, text/event-stream" };
    if (body !== undefined) {
      headers["Content-Type"] = "application/json";
      headers["Content-Length"] = body.length;
    }
    if (key !== undefined) headers["Authorization"] = `Bearer ${key}`;
    const agent = secure ? this.#agents["https:"] : this.#agents["http:"];
    return new Promise((resolve, reject) => {
      const request = (secure ? httpsRequest : httpRequest)(url, { method, headers, agent, signal });
      request.on("response", resolve);
      request.on("error", reject);
      request.end(body);
    });
  }

  /** @returns the parsed body of a 2xx answer, `undefined` for anything else. Never rejects. */
  async getJson(url: URL, key: string | undefined, signal: AbortSignal): Promise<unknown> {
    try {
      const response = await this.send({ method: "GET", url, key }, signal);
      const body = await readBytes(response, MAX_JSON_BYTES);
      const status = response.statusCode ?? 0;
      return status >= 200 && status < 300 ? JSON.parse(body.toString("utf8")) : undefined;
    } catch {
      return undefined;
    }
  }

  close(): void {
    this.#agents["http:"].destroy();
    this.#agents["https:"].destroy();
  }
}

/** Reads at most `maxBytes`; what is over is dropped with the connection. */
export async function readBytes(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= maxBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, maxBytes);
}
