import type { Clock } from "./clock.js";

/** Parts of a round, so that not all members have their turn at once. */
const PARTS = 50;

/**
 * Gives each of its members a turn every so many milliseconds, all of them by one timer: a timer for each of thousands
 * costs more than what is done when it fires. The first turn comes when that time is over, or a 50th of it sooner.
 */
export class Rounds {
  readonly #clock: Clock;
  readonly #partMs: number;
  readonly #parts: readonly Set<() => void>[] = Array.from({ length: PARTS }, () => new Set());
  /** The part that had its turn last. */
  #now = 0;
  #members = 0;
  #timer: Disposable | undefined;

  constructor(clock: Clock, everyMs: number) {
    this.#clock = clock;
    this.#partMs = everyMs / PARTS;
  }

  /** @param turn must not throw. @returns ends the membership */
  join(turn: () => void): Disposable {
    const part = this.#parts[this.#now] as Set<() => void>;
    part.add(turn);
    this.#members += 1;
    this.#timer ??= this.#next();
    return { [Symbol.dispose]: () => this.#leave(part, turn) };
  }

  #leave(part: Set<() => void>, turn: () => void): void {
    if (!part.delete(turn)) return;
    this.#members -= 1;
    if (this.#members > 0) return;
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  #next(): Disposable {
    return this.#clock.setTimer(this.#partMs, () => {
      this.#timer = this.#next();
      this.#now = (this.#now + 1) % PARTS;
      for (const turn of this.#parts[this.#now] ?? []) turn();
    });
  }
}
