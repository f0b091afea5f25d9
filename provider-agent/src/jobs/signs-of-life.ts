import type { Clock } from "@hearth/platform";
import { LIMITS, type WorkingScope, type WorkingSign } from "@hearth/protocol";

/** A counter that has been read. */
export interface Sign {
  readonly sign: WorkingSign;
  readonly counter: number;
  /** `server`: what moved cannot be tied to this request. */
  readonly scope: WorkingScope;
}

/**
 * Tells what a request is doing, from counters alone: nothing heard is nothing told. A sign that was not told before
 * goes out at once, more of the same at most every `LIMITS.workingIntervalMs`, and only when its counter has moved.
 */
export class SignsOfLife {
  readonly #clock: Clock;
  readonly #tell: (sign: Sign) => void;
  readonly #told = new Map<string, { readonly counter: number; readonly at: number }>();

  constructor(clock: Clock, tell: (sign: Sign) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** A counter has been read. What comes too soon is not told later: whatever moves is read again. */
  saw(sign: WorkingSign, counter: number, scope: WorkingScope = "request"): void {
    const kind = `${scope} ${sign}`;
    const last = this.#told.get(kind);
    const now = this.#clock.now();
    if (last !== undefined && (last.counter === counter || now - last.at < LIMITS.workingIntervalMs)) return;
    this.#told.set(kind, { counter, at: now });
    this.#tell({ sign, counter, scope });
  }
}
