import { addListed } from "../added-members.js";
import type { CompletionFallback } from "../believable-usage.js";
import { ChunkEnvelope } from "../chunk-envelope.js";
import { EarlyChunks } from "../early-chunks.js";
import { joinLogprobs, type TextLogprobs } from "./logprobs.js";
import type { TextChoice, TextChunk } from "./read-event.js";

interface Choice {
  /** What else a server says of a choice. */
  readonly extras: Record<string, unknown>;
  text: string;
  logprobs: TextLogprobs | null;
  finishReason: string | null;
}

/** Folds the chunks of a stream into the `text_completion` that a non-streaming backend would have sent. */
export class TextAccumulator {
  readonly #choices = new Map<number, Choice>();
  readonly #envelope = new ChunkEnvelope();
  readonly #early: EarlyChunks = new EarlyChunks();

  add(given: TextChunk): void {
    const chunk = this.#early.next(given);
    if (chunk === undefined) return;
    this.#envelope.add(chunk);
    for (const choice of chunk.choices ?? []) this.#addChoice(choice);
  }

  completion(fallback: CompletionFallback): object {
    if (this.#choices.size === 0) this.#choice(0);
    const choices = [...this.#choices]
      .sort(([a], [b]) => a - b)
      .map(([index, { extras, text, logprobs, finishReason }]) => {
        return { ...extras, text, index, logprobs, finish_reason: finishReason };
      });
    return this.#envelope.around("text_completion", choices, fallback);
  }

  #addChoice({ index, text, logprobs, finish_reason: reason, ...extras }: TextChoice): void {
    const choice = this.#choice(index ?? 0);
    addListed(choice.extras, extras);
    choice.text += text ?? "";
    choice.logprobs = joinLogprobs(choice.logprobs, logprobs);
    choice.finishReason = reason ?? choice.finishReason;
  }

  #choice(index: number): Choice {
    const choice = this.#choices.get(index) ?? { extras: {}, text: "", logprobs: null, finishReason: null };
    this.#choices.set(index, choice);
    return choice;
  }
}
