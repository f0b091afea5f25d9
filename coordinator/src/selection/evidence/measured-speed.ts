import type { Usage } from "@hearth/protocol";
import type { Provider } from "../../fleet/provider.js";
import type { EvidenceSettings } from "./settings.js";
import { type Measured, prefillTps, type WaitTerms, type Warmth } from "./terms.js";

/** An attempt, as it was when it was sent. */
export interface SentAttempt {
  /** ms */
  readonly at: number;
  readonly provider: Provider;
  readonly model: string;
  readonly promptTokens: number;
  /** The machine may hold the beginning of its prompt from before. */
  readonly continued: boolean;
  readonly warmth: Warmth;
  /** No other prompt was waiting there for its first content. */
  readonly alone: boolean;
  /** What was expected, but for what others had waited for in vain. */
  readonly terms: WaitTerms;
  /** The sum of the terms. */
  readonly expectedMs: number;
}

/** How fast a machine has been with a model. Only what it did without company, and to the end, tells of its rates. */
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

  /** Whether anything of what is expected of a machine in this state has been measured. */
  tellsOf(warmth: Warmth): boolean {
    if (this.#prefill !== undefined || this.#connectMs !== undefined) return true;
    return warmth === "cold" && this.#loadMs !== undefined;
  }

  /** How many times what is expected covers most of what came. */
  spread({ spread }: EvidenceSettings): number {
    return Math.min(spread.most, Math.max(spread.least, this.#spread ?? spread.before));
  }

  /** The first content came after so long. */
  content({ warmth, alone, terms }: SentAttempt, tookMs: number, settings: EvidenceSettings): void {
    switch (warmth) {
      case "unknown":
        return;
      case "warm":
        // Nobody's overhead is more than all that an attempt took.
        if (this.#connectMs !== undefined) this.#connectMs = Math.min(this.#connectMs, tookMs);
        return;
      case "cold":
        if (!alone) return;
        this.#loadMs = averaged(this.#loadMs, Math.max(0, tookMs - terms.connect - terms.prefill), settings);
    }
  }

  /** An answer is complete of which the first content came after so long. */
  completed(sent: SentAttempt, tookMs: number, usage: Usage | undefined, settings: EvidenceSettings): void {
    if (this.#prefill !== undefined && sent.warmth === "warm") this.#learnSpread(tookMs, sent.expectedMs, settings);
    // A count of zero is one that the backend did not tell.
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
    // What may have come from a cache that nobody tells of says how slow a machine is, not how fast.
    const mayBeCached = sent.continued && usage.cached_tokens === undefined;
    if (!mayBeCached || (processed * 1_000) / ms < this.#tps(sent, settings)) this.#learnRate(processed, ms, settings);
  }

  #tps({ provider, model }: SentAttempt, settings: EvidenceSettings): number {
    return prefillTps({ provider, model, slot: provider.slots.get(model) }, this, settings);
  }

  /** Averages tokens and times apart: a long prompt tells more of the rate than a short one. */
  #learnRate(tokens: number, ms: number, settings: EvidenceSettings): void {
    const part = Math.min(1, settings.heaviestTokens / tokens);
    this.#prefill = {
      tokens: averaged(this.#prefill?.tokens, tokens * part, settings),
      ms: averaged(this.#prefill?.ms, ms * part, settings),
    };
  }

  /**
   * Follows the quantile without keeping samples (stochastic approximation, Robbins and Monro): where one in twenty goes
   * up by nineteen parts and nineteen down by one, it stays.
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
