import { statusOf } from "../../api/error-envelope.js";
import type { HearthError } from "../../platform/errors.js";
import type { Consumer } from "../../request/consumer.js";
import type { Ending } from "../../request/relay.js";
import type { KeptAnswer } from "./kept-answer.js";

/** Errors below 500 that pass by themselves: a later try may find what this one did not. */
const PASSING_STATUSES: ReadonlySet<number> = new Set([408, 409, 429]);

/** Hands on what a consumer is told, and keeps it, up to a bound. */
export class RecordingConsumer implements Consumer {
  readonly #consumer: Consumer;
  readonly #maxBytes: number;
  #headers: Record<string, string> = {};
  #told: "nothing" | "json" | "stream" | HearthError = "nothing";
  #pieces: Uint8Array[] = [];
  #bytes = 0;

  /** @param maxBytes of an answer that is kept, without its headers */
  constructor(consumer: Consumer, maxBytes: number) {
    this.#consumer = consumer;
    this.#maxBytes = maxBytes;
  }

  /**
   * What was told, once that is all.
   *
   * @param result how the request ended
   * @returns `undefined` for what may go otherwise the next time, and `too_large` for what is more than is kept
   */
  answer(result: Ending): KeptAnswer | "too_large" | undefined {
    const headers = this.#headers;
    const told = this.#told;
    if (typeof told !== "string") return isFinal(told) ? { type: "error", headers, error: told } : undefined;
    if (told === "nothing" || result !== "success") return undefined;
    if (this.#bytes > this.#maxBytes) return "too_large";
    return { type: told, headers, body: Buffer.concat(this.#pieces, this.#bytes) };
  }

  setHeaders(headers: Readonly<Record<string, string>>): void {
    this.#headers = { ...this.#headers, ...headers };
    this.#consumer.setHeaders(headers);
  }

  sendJson(body: object | Uint8Array): void {
    const bytes = body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body));
    this.#told = "json";
    this.#keep(bytes);
    this.#consumer.sendJson(bytes);
  }

  sendError(error: HearthError): void {
    this.#told = error;
    this.#consumer.sendError(error);
  }

  openStream(): void {
    this.#told = "stream";
    this.#consumer.openStream();
  }

  write(bytes: Uint8Array | string): Promise<void> | undefined {
    this.#keep(bytes);
    return this.#consumer.write(bytes);
  }

  finishStream(...last: readonly (Uint8Array | string)[]): void {
    for (const bytes of last) this.#keep(bytes);
    this.#consumer.finishStream(...last);
  }

  endStream(...last: readonly (Uint8Array | string)[]): void {
    for (const bytes of last) this.#keep(bytes);
    this.#consumer.endStream(...last);
  }

  #keep(bytes: Uint8Array | string): void {
    const piece = typeof bytes === "string" ? Buffer.from(bytes) : bytes;
    this.#bytes += piece.length;
    if (this.#bytes <= this.#maxBytes) this.#pieces.push(piece);
    else this.#pieces = [];
  }
}

/** The same request would be told the same again. */
function isFinal(error: HearthError): boolean {
  const status = statusOf(error);
  return status < 500 && !PASSING_STATUSES.has(status);
}
