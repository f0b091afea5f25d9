import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "@hearth/platform";
import type { Steps } from "./steps.js";

/** How long a turn's share of it may take, ms, but for its last step … */
const TURN_MS = 2;
/** … and how many steps it may have: a clock may stand still. */
const TURN_STEPS = 64;

/** Work that no request waits for, done in its order and in small shares between everybody else's. */
export class Background {
  readonly #clock: Clock;
  readonly #waiting: Steps<void>[] = [];
  #working = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param steps must not throw, and none of them take long */
  add(steps: Steps<void>): void {
    this.#waiting.push(steps);
    if (!this.#working) void this.#work();
  }

  async #work(): Promise<void> {
    this.#working = true;
    try {
      while (this.#waiting.length > 0) {
        await nextTurn();
        this.#share();
      }
    } finally {
      this.#working = false;
    }
  }

  #share(): void {
    const startedAt = this.#clock.now();
    for (let steps = 0; steps < TURN_STEPS && this.#clock.now() - startedAt < TURN_MS; steps++) {
      const [work] = this.#waiting;
      if (work === undefined) return;
      if (work.next().done) this.#waiting.shift();
    }
  }
}
