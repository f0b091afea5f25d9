import type { Clock } from "@hearth/platform";

export interface PacedOptions {
  readonly clock: Clock;
  /** Between two sayings at least, ms. */
  readonly pauseMs: number;
  /** Says how things stand now. */
  readonly say: () => void;
}

/** Says a change at once, and changes that follow too soon together, when the pause is over. */
export class Paced implements Disposable {
  readonly #options: PacedOptions;
  #pause: Disposable | undefined;
  #isDue = false;

  constructor(options: PacedOptions) {
    this.#options = options;
  }

  changed(): void {
    this.#isDue = true;
    if (this.#pause === undefined) this.#sayIfDue();
  }

  [Symbol.dispose](): void {
    this.#pause?.[Symbol.dispose]();
    this.#pause = undefined;
    this.#isDue = false;
  }

  #sayIfDue(): void {
    this.#pause = undefined;
    if (!this.#isDue) return;
    this.#isDue = false;
    this.#pause = this.#options.clock.setTimer(this.#options.pauseMs, () => this.#sayIfDue());
    this.#options.say();
  }
}
