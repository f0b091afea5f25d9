import type { Clock } from "@hearth/platform";

/** Calls `bark` once when it has waited for too long. Only the constructor sets a timer, so that feeding costs nothing. */
export class Watchdog implements Disposable {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #bark: () => void;
  #timer: Disposable;
  /** Since when it has been waiting, pauses left out. */
  #since: number;
  #pausedAt: number | undefined;

  constructor(clock: Clock, limitMs: number, bark: () => void) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#bark = bark;
    this.#since = clock.now();
    this.#timer = this.#arm(limitMs);
  }

  /** Restarts the wait. */
  feed(): void {
    this.#since = this.#clock.now();
    this.#pausedAt = undefined;
  }

  /** Does not wait until it is fed or goes on. */
  pause(): void {
    this.#pausedAt ??= this.#clock.now();
  }

  /** Waits on where it was paused. */
  resume(): void {
    if (this.#pausedAt === undefined) return;
    this.#since += this.#clock.now() - this.#pausedAt;
    this.#pausedAt = undefined;
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  #arm(ms: number): Disposable {
    return this.#clock.setTimer(ms, () => {
      if (this.#pausedAt !== undefined) {
        this.#timer = this.#arm(this.#limitMs);
        return;
      }
      const waitedMs = this.#clock.now() - this.#since;
      if (waitedMs >= this.#limitMs) return this.#bark();
      this.#timer = this.#arm(this.#limitMs - waitedMs);
    });
  }
}
