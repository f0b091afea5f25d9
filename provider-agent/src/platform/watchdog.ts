import type { Clock } from "@hearth/platform";

/** Barks once when it has been waiting for too long. Feeding and pausing it touch no timer, so that they cost nothing. */
export class Watchdog implements Disposable {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #bark: () => void;
  #timer: Disposable;
  /** Since when it has been waiting; `undefined` while paused. */
  #since: number | undefined;

  constructor(clock: Clock, limitMs: number, bark: () => void) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#bark = bark;
    this.#since = clock.now();
    this.#timer = this.#arm(limitMs);
  }

  /** Starts to wait anew. */
  feed(): void {
    this.#since = this.#clock.now();
  }

  /** Does not wait until it is fed again. */
  pause(): void {
    this.#since = undefined;
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  #arm(ms: number): Disposable {
    return this.#clock.setTimer(ms, () => {
      const waitedMs = this.#since === undefined ? 0 : this.#clock.now() - this.#since;
      if (waitedMs >= this.#limitMs) return this.#bark();
      this.#timer = this.#arm(this.#limitMs - waitedMs);
    });
  }
}
