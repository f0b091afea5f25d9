import type { ServerResponse } from "node:http";
import { type ErrorResponse, errorResponse } from "../api/error-envelope.js";
import type { Clock } from "../platform/clock.js";
import { HearthError } from "../platform/errors.js";
import type { Consumer } from "../request/consumer.js";

/** What waits unsent for one consumer at most, bytes, before it is cut off. */
const MAX_BUFFERED_BYTES = 256 * 1024;
/** How long a consumer may leave a full buffer unread before it is cut off, ms. */
const MAX_BLOCKED_MS = 30_000;
/** A silent stream gets a comment this often, ms, so that nothing between takes it for dead. */
const KEEP_ALIVE_MS = 15_000;

/** Writes to the raw Node response: one `write` an event, never part of one, at the consumer's pace. */
export class NodeConsumer implements Consumer {
  readonly #response: ServerResponse;
  readonly #clock: Clock;
  #keepAlive: Disposable | undefined;
  #lastWriteAt = 0;

  constructor(response: ServerResponse, clock: Clock) {
    this.#response = response;
    this.#clock = clock;
  }

  setHeaders(headers: Readonly<Record<string, string>>): void {
    if (this.#response.headersSent) return;
    for (const name in headers) this.#response.setHeader(name, headers[name] as string);
  }

  sendJson(body: unknown): void {
    this.#send(200, JSON.stringify(body), {});
  }

  sendError(error: HearthError): void {
    sendErrorTo(this.#response, errorResponse(error));
  }

  openStream(): void {
    this.#response.writeHead(200, {
      "Content-Type": "text/event-stream; charset=utf-8",
      "Cache-Control": "no-cache, no-transform",
      "X-Accel-Buffering": "no",
    });
    this.#lastWriteAt = this.#clock.now();
    this.#armKeepAlive(KEEP_ALIVE_MS);
  }

  write(bytes: Uint8Array | string): Promise<void> | undefined {
    const response = this.#response;
    if (response.destroyed) return undefined;
    this.#lastWriteAt = this.#clock.now();
    if (response.write(bytes)) return undefined;
    if (response.writableLength > MAX_BUFFERED_BYTES) return Promise.reject(this.#cut());
    return this.#drained();
  }

  endStream(): void {
    this.#stopKeepAlive();
    this.#response.end();
  }

  /** The error event goes out, then the connection: HTTP itself says that this was no complete answer. */
  breakStream(): void {
    this.#stopKeepAlive();
    const { socket } = this.#response;
    if (socket === null) this.#response.destroy();
    else socket.end();
  }

  /** Gives back what the response held; call when the request is over, however it ended. */
  close(): void {
    this.#stopKeepAlive();
  }

  #send(status: number, body: string, headers: Readonly<Record<string, string>>): void {
    const response = this.#response;
    if (response.headersSent || response.destroyed) return;
    response.writeHead(status, {
      "Content-Type": "application/json; charset=utf-8",
      "Content-Length": Buffer.byteLength(body),
      ...headers,
    });
    response.end(body);
  }

  #drained(): Promise<void> {
    const response = this.#response;
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        blocked[Symbol.dispose]();
        response.off("drain", onDrain).off("close", onClose);
        act();
      };
      const onDrain = (): void => settle(resolve);
      const onClose = (): void => settle(resolve);
      const blocked = this.#clock.setTimer(MAX_BLOCKED_MS, () => settle(() => reject(this.#cut())));
      response.on("drain", onDrain).on("close", onClose);
    });
  }

  #cut(): HearthError {
    this.#response.destroy();
    return new HearthError("cancelled", "The consumer did not read for too long.");
  }

  /** One timer a stream, moved only when it fires. */
  #armKeepAlive(ms: number): void {
    this.#keepAlive = this.#clock.setTimer(ms, () => {
      const silentMs = this.#clock.now() - this.#lastWriteAt;
      if (silentMs < KEEP_ALIVE_MS) return this.#armKeepAlive(KEEP_ALIVE_MS - silentMs);
      if (!this.#response.destroyed && !this.#response.writableNeedDrain) this.#response.write(": keep-alive\n\n");
      this.#armKeepAlive(KEEP_ALIVE_MS);
    });
  }

  #stopKeepAlive(): void {
    this.#keepAlive?.[Symbol.dispose]();
    this.#keepAlive = undefined;
  }
}

/** Sends an error, if the response can still carry one. */
export function sendErrorTo(response: ServerResponse, { status, headers, body }: ErrorResponse): void {
  if (response.headersSent || response.destroyed) return;
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "Content-Type": "application/json; charset=utf-8",
    "Content-Length": Buffer.byteLength(text),
    // The rest of a refused body is not read.
    ...(status === 413 ? { Connection: "close" } : {}),
    ...headers,
  });
  response.end(text);
}
