import type { EvidenceSettings } from "./settings.js";

/** How much longer than expected an attempt waited in vain. */
export interface WaitedInVain {
  /** Beyond what was expected, ms. */
  readonly excessMs: number;
  readonly promptTokens: number;
  /** When the waiting ended, ms. */
  readonly at: number;
}

/**
 * What attempts that ended without content tell of a machine: how much longer than expected it needs, at least (in
 * statistics: censored samples). They count at once, fade with time, and do not add up: of two attempts that waited at
 * the same time only the longer one says anything.
 */
export class CensoredTime {
  #worst: WaitedInVain | undefined;

  add(waited: WaitedInVain, settings: EvidenceSettings): void {
    if (waited.excessMs <= 0) return;
    if (waited.excessMs >= this.msFor(waited.promptTokens, waited.at, settings)) this.#worst = waited;
  }

  /** No attempt has waited in vain since the last content. */
  get isEmpty(): boolean {
    return this.#worst === undefined;
  }

  /** Content came: earlier waits in vain no longer count. */
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

/** Converts a wait in vain for one prompt into what it means for a prompt of another size. */
export function scaledTo(
  promptTokens: number,
  { excessMs, promptTokens: waitedFor }: Pick<WaitedInVain, "excessMs" | "promptTokens">,
  { censoredScale, rateFromTokens }: EvidenceSettings,
): number {
  const scale = Math.max(promptTokens, rateFromTokens) / Math.max(waitedFor, rateFromTokens);
  return excessMs * Math.min(censoredScale.most, Math.max(censoredScale.least, scale));
}
