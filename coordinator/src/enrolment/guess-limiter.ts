import { BoundedMap, type Clock } from "@hearth/platform";
import type { SharedCounts } from "../platform/shared-entries.js";

export interface GuessLimits {
  readonly wrongGuesses: number;
  readonly guessWindowMs: number;
}

interface Record {
  wrong: number;
  readonly untilMs: number;
}

/** Keys remembered at most; the oldest is forgotten for a new one. */
const MAX_KEYS = 50_000;

/** Counts wrong guesses by key (an account, an address) and says when there have been too many. */
export class GuessLimiter {
  readonly #clock: Clock;
  readonly #limits: () => GuessLimits;
  readonly #records = new BoundedMap<string, Record>(MAX_KEYS);

  readonly #shared: SharedCounts | undefined;

  /**
   * @param limits read at each use
   * @param shared where other coordinators count the same; absent = there are none
   */
  constructor(clock: Clock, limits: () => GuessLimits, shared?: SharedCounts) {
    this.#clock = clock;
    this.#limits = limits;
    this.#shared = shared;
    shared?.listen((key) => this.#count(key));
  }

  /** How long until any of these keys may guess again, ms; 0 = now. */
  blockedMs(...keys: readonly string[]): number {
    const now = this.#clock.now();
    const waits = keys.map((key) => {
      const record = this.#records.get(key);
      return record === undefined || record.wrong < this.#limits().wrongGuesses ? 0 : record.untilMs - now;
    });
    return Math.max(0, ...waits);
  }

  /** A guess was wrong. The right ones in between do not make up for it. */
  wrong(...keys: readonly string[]): void {
    for (const key of keys) {
      this.#count(key);
      this.#shared?.tell(key);
    }
  }

  #count(key: string): void {
    const now = this.#clock.now();
    const record = this.#records.get(key);
    if (record !== undefined && record.untilMs > now) {
      record.wrong += 1;
      return;
    }
    this.#records.set(key, { wrong: 1, untilMs: now + this.#limits().guessWindowMs });
  }
}
