import { BoundedMap, type Clock } from "@hearth/platform";

/** Nonces remembered at most. Each one costs a valid provider token and a signature. */
const MAX_NONCES = 200_000;

/**
 * Remembers used nonces for as long as something signed with them could pass for fresh. When it is full the oldest is
 * forgotten: if new ones were refused instead, whoever filled the window would make all others look like cheats. A
 * recording that gets through is stopped by the challenge, which cannot have been recorded.
 */
export class NonceWindow {
  readonly #clock: Clock;
  readonly #windowMs: number;
  readonly #usedAt: BoundedMap<string, number>;

  /** @param windowMs longer than a signature can pass for fresh, counting clocks that are ahead and behind */
  constructor(clock: Clock, windowMs: number, maxNonces: number = MAX_NONCES) {
    this.#clock = clock;
    this.#windowMs = windowMs;
    this.#usedAt = new BoundedMap(maxNonces);
  }

  get size(): number {
    return this.#usedAt.size;
  }

  /** @returns false if it was used before */
  use(nonce: string): boolean {
    const now = this.#clock.now();
    this.#forgetBefore(now - this.#windowMs);
    if (this.#usedAt.has(nonce)) return false;
    this.#usedAt.set(nonce, now);
    return true;
  }

  #forgetBefore(time: number): void {
    for (const [nonce, usedAt] of this.#usedAt.entries()) {
      if (usedAt >= time) return;
      this.#usedAt.delete(nonce);
    }
  }
}
