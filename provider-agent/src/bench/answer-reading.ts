import { grammarOf, readEvents, readUsage } from "@hearth/dialects";
import type { Usage } from "@hearth/protocol";
import { z } from "zod";
import { errorText } from "./error-text.js";

const count = z.number().int().min(0);
const ms = z.number().positive().finite();

/** llama.cpp's, in its last chunk. Its own rates are not used: `predicted_per_second` once counted the first token. */
const timingsSchema = z.object({ prompt_n: count, prompt_ms: ms, predicted_n: count, predicted_ms: ms });

export type ServerTimings = z.infer<typeof timingsSchema>;

/** What one streamed answer has told so far, and when its content came. */
export class AnswerReading {
  /** The server's own end mark has come. */
  done = false;
  usage: Usage | undefined;
  timings: ServerTimings | undefined;
  /** The server's, when it ended with one. */
  error: string | undefined;
  #firstAt: number | undefined;
  #lastAt: number | undefined;
  #contentEvents = 0;
  #eventsOfFirstRead = 0;

  /** @param events complete events @param at when they came, ms */
  read(events: Uint8Array, at: number): void {
    for (const { data } of readEvents(Buffer.from(events.buffer, events.byteOffset, events.byteLength)) ?? []) {
      if (data) this.#event(data, at);
    }
  }

  /** When the first content came, and the last. `undefined` = none did. */
  get span(): { readonly firstAt: number; readonly lastAt: number } | undefined {
    if (this.#firstAt === undefined || this.#lastAt === undefined) return undefined;
    return { firstAt: this.#firstAt, lastAt: this.#lastAt };
  }

  /**
   * Tokens that came after the first content: of what the server counted the share of the events behind those of the
   * first read. Where it counted none, one an event, as servers mostly send them.
   */
  get tokensAfterFirst(): number {
    if (this.#contentEvents === 0) return 0;
    const tokens = this.usage?.completion_tokens || this.#contentEvents;
    return (tokens * (this.#contentEvents - this.#eventsOfFirstRead)) / this.#contentEvents;
  }

  #event(data: string, at: number): void {
    const reading = grammarOf("chat_completions").read(data);
    switch (reading.kind) {
      case "done":
        this.done = true;
        return;
      case "malformed":
        return;
      case "error":
        this.error ??= errorText(reading.error);
        return;
      case "content":
        if (reading.generates) this.#content(at);
        break;
      case "preamble":
      case "trailer":
        break;
    }
    const { usage, timings } = reading.parsed as { readonly usage?: unknown; readonly timings?: unknown };
    this.usage = readUsage(usage) ?? this.usage;
    this.timings = timingsSchema.safeParse(timings).data ?? this.timings;
  }

  #content(at: number): void {
    this.#firstAt ??= at;
    this.#lastAt = at;
    this.#contentEvents += 1;
    if (at === this.#firstAt) this.#eventsOfFirstRead += 1;
  }
}
