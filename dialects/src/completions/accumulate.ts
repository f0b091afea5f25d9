import { type CompletionFallback, settledUsage } from "../believable-usage.js";
import { joinLogprobs, type TextLogprobs } from "./logprobs.js";
import type { TextChunk } from "./read-event.js";

/** Folds the chunks of a stream into the `text_completion` that a non-streaming backend would have sent. */
export class TextAccumulator {
  #head: TextChunk | undefined;
  #text = "";
  #logprobs: TextLogprobs | null = null;
  #finishReason: string | null = null;
  #usage: object | undefined;

  add(chunk: TextChunk): void {
    this.#head ??= chunk;
    if (chunk.usage) this.#usage = chunk.usage;
    const [choice] = chunk.choices ?? [];
    if (choice === undefined) return;
    this.#text += choice.text ?? "";
    this.#logprobs = joinLogprobs(this.#logprobs, choice.logprobs);
    this.#finishReason = choice.finish_reason ?? this.#finishReason;
  }

  completion(fallback: CompletionFallback): object {
    return {
      id: this.#head?.id ?? fallback.id,
      object: "text_completion",
      created: this.#head?.created ?? fallback.created,
      model: this.#head?.model ?? fallback.model,
      choices: [{ text: this.#text, index: 0, logprobs: this.#logprobs, finish_reason: this.#finishReason }],
      ...settledUsage(this.#usage, fallback.usage),
    };
  }
}
