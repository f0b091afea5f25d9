import type { Clock } from "@hearth/platform";
import { LIMITS, type WorkingScope, type WorkingSign } from "@hearth/protocol";

/** A counter that has been read. */
export interface Sign {
  readonly sign: WorkingSign;
  readonly counter: number;
  /** `server`: what moved cannot be tied to this request. */
  readonly scope: WorkingScope;
}

export interface SignHooks {
  /** The coordinator is to know of this sign. */
  tell(sign: Sign): void;
}

/**
 * Reports what a request is doing, from counters alone: silence is never given a meaning. A new kind of sign goes out
 * at once, more of the same at most every `LIMITS.workingIntervalMs`, and only when its counter has moved.
 */
export class SignsOfLife {
  readonly #clock: Clock;
  readonly #hooks: SignHooks;
  readonly #told = new Map<string, { readonly counter: number; readonly at: number }>();

  constructor(clock: Clock, hooks: SignHooks) {
    this.#clock = clock;
    this.#hooks = hooks;
  }

  /** A counter has been read. One that comes too soon is dropped: a counter that moves is read again. */
  saw(sign: WorkingSign, counter: number, scope: WorkingScope = "request"): void {
    const kind = `${scope} ${sign}`;
    const last = this.#told.get(kind);
    const now = this.#clock.now();
    if (last !== undefined && (last.counter === counter || now - last.at < LIMITS.workingIntervalMs)) return;
    this.#told.set(kind, { counter, at: now });
    this.#hooks.tell({ sign, counter, scope });
  }
}
