import type { Chunk } from "../dispatch/types.js";
import type { HearthError } from "../platform/errors.js";

/** The consumer's end of the connection. */
export interface Consumer {
  /** Headers for whatever is sent first. */
  setHeaders(headers: Readonly<Record<string, string>>): void;
  /** Sends a whole answer. */
  sendJson(body: unknown): void;
  /** Sends an error with the status that its code stands for; nothing has been sent before. */
  sendError(error: HearthError): void;
  /** Sends the status line and headers of an event stream. */
  openStream(): void;
  /**
   * Sends bytes of an open stream.
   *
   * @returns a promise when the consumer is slow: write again when it resolves. It rejects when the consumer is cut off.
   */
  write(bytes: Uint8Array | string): Promise<void> | undefined;
  endStream(): void;
  /** Ends a stream so that no client can take it for complete. */
  breakStream(): void;
}

/** One answer to one consumer, in its dialect and form (stream or whole). */
export interface Reply {
  /** The first content is here, or the clean end of an answer without any. */
  open(): void;
  write(chunk: Chunk): Promise<void> | undefined;
  /** The answer is complete. */
  complete(): void;
  /** The answer failed after `open`. Before it, the error goes straight to the consumer. */
  fail(error: HearthError): void;
}

/** A consumer-facing API form: reads requests and writes replies. */
export interface Dialect<Request> {
  /** @throws HearthError `invalid_request` with `param` */
  normalise(body: Buffer): Request;
  reply(request: Request, consumer: Consumer): Reply;
}
