import type { Clock } from "../../platform/clock.js";

/** Nonces remembered at most. Each costs its owner a valid provider token and a signature. */
const MAX_NONCES = 200_000;

/** Remembers which nonces were used, for as long as something signed with them could pass for fresh. */
export class NonceWindow {
  readonly #clock: Clock;
  readonly #windowMs: number;
  readonly #usedAt = new Map<string, number>();

  /** @param windowMs longer than a signed time can be taken for fresh, both ways together */
  constructor(clock: Clock, windowMs: number) {
    this.#clock = clock;
    this.#windowMs = windowMs;
  }

  get size(): number {
    return this.#usedAt.size;
  }

  /** @returns false for one that was used before, and when there is no room to remember another */
  use(nonce: string): boolean {
    const now = this.#clock.now();
    this.#forgetBefore(now - this.#windowMs);
    if (this.#usedAt.has(nonce) || this.#usedAt.size >= MAX_NONCES) return false;
    this.#usedAt.set(nonce, now);
    return true;
  }

  #forgetBefore(time: number): void {
    for (const [nonce, usedAt] of this.#usedAt) {
      if (usedAt >= time) return;
      this.#usedAt.delete(nonce);
    }
  }
}
