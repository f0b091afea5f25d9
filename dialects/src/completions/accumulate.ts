import { believable, openAiUsage } from "../believable-usage.js";
import type { TokenUsage } from "../token-usage.js";
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

  /** @param fallback stands in for what the backend never said; without `usage`, what it said of that is kept */
  completion(fallback: {
    readonly id: string;
    readonly model: string;
    readonly created: number;
    readonly usage?: TokenUsage;
  }): object {
    const { usage: counted } = fallback;
    const usage = counted === undefined ? this.#usage : (believable(this.#usage, counted) ?? openAiUsage(counted));
    return {
      id: this.#head?.id ?? fallback.id,
      object: "text_completion",
      created: this.#head?.created ?? fallback.created,
      model: this.#head?.model ?? fallback.model,
      choices: [{ text: this.#text, index: 0, logprobs: this.#logprobs, finish_reason: this.#finishReason }],
      ...(usage === undefined ? {} : { usage }),
    };
  }
}
