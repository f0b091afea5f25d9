import { QuantileSketch } from "./quantile-sketch.js";
import type { EvidenceSettings } from "./settings.js";

/** What all machines together have shown of a model. */
export class ModelEvidence {
  lastSuccessAt: number | undefined;
  readonly #answers = new QuantileSketch();
  /** The quantile as of the last answer: it is asked for much more often than it changes. */
  #most: { readonly quantile: number; readonly tokens: number } | undefined;

  answered(at: number, tokens: number | undefined): void {
    this.lastSuccessAt = at;
    // Zero is what a backend that does not count says, and what an embedding comes to.
    if (!tokens) return;
    this.#answers.add(tokens);
    this.#most = undefined;
  }

  /** Most answers are no longer than this, tokens. */
  answerTokens({ answerQuantile, leastAnswers, assumedAnswerTokens }: EvidenceSettings): number {
    if (this.#answers.samples < leastAnswers) return assumedAnswerTokens;
    if (this.#most?.quantile !== answerQuantile) {
      const tokens = Math.ceil(this.#answers.quantile(answerQuantile) ?? assumedAnswerTokens);
      this.#most = { quantile: answerQuantile, tokens };
    }
    return this.#most.tokens;
  }
}
