import type { Clock } from "@hearth/platform";
import type { JobTimings } from "./job-statistics.js";

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

  /** @param heldUp the backend was kept waiting: only the way to the first content was its own pace */
  timings(heldUp: boolean): JobTimings {
    if (this.#calledAt === undefined || this.#firstAt === undefined || this.#lastAt === undefined) return {};
    return {
      ...(this.#loaded ? {} : { prefillMs: this.#firstAt - this.#calledAt }),
      ...(heldUp ? {} : { decodeMs: this.#lastAt - this.#firstAt }),
    };
  }
}
