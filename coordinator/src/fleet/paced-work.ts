import type { Clock } from "@hearth/platform";

/** What work of strangers may take of one turn of the event loop before the rest of it waits for the next, ms. */
const TURN_MS = 10;

/** Whether it begins something, or goes on with what has begun: that goes first, since somebody waits for its end. */
export type Stage = "begins" | "goes on";

/**
 * Does work in the order in which it comes: at once while little of it comes, and else so much of it in each turn of the
 * event loop that everybody else has a turn in between. A fleet that comes back in the same moment is let in so without
 * holding up the requests that run, and those who are being let in are not held up by those who come after them.
 */
export class PacedWork {
  readonly #clock: Pick<Clock, "now">;
  readonly #nextTurn: (act: () => void) => void;
  readonly #waiting: Readonly<Record<Stage, (() => void)[]>> = { "goes on": [], begins: [] };
  /** Of the present turn, ms. */
  #spentMs = 0;
  #isAwaited = false;

  /** @param nextTurn calls what it is given in the next turn of the event loop */
  constructor(clock: Pick<Clock, "now">, nextTurn: (act: () => void) => void = setImmediate) {
    this.#clock = clock;
    this.#nextTurn = nextTurn;
  }

  /** Does it now or later; what it throws is thrown where it is done. */
  do(stage: Stage, work: () => void): void {
    if (this.#isWaitedFor || this.#spentMs >= TURN_MS) this.#waiting[stage].push(work);
    else this.#spend(work);
    this.#await();
  }

  get #isWaitedFor(): boolean {
    return this.#waiting["goes on"].length > 0 || this.#waiting.begins.length > 0;
  }

  #spend(work: () => void): void {
    const from = this.#clock.now();
    try {
      work();
    } finally {
      this.#spentMs += this.#clock.now() - from;
    }
  }

  /** Also where nothing waits: the next turn has all its time again. Work that took none asks for no turn. */
  #await(): void {
    if (this.#isAwaited || (this.#spentMs === 0 && !this.#isWaitedFor)) return;
    this.#isAwaited = true;
    this.#nextTurn(() => this.#turn());
  }

  #turn(): void {
    this.#isAwaited = false;
    this.#spentMs = 0;
    try {
      while (this.#spentMs < TURN_MS) {
        const work = this.#waiting["goes on"].shift() ?? this.#waiting.begins.shift();
        if (work === undefined) return;
        this.#spend(work);
      }
    } finally {
      this.#await();
    }
  }
}
