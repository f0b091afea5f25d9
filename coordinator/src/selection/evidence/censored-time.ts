import type { EvidenceSettings } from "./settings.js";

/** How much longer than expected somebody waited in vain. */
export interface WaitedInVain {
  /** Beyond what was expected, ms. */
  readonly excessMs: number;
  readonly promptTokens: number;
  /** When the waiting ended, ms. */
  readonly at: number;
}

/**
 * What is known of a machine from attempts that ended without content: how much longer than expected it needs, at
 * least. In statistics these are censored samples. They count at once, fade, and do not add up: two that waited beside
 * each other say no more than the one that waited longer.
 */
export class CensoredTime {
  #worst: WaitedInVain | undefined;

  add(waited: WaitedInVain, settings: EvidenceSettings): void {
    if (waited.excessMs <= 0) return;
    if (waited.excessMs >= this.msFor(waited.promptTokens, waited.at, settings)) this.#worst = waited;
  }

  /** Nobody has waited in vain since there was content. */
  get isEmpty(): boolean {
    return this.#worst === undefined;
  }

  /** There was content: whatever was waited for, it is over. */
  clear(): void {
    this.#worst = undefined;
  }

  /**
   * @param promptTokens of the request that is to be served
   * @returns ms to be expected on top
   */
  msFor(promptTokens: number, now: number, settings: EvidenceSettings): number {
    if (this.#worst === undefined) return 0;
    const left = 0.5 ** (Math.max(0, now - this.#worst.at) / settings.censoredHalfLifeMs);
    if (left < settings.censoredGone) return 0;
    return left * scaledTo(promptTokens, this.#worst, settings);
  }
}

/** What was waited in vain for one prompt, for another one. */
export function scaledTo(
  promptTokens: number,
  { excessMs, promptTokens: waitedFor }: Pick<WaitedInVain, "excessMs" | "promptTokens">,
  { censoredScale, rateFromTokens }: EvidenceSettings,
): number {
  const scale = Math.max(promptTokens, rateFromTokens) / Math.max(waitedFor, rateFromTokens);
  return excessMs * Math.min(censoredScale.most, Math.max(censoredScale.least, scale));
}
