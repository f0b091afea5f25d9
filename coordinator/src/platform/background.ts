import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "@hearth/platform";
import type { Steps } from "./steps.js";

/** How long background work may take in one turn of the event loop, ms, not counting its last step … */
const TURN_MS = 2;
/** … and how many steps it may take, in case the clock stands still. */
const TURN_STEPS = 64;

/** Work that no request waits for. It is done in order, a little in each turn of the event loop. */
export class Background {
  readonly #clock: Clock;
  readonly #waiting: Steps<void>[] = [];
  #working = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param steps must not throw, and must each be short */
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
