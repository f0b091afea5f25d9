import { addKnown } from "./added-members.js";
import { type CompletionFallback, settledUsage } from "./believable-usage.js";

/** What chunks of both older dialects say beside their choices. */
export interface EnvelopedChunk {
  readonly id?: string;
  readonly object?: string;
  readonly created?: number;
  readonly model?: string;
  readonly choices?: readonly object[];
  readonly usage?: object | null;
  readonly [member: string]: unknown;
}

/** Folds what the chunks of a stream say beside their choices: who answers, since when, what it cost. */
export class ChunkEnvelope {
  #head: EnvelopedChunk | undefined;
  #usage: object | undefined;
  /** Whatever else there is: a fingerprint, citations, timings. */
  readonly #extras: Record<string, unknown> = {};

  add(chunk: EnvelopedChunk): void {
    this.#head ??= chunk;
    if (chunk.usage) this.#usage = chunk.usage;
    const {
      id: _id,
      object: _object,
      created: _created,
      model: _model,
      choices: _choices,
      usage: _usage,
      ...extras
    } = chunk;
    addKnown(this.#extras, extras);
  }

  /** The whole answer with these choices; an empty id or model is none. */
  around(object: string, choices: readonly object[], fallback: CompletionFallback): object {
    return {
      id: this.#head?.id || fallback.id,
      object,
      created: this.#head?.created ?? fallback.created,
      model: this.#head?.model || fallback.model,
      ...this.#extras,
      choices,
      ...settledUsage(this.#usage, fallback.usage),
    };
  }
}
