import { BoundedMap, type Clock } from "@hearth/platform";

/** Nonces remembered at most. Each costs its owner a valid provider token and a signature. */
const MAX_NONCES = 200_000;

/**
 * Remembers which nonces were used, for as long as something signed with them could pass for fresh. Beyond the greatest
 * number the oldest is forgotten: were the new one refused, who fills the window would have everybody else taken for a
 * cheat. A recording that gets past is stopped by the challenge, which nobody can have recorded.
 */
export class NonceWindow {
  readonly #clock: Clock;
  readonly #windowMs: number;
  readonly #usedAt: BoundedMap<string, number>;

  /** @param windowMs longer than a signed time can be taken for fresh, both ways together */
  constructor(clock: Clock, windowMs: number, maxNonces: number = MAX_NONCES) {
    this.#clock = clock;
    this.#windowMs = windowMs;
    this.#usedAt = new BoundedMap(maxNonces);
  }

  get size(): number {
    return this.#usedAt.size;
  }

  /** @returns false for one that was used before */
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
