import { once } from "node:events";
import type { Writable } from "node:stream";

/**
 * Server-sent events on a response whose headers are out: one write an event. A client that reads slowly holds the
 * answer up instead of filling this process's memory.
 */
export class EventStream {
  readonly #output: Writable;
  readonly #signal: AbortSignal;

  /** The signal ends a wait for the client; it must come when the client leaves. */
  constructor(output: Writable, signal: AbortSignal) {
    this.#output = output;
    this.#signal = signal;
  }

  send(data: unknown): Promise<void> {
    return this.#write(`data: ${JSON.stringify(data)}\n\n`);
  }

  /** The end of a stream that is complete. A stream that ends without it has failed. */
  async done(): Promise<void> {
    await this.#write("data: [DONE]\n\n");
    this.#output.end();
  }

  async #write(text: string): Promise<void> {
    if (this.#signal.aborted || this.#output.write(text)) return;
    try {
      await once(this.#output, "drain", { signal: this.#signal });
    } catch (error) {
      // Whoever generates sees the signal, too, and ends the answer in its own way.
      if (!this.#signal.aborted) throw error;
    }
  }
}
