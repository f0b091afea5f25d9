import type { Clock } from "../platform/clock.js";

/** A backend that has answered nothing after this is taken to be loading, ms. */
export const ACCEPTED_AFTER_MS = 2_000;
/** How long a backend may take until the first byte of its answer, with loading the model, ms. */
export const LOAD_WINDOW_MS = 600_000;

/**
 * The wait for the first byte of an answer. Some backends send headers at once and read the prompt then, others only
 * when there is something to say: headers are no sign of life. Dispose it when the first byte is here, or nobody waits.
 */
export class FirstByteWatch implements Disposable {
  readonly #timers: readonly Disposable[];

  /**
   * @param loading the backend takes long enough to be told of
   * @param stalled it has had its time: the call is to be aborted
   */
  constructor(clock: Clock, loading: () => void, stalled: () => void) {
    this.#timers = [clock.setTimer(ACCEPTED_AFTER_MS, loading), clock.setTimer(LOAD_WINDOW_MS, stalled)];
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) timer[Symbol.dispose]();
  }
}
