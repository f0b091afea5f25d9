import type { Rng } from "./rng.js";

/** Bounds of retry delays, ms. */
export const BACKOFF = { firstMs: 1_000, maxMs: 60_000 } as const;

/**
 * Exponential backoff with full jitter: each delay is uniform between 0 and a bound, so that a fleet does not come back
 * in step. The bound is what was waited so far and `firstMs` more, at most `maxMs`: it grows with how long it does not
 * work, by half each time in the mean, and nobody is away for much more than twice as long as what he waits for. Were it
 * doubled at each failure, whoever has drawn short delays would soon wait for minutes after an absence of seconds.
 */
export class Backoff {
  readonly #rng: Rng;
  #waitedMs = 0;

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  /** The next delay, ms. */
  next(): number {
    const delayMs = this.#rng.next() * Math.min(BACKOFF.maxMs, BACKOFF.firstMs + this.#waitedMs);
    this.#waitedMs += delayMs;
    return delayMs;
  }

  /** It worked: the next delay starts small again. */
  reset(): void {
    this.#waitedMs = 0;
  }
}
