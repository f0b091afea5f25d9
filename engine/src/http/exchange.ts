import type { IncomingMessage, ServerResponse } from "node:http";
import { ApiError } from "../api/api-error.js";
import { EventStream } from "./event-stream.js";

const MAX_BODY_BYTES = 16 * 1024 * 1024;
/** Seconds after which a client that found no room may come back. */
const RETRY_AFTER_S = "2";

/** One HTTP request and its response. */
export class Exchange {
  readonly #cancelled = new AbortController();
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#request = request;
    this.#response = response;
    response.once("close", () => {
      if (!response.writableFinished) this.cancel();
    });
  }

  /** Comes when the client leaves before its answer is complete, or when the server stops. */
  get signal(): AbortSignal {
    return this.#cancelled.signal;
  }

  /** Gives the answer up. */
  cancel(): void {
    this.#cancelled.abort();
  }

  /** Gives the answer up, and the rest of a request that has not come yet: whoever waits for that has waited enough. */
  abandon(): void {
    this.cancel();
    if (!this.#request.complete) this.#request.destroy();
  }

  get method(): string {
    return this.#request.method ?? "";
  }

  /** Without the query. */
  get path(): string {
    return (this.#request.url ?? "").split("?", 1)[0] ?? "";
  }

  get authorization(): string {
    return this.#request.headers.authorization ?? "";
  }

  /** @throws {ApiError} `request_too_large`, `invalid_json` */
  async readJson(): Promise<unknown> {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of this.#request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > MAX_BODY_BYTES) {
        throw new ApiError("request_too_large", `The body is larger than ${MAX_BODY_BYTES} bytes.`);
      }
      chunks.push(chunk);
    }
    try {
      return JSON.parse(Buffer.concat(chunks).toString("utf8"));
    } catch (cause) {
      throw new ApiError("invalid_json", "The body is not valid JSON.", { cause });
    }
  }

  async sendJson(status: number, body: unknown, headers: Record<string, string> = {}): Promise<void> {
    const bytes = Buffer.from(JSON.stringify(body));
    this.#response.writeHead(status, {
      ...headers,
      "content-type": "application/json",
      "content-length": bytes.length,
    });
    this.#response.end(bytes);
  }

  /** Sends the headers of a stream: from here on errors can only be told in it. */
  startEvents(): EventStream {
    this.#response.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
    });
    return new EventStream(this.#response, this.signal);
  }

  /** Answers with an error: in the status if that is still open, otherwise as the stream's last event, without `[DONE]`. */
  async fail(error: ApiError): Promise<void> {
    const response = this.#response;
    if (response.destroyed || response.writableEnded) return;
    if (response.headersSent) {
      response.end(`data: ${JSON.stringify(error.envelope)}\n\n`);
      return;
    }
    // What is left of a body nobody reads would be taken for the next request.
    if (!this.#request.complete) response.shouldKeepAlive = false;
    await this.sendJson(error.status, error.envelope, error.status === 503 ? { "retry-after": RETRY_AFTER_S } : {});
  }
}
