import type { Clock } from "@hearth/platform";
import { LIMITS, type WorkingSign } from "@hearth/protocol";

/**
 * Tells what a request is doing, from counters alone: nothing heard is nothing told. A sign that was not told before
 * goes out at once, more of the same at most every `LIMITS.workingIntervalMs`, and only when its counter has moved.
 */
export class SignsOfLife {
  readonly #clock: Clock;
  readonly #tell: (sign: WorkingSign, counter: number) => void;
  readonly #told = new Map<WorkingSign, { readonly counter: number; readonly at: number }>();

  constructor(clock: Clock, tell: (sign: WorkingSign, counter: number) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** A counter has been read. What comes too soon is not told later: whatever moves is read again. */
  saw(sign: WorkingSign, counter: number): void {
    const last = this.#told.get(sign);
    const now = this.#clock.now();
    if (last !== undefined && (last.counter === counter || now - last.at < LIMITS.workingIntervalMs)) return;
    this.#told.set(sign, { counter, at: now });
    this.#tell(sign, counter);
  }
}
