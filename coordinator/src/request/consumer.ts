import type { Clock } from "@hearth/platform";
import type { RequestId, Usage } from "@hearth/protocol";
import type { Chunk } from "../dispatch/types.js";
import type { HearthError } from "../platform/errors.js";
import type { MicroUsd } from "../platform/micro-usd.js";
import type { AccountResponses, StoredResponse } from "../stored-responses/stored-responses.js";
import type { BodyBounds } from "./body-bounds.js";

/** The consumer's end of the connection. */
export interface Consumer {
  /** Headers for whatever is sent first. */
  setHeaders(headers: Readonly<Record<string, string>>): void;
  /** Sends a whole answer: a value to serialise, or the bytes of JSON that is ready. */
  sendJson(body: object | Uint8Array): void;
  /** Sends an error in the dialect's form, with the status that its code stands for; nothing has been sent before. */
  sendError(error: HearthError): void;
  /** Sends the status line and headers of an event stream. */
  openStream(): void;
  /**
   * Sends bytes of an open stream.
   *
   * @returns a promise when the consumer is slow: write again when it resolves. It rejects when the consumer is cut off.
   */
  write(bytes: Uint8Array | string): Promise<void> | undefined;
  /** Sends the last events at once, waiting for nobody, and leaves the stream open for `endStream`. */
  finishStream(...last: readonly (Uint8Array | string)[]): void;
  /** Sends the last events, the dialect's own mark of success or failure among them, and ends the stream. */
  endStream(...last: readonly (Uint8Array | string)[]): void;
}

/** One answer to one consumer, in its dialect and form (stream or whole). */
export interface Reply {
  /** The first content is here, or the clean end of an answer without any. */
  open(): void;
  write(chunk: Chunk): Promise<void> | undefined;
  /** The answer is complete. `usage` is the provider's own count, for where its events had none. */
  complete(usage: Usage): void;
  /** The answer failed after `open`. Before it, the error goes straight to the consumer. */
  fail(error: HearthError): void;
}

/** Where answers are kept that their consumer may refer to. */
export interface Keeping {
  readonly responses: AccountResponses;
  /** The answer has begun that will be kept: until it is over, its consumer may end it from elsewhere. */
  readonly begun: (response: StoredResponse["response"]) => void;
}

/** What a dialect is made with, anew for each request. */
export interface DialectContext {
  readonly id: RequestId;
  readonly clock: Clock;
  /** What its body may consist of. */
  readonly bounds: BodyBounds;
  /** Asked when the caller is known; `undefined` = nothing may be kept. */
  readonly keeping?: () => Keeping | undefined;
}

/** The JSON body of an error in a dialect's own form. */
export type ErrorBody = (error: HearthError) => object;

/** Writes what an answer has cost into the last that is told of it. */
export interface CostWriter {
  /** @param body of a whole answer, as `sendJson` takes it */
  whole(body: object | Uint8Array, cost: MicroUsd): object | Uint8Array;
  /** @param event one of the last of a stream */
  event(event: Uint8Array | string, cost: MicroUsd): Uint8Array | string;
}

/** A consumer-facing API form: reads requests and writes replies. */
export interface Dialect<Request> {
  /** The form of errors that are told before anything else was sent. */
  readonly errorBody: ErrorBody;
  /**
   * Reads a body. A large one is read over several turns of the event loop.
   *
   * @throws HearthError `invalid_request` with `param`
   */
  normalise(body: Buffer): Request | Promise<Request>;
  reply(request: Request, consumer: Consumer): Reply;
  /** Absent = its answers have no place for what they cost. */
  readonly cost?: CostWriter;
}
