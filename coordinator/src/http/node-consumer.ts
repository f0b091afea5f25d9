import type { ServerResponse } from "node:http";
import type { Clock } from "@hearth/platform";
import { type ErrorResponse, errorResponse } from "../api/error-envelope.js";
import { HearthError } from "../platform/errors.js";
import type { Consumer, ErrorBody } from "../request/consumer.js";

/** What waits unsent for one consumer at most, bytes, before it is cut off. */
const MAX_BUFFERED_BYTES = 256 * 1024;
/** Events of one turn are joined up to this, bytes. */
const MAX_HELD_BYTES = 16 * 1024;
/** How long a consumer may leave a full buffer unread before it is cut off, ms. */
const MAX_BLOCKED_MS = 30_000;
/** A silent stream gets a comment this often, ms, so that nothing between takes it for dead. */
const KEEP_ALIVE_MS = 15_000;

export const JSON_TYPE = "application/json; charset=utf-8";
export const STREAM_TYPE = "text/event-stream; charset=utf-8";

/** An answer that is sent in one piece. */
export interface WholeAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Its content type. */
  readonly type: string;
  readonly body: Uint8Array;
}

/** Writes to the raw Node response, whole events only, at the consumer's pace. */
export class NodeConsumer implements Consumer {
  readonly #response: ServerResponse;
  readonly #clock: Clock;
  readonly #errorBody: ErrorBody;
  #keepAlive: Disposable | undefined;
  #lastWriteAt = 0;
  #held: Uint8Array[] = [];
  #heldBytes = 0;

  /** @param errorBody the form of errors that are told before the answer has begun */
  constructor(response: ServerResponse, clock: Clock, errorBody: ErrorBody) {
    this.#response = response;
    this.#clock = clock;
    this.#errorBody = errorBody;
  }

  setHeaders(headers: Readonly<Record<string, string>>): void {
    if (this.#response.headersSent) return;
    for (const name in headers) this.#response.setHeader(name, headers[name] as string);
  }

  sendJson(body: object | Uint8Array): void {
    sendTo(this.#response, 200, body instanceof Uint8Array ? body : JSON.stringify(body));
  }

  /** Sends a whole answer of any kind, if the response can still carry one. */
  sendWhole({ status, headers, type, body }: WholeAnswer): void {
    sendTo(this.#response, status, body, { "Content-Type": type, ...headers });
  }

  sendError(error: HearthError): void {
    sendErrorTo(this.#response, errorResponse(error, this.#errorBody));
  }

  openStream(): void {
    this.#response.writeHead(200, {
      "Content-Type": STREAM_TYPE,
      "Cache-Control": "no-cache, no-transform",
      "X-Accel-Buffering": "no",
    });
    this.#lastWriteAt = this.#clock.now();
    this.#armKeepAlive(KEEP_ALIVE_MS);
  }

  write(bytes: Uint8Array | string): Promise<void> | undefined {
    if (this.#response.destroyed) return undefined;
    this.#lastWriteAt = this.#clock.now();
    this.#hold(bytes);
    if (this.#heldBytes < MAX_HELD_BYTES && !this.#response.writableNeedDrain) return undefined;
    // What waits already, not this write: one event may be larger than the limit by itself.
    if (this.#response.writableLength > MAX_BUFFERED_BYTES) return Promise.reject(this.#cut());
    this.#flush();
    return this.#response.writableNeedDrain ? this.#drained() : undefined;
  }

  finishStream(...last: readonly (Uint8Array | string)[]): void {
    this.#stopKeepAlive();
    for (const event of last) this.#hold(event);
    this.#flush();
  }

  /** Waits for nobody: there is nothing more to hold back. */
  endStream(...last: readonly (Uint8Array | string)[]): void {
    this.#stopKeepAlive();
    if (this.#response.destroyed) return;
    for (const event of last) this.#hold(event);
    this.#flush();
    this.#response.end();
  }

  /** Gives back what the response held; call when the request is over, however it ended. */
  close(): void {
    this.#stopKeepAlive();
  }

  /** Events that come in one turn leave in one write. */
  #hold(bytes: Uint8Array | string): void {
    if (this.#held.length === 0) process.nextTick(() => this.#flush());
    const event = typeof bytes === "string" ? Buffer.from(bytes) : bytes;
    this.#held.push(event);
    this.#heldBytes += event.length;
  }

  #flush(): void {
    const [first] = this.#held;
    if (first === undefined) return;
    const bytes = this.#held.length === 1 ? first : Buffer.concat(this.#held, this.#heldBytes);
    this.#held = [];
    this.#heldBytes = 0;
    if (!this.#response.destroyed) this.#response.write(bytes);
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
  // The rest of a refused body is not read.
  const connection = status === 413 ? { Connection: "close" } : {};
  sendTo(response, status, JSON.stringify(body), { ...headers, ...connection });
}

/** JSON, unless the headers say otherwise. */
function sendTo(
  response: ServerResponse,
  status: number,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, {
    "Content-Type": JSON_TYPE,
    "Content-Length": typeof body === "string" ? Buffer.byteLength(body) : body.length,
    ...headers,
  });
  response.end(body);
}
