import type { Clock } from "@hearth/platform";

/** Publishes a change at once, and the changes that follow too soon together, when the pause is over. */
export class Pacer implements Disposable {
  readonly #clock: Clock;
  readonly #pauseMs: number;
  readonly #publish: () => void;
  #pause: Disposable | undefined;
  #isDue = false;

  /**
   * @param pauseMs the shortest time between two calls of `publish`
   * @param publish publishes how things stand now
   */
  constructor(clock: Clock, pauseMs: number, publish: () => void) {
    this.#clock = clock;
    this.#pauseMs = pauseMs;
    this.#publish = publish;
  }

  changed(): void {
    this.#isDue = true;
    if (this.#pause === undefined) this.#publishIfDue();
  }

  [Symbol.dispose](): void {
    this.#pause?.[Symbol.dispose]();
    this.#pause = undefined;
    this.#isDue = false;
  }

  #publishIfDue(): void {
    this.#pause = undefined;
    if (!this.#isDue) return;
    this.#isDue = false;
    this.#pause = this.#clock.setTimer(this.#pauseMs, () => this.#publishIfDue());
    this.#publish();
  }
}
