import { QuantileSketch } from "./quantile-sketch.js";
import type { EvidenceSettings } from "./settings.js";

/** The evidence of one model, from all machines together. */
export class ModelEvidence {
  lastSuccessAt: number | undefined;
  readonly #answers = new QuantileSketch();
  /** The quantile, cached until the next answer: it is read much more often than it changes. */
  #most: { readonly quantile: number; readonly tokens: number } | undefined;

  answered(at: number, tokens: number | undefined): void {
    this.lastSuccessAt = at;
    // Zero comes from backends that do not count, and from embeddings.
    if (!tokens) return;
    this.#answers.add(tokens);
    this.#most = undefined;
  }

  /** A length that most answers do not exceed, tokens. */
  answerTokens({ answerQuantile, leastAnswers, assumedAnswerTokens }: EvidenceSettings): number {
    if (this.#answers.samples < leastAnswers) return assumedAnswerTokens;
    if (this.#most?.quantile !== answerQuantile) {
      const tokens = Math.ceil(this.#answers.quantile(answerQuantile) ?? assumedAnswerTokens);
      this.#most = { quantile: answerQuantile, tokens };
    }
    return this.#most.tokens;
  }
}
