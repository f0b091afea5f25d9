import type { Clock } from "@hearth/platform";
import { systemClock } from "../platform/clock.js";

/** The machine's clock, run faster if so wished, that knows how many timers are set. */
export class CountingClock implements Clock {
  pending = 0;
  readonly #speed: number;

  constructor(speed = 1) {
    this.#speed = speed;
  }

  now(): number {
    return systemClock.now() * this.#speed;
  }

  wallTime(): number {
    return systemClock.wallTime();
  }

  setTimer(ms: number, fire: () => void): Disposable {
    let isSet = true;
    const unset = (): void => {
      if (isSet) this.pending -= 1;
      isSet = false;
    };
    this.pending += 1;
    const timer = systemClock.setTimer(ms / this.#speed, () => {
      unset();
      fire();
    });
    return {
      [Symbol.dispose]() {
        unset();
        timer[Symbol.dispose]();
      },
    };
  }
}
