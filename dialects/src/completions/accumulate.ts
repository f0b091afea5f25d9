import { addKnown, addListed } from "../added-members.js";
import { type CompletionFallback, settledUsage } from "../believable-usage.js";
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
  /** Whatever else the chunks said beside the choices: a fingerprint, timings. */
  readonly #extras: Record<string, unknown> = {};
  readonly #early: EarlyChunks = new EarlyChunks();
  #head: TextChunk | undefined;
  #usage: object | undefined;

  add(given: TextChunk): void {
    const chunk = this.#early.next(given);
    if (chunk === undefined) return;
    this.#head ??= chunk;
    if (chunk.usage) this.#usage = chunk.usage;
    for (const choice of chunk.choices ?? []) this.#addChoice(choice);
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

  completion(fallback: CompletionFallback): object {
    if (this.#choices.size === 0) this.#choice(0);
    const choices = [...this.#choices].sort(([a], [b]) => a - b);
    return {
      id: this.#head?.id || fallback.id,
      object: "text_completion",
      created: this.#head?.created ?? fallback.created,
      model: this.#head?.model || fallback.model,
      ...this.#extras,
      choices: choices.map(([index, { extras, text, logprobs, finishReason }]) => {
        return { ...extras, text, index, logprobs, finish_reason: finishReason };
      }),
      ...settledUsage(this.#usage, fallback.usage),
    };
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
