import type { SignedBlobText } from "@hearth/protocol";
import type { HearthError } from "../platform/errors.js";
import type { Consumer } from "./consumer.js";

/** Ends a stream with the provider's receipt, as a comment that no client of any dialect looks at unless it wants to. */
export class ReceiptedConsumer implements Consumer {
  /** Known when the answer is complete. */
  receipt: SignedBlobText | undefined;
  readonly #consumer: Consumer;

  constructor(consumer: Consumer) {
    this.#consumer = consumer;
  }

  setHeaders(headers: Readonly<Record<string, string>>): void {
    this.#consumer.setHeaders(headers);
  }

  sendJson(body: object | Uint8Array): void {
    this.#consumer.sendJson(body);
  }

  sendError(error: HearthError): void {
    this.#consumer.sendError(error);
  }

  openStream(): void {
    this.#consumer.openStream();
  }

  write(bytes: Uint8Array | string): Promise<void> | undefined {
    return this.#consumer.write(bytes);
  }

  endStream(...last: readonly (Uint8Array | string)[]): void {
    if (this.receipt === undefined) return this.#consumer.endStream(...last);
    const { blob, signature } = this.receipt;
    this.#consumer.endStream(...last, `: hearth-receipt ${JSON.stringify({ blob, signature })}\n\n`);
  }
}
