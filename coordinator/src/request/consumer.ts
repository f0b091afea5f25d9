import type { Clock } from "@hearth/platform";
import type { RequestId, Usage } from "@hearth/protocol";
import type { Chunk } from "../dispatch/types.js";
import type { HearthError } from "../platform/errors.js";
import type { MicroUsd } from "../platform/micro-usd.js";
import type { AccountResponses, StoredResponse } from "../stored-responses/stored-responses.js";
import type { BodyBounds } from "./body-bounds.js";

/** The consumer's end of the connection. */
export interface Consumer {
  /** Sets headers, to be sent with the first bytes. */
  setHeaders(headers: Readonly<Record<string, string>>): void;
  /** Sends a whole answer: a value to serialise, or the bytes of JSON that is ready. */
  sendJson(body: object | Uint8Array): void;
  /** Sends an error in the dialect's form, with the status of its code. Nothing may have been sent before. */
  sendError(error: HearthError): void;
  /** Sends the status line and headers of an event stream. */
  openStream(): void;
  /**
   * Sends bytes of an open stream.
   *
   * @returns a promise when the consumer is slow: write again when it resolves. It rejects when the consumer is cut off.
   */
  write(bytes: Uint8Array | string): Promise<void> | undefined;
  /** Sends the last events at once and leaves the stream open for `endStream`. */
  finishStream(...last: readonly (Uint8Array | string)[]): void;
  /** Sends the last events, the dialect's own mark of success or failure among them, and ends the stream. */
  endStream(...last: readonly (Uint8Array | string)[]): void;
}

/** One answer to one consumer, in its dialect and form (stream or whole). */
export interface Reply {
  /** The answer begins: its first content is here, or its end if it has no content. */
  open(): void;
  write(chunk: Chunk): Promise<void> | undefined;
  /** The answer is complete. `usage` is the provider's count, for answers whose events told none. */
  complete(usage: Usage): void;
  /** The answer failed after `open`. Earlier errors go straight to the consumer. */
  fail(error: HearthError): void;
}

/** Where answers are stored to which the consumer may refer later. */
export interface Keeping {
  readonly responses: AccountResponses;
  /** The answer that will be stored has begun. Until it is over, its consumer may cancel it by another request. */
  readonly begun: (response: StoredResponse["response"]) => void;
}

/** What a dialect is made with, anew for each request. */
export interface DialectContext {
  readonly id: RequestId;
  readonly clock: Clock;
  /** Limits of the body. */
  readonly bounds: BodyBounds;
  /** To be called once the caller is known; `undefined` = nothing may be stored. */
  readonly keeping?: () => Keeping | undefined;
}

/** The JSON body of an error in a dialect's own form. */
export type ErrorBody = (error: HearthError) => object;

/** Writes the cost of an answer into its usage. */
export interface CostWriter {
  /** @param body of a whole answer, as `sendJson` takes it */
  whole(body: object | Uint8Array, cost: MicroUsd): object | Uint8Array;
  /** @param event one of the last of a stream */
  event(event: Uint8Array | string, cost: MicroUsd): Uint8Array | string;
}

/** A consumer-facing API form: reads requests and writes replies. */
export interface Dialect<Request> {
  /** The body of errors before anything else was sent. */
  readonly errorBody: ErrorBody;
  /**
   * Reads a body. A large one is read over several turns of the event loop.
   *
   * @throws HearthError `invalid_request` with `param`
   */
  normalise(body: Buffer): Request | Promise<Request>;
  reply(request: Request, consumer: Consumer): Reply;
  /** Absent = its answers have no member for the cost. */
  readonly cost?: CostWriter;
}
