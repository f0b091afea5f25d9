import type { Clock } from "@hearth/platform";

/** When things happened to one job. */
export class JobTimer {
  readonly #clock: Clock;
  #calledAt: number | undefined;
  #firstAt: number | undefined;
  #lastAt: number | undefined;
  #loaded = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  called(): void {
    this.#calledAt = this.#clock.now();
  }

  /** The backend loads its model first: the wait tells nothing of its speed. */
  loading(): void {
    this.#loaded = true;
  }

  /** Content is here. */
  content(): void {
    this.#lastAt = this.#clock.now();
    this.#firstAt ??= this.#lastAt;
  }

  /** From the call to the first content, ms; `undefined` when it says nothing of the backend's speed. */
  get prefillMs(): number | undefined {
    if (this.#loaded || this.#calledAt === undefined || this.#firstAt === undefined) return undefined;
    return this.#firstAt - this.#calledAt;
  }

  /** From the first content to the last, ms. */
  get decodeMs(): number | undefined {
    return this.#lastAt === undefined || this.#firstAt === undefined ? undefined : this.#lastAt - this.#firstAt;
  }
}
