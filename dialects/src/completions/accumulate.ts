import { type CompletionFallback, settledUsage } from "../believable-usage.js";
import { joinLogprobs, type TextLogprobs } from "./logprobs.js";
import type { TextChoice, TextChunk } from "./read-event.js";

interface Choice {
  text: string;
  logprobs: TextLogprobs | null;
  finishReason: string | null;
}

/** Folds the chunks of a stream into the `text_completion` that a non-streaming backend would have sent. */
export class TextAccumulator {
  readonly #choices = new Map<number, Choice>();
  #head: TextChunk | undefined;
  #usage: object | undefined;

  add(chunk: TextChunk): void {
    // What comes before the answer may have no name yet.
    if (this.#head === undefined || (!this.#head.id && chunk.id)) this.#head = chunk;
    if (chunk.usage) this.#usage = chunk.usage;
    for (const choice of chunk.choices ?? []) this.#addChoice(choice);
  }

  completion(fallback: CompletionFallback): object {
    if (this.#choices.size === 0) this.#choice(0);
    const choices = [...this.#choices].sort(([a], [b]) => a - b);
    return {
      id: this.#head?.id || fallback.id,
      object: "text_completion",
      created: this.#head?.created ?? fallback.created,
      model: this.#head?.model || fallback.model,
      choices: choices.map(([index, { text, logprobs, finishReason }]) => {
        return { text, index, logprobs, finish_reason: finishReason };
      }),
      ...settledUsage(this.#usage, fallback.usage),
    };
  }

  #addChoice({ index, text, logprobs, finish_reason: reason }: TextChoice): void {
    const choice = this.#choice(index ?? 0);
    choice.text += text ?? "";
    choice.logprobs = joinLogprobs(choice.logprobs, logprobs);
    choice.finishReason = reason ?? choice.finishReason;
  }

  #choice(index: number): Choice {
    const choice = this.#choices.get(index) ?? { text: "", logprobs: null, finishReason: null };
    this.#choices.set(index, choice);
    return choice;
  }
}
