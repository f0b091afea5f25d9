import type { Rng } from "./rng.js";

/** Bounds of retry delays, ms. */
export const BACKOFF = { firstMs: 1_000, maxMs: 60_000 } as const;

/**
 * Exponential backoff with full jitter: each delay is uniform between 0 and a bound that doubles from `firstMs` to
 * `maxMs`, so that a fleet does not come back in step.
 */
export class Backoff {
  readonly #rng: Rng;
  #failures = 0;

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  /** The next delay, ms. */
  next(): number {
    const boundMs = Math.min(BACKOFF.maxMs, BACKOFF.firstMs * 2 ** this.#failures);
    // 2^6 s is over the maximum: counting on would only overflow.
    this.#failures = Math.min(this.#failures + 1, 6);
    return this.#rng.next() * boundMs;
  }

  /** It worked: the next delay starts small again. */
  reset(): void {
    this.#failures = 0;
  }
}
