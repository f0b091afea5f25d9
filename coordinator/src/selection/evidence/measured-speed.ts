import type { Usage } from "@hearth/protocol";
import type { Provider } from "../../fleet/provider.js";
import type { EvidenceSettings } from "./settings.js";
import { type Measured, prefillTps, type WaitTerms, type Warmth } from "./terms.js";

/** The circumstances of an attempt when it was sent. */
export interface SentAttempt {
  /** ms */
  readonly at: number;
  readonly provider: Provider;
  readonly model: string;
  readonly promptTokens: number;
  /** The machine may have the beginning of the prompt in its cache. */
  readonly continued: boolean;
  readonly warmth: Warmth;
  /** No other prompt was waiting there for its first content. */
  readonly alone: boolean;
  /** What was expected, without waits in vain. */
  readonly terms: WaitTerms;
  /** The sum of the terms. */
  readonly expectedMs: number;
}

/** Measured speed of a machine with a model. Only completed attempts without others beside them count for the rates. */
export class MeasuredSpeed implements Measured {
  #prefill: { readonly tokens: number; readonly ms: number } | undefined;
  #connectMs: number | undefined;
  #loadMs: number | undefined;
  #spread: number | undefined;

  get connectMs(): number | undefined {
    return this.#connectMs;
  }

  get loadMs(): number | undefined {
    return this.#loadMs;
  }

  get prefillTps(): number | undefined {
    return this.#prefill && (this.#prefill.tokens * 1_000) / this.#prefill.ms;
  }

  /** Whether anything was measured that expectations for this state of the model rest on. */
  tellsOf(warmth: Warmth): boolean {
    if (this.#prefill !== undefined || this.#connectMs !== undefined) return true;
    return warmth === "cold" && this.#loadMs !== undefined;
  }

  /** By how much expectations must be multiplied to cover most of the observed times. */
  spread({ spread }: EvidenceSettings): number {
    return Math.min(spread.most, Math.max(spread.least, this.#spread ?? spread.before));
  }

  /** The first content came after `tookMs`. */
  content({ warmth, alone, terms }: SentAttempt, tookMs: number, settings: EvidenceSettings): void {
    switch (warmth) {
      case "unknown":
        return;
      case "warm":
        // The overhead cannot be more than the whole time that an attempt took.
        if (this.#connectMs !== undefined) this.#connectMs = Math.min(this.#connectMs, tookMs);
        return;
      case "cold":
        if (!alone) return;
        this.#loadMs = averaged(this.#loadMs, Math.max(0, tookMs - terms.connect - terms.prefill), settings);
    }
  }

  /** An answer is complete whose first content came after `tookMs`. */
  completed(sent: SentAttempt, tookMs: number, usage: Usage | undefined, settings: EvidenceSettings): void {
    if (this.#prefill !== undefined && sent.warmth === "warm") this.#learnSpread(tookMs, sent.expectedMs, settings);
    // A count of zero means that the backend does not count.
    if (sent.warmth !== "warm" || !sent.alone || !usage?.prompt_tokens) return;
    const { ahead } = sent.terms;
    if (tookMs <= 0 || ahead > tookMs * settings.mostAheadShare) return;
    const processed = Math.max(0, usage.prompt_tokens - (usage.cached_tokens ?? 0));
    const ms = tookMs - ahead - (this.#connectMs ?? settings.assumedConnectMs);
    if (processed < settings.rateFromTokens || ms < tookMs * settings.leastPromptShare) {
      const readingMs = (processed * 1_000) / this.#tps(sent, settings);
      this.#connectMs = averaged(this.#connectMs, Math.max(0, tookMs - ahead - readingMs), settings);
      return;
    }
    // If part of the prompt may have come from a cache, the rate counts only when it is lower than what is known.
    const mayBeCached = sent.continued && usage.cached_tokens === undefined;
    if (!mayBeCached || (processed * 1_000) / ms < this.#tps(sent, settings)) this.#learnRate(processed, ms, settings);
  }

  #tps({ provider, model }: SentAttempt, settings: EvidenceSettings): number {
    return prefillTps({ provider, model, slot: provider.slots.get(model) }, this, settings);
  }

  /** Averages tokens and times separately, so that a long prompt weighs more than a short one. */
  #learnRate(tokens: number, ms: number, settings: EvidenceSettings): void {
    const part = Math.min(1, settings.heaviestTokens / tokens);
    this.#prefill = {
      tokens: averaged(this.#prefill?.tokens, tokens * part, settings),
      ms: averaged(this.#prefill?.ms, ms * part, settings),
    };
  }

  /**
   * Follows a quantile without keeping samples (stochastic approximation, Robbins and Monro). At the 95th, one attempt
   * in twenty moves it up by nineteen parts, and nineteen move it down by one each.
   */
  #learnSpread(tookMs: number, expectedMs: number, settings: EvidenceSettings): void {
    if (Math.max(tookMs, expectedMs) < settings.spreadFromMs) return;
    const spread = this.spread(settings);
    const over = tookMs > spread * expectedMs;
    const step = settings.spreadStep * (over ? settings.spreadQuantile : settings.spreadQuantile - 1);
    this.#spread = spread * Math.exp(step);
  }
}

function averaged(before: number | undefined, newest: number, { newestWeight }: EvidenceSettings): number {
  return before === undefined ? newest : before + newestWeight * (newest - before);
}
