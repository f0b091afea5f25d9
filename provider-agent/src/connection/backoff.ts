import type { Rng } from "../platform/rng.js";

/** Reconnect delays, ms: full jitter, so that a fleet does not come back in step. */
export const BACKOFF = { baseMs: 1_000, maxMs: 60_000 } as const;

/** Exponential backoff with full jitter: each delay is uniform between 0 and a bound that doubles. */
export class Backoff {
  readonly #rng: Rng;
  #failures = 0;

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  next(): number {
    const boundMs = Math.min(BACKOFF.maxMs, BACKOFF.baseMs * 2 ** this.#failures);
    this.#failures += 1;
    return this.#rng.next() * boundMs;
  }

  /** It worked: the next delay starts small again. */
  reset(): void {
    this.#failures = 0;
  }
}
