import type { Clock } from "../clock.js";

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly fire: () => void;
}

/** Virtual time: nothing happens until it is advanced. */
export class FakeClock implements Clock {
  #now = 0;
  #pausedMs = 0;
  #order = 0;
  readonly #timers = new Set<Timer>();

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return this.#now + this.#pausedMs;
  }

  /** Lets time pass in which this process stands still; a negative one is a wall clock that is set back. */
  pause(ms: number): void {
    this.#pausedMs += ms;
  }

  /** Sleeps: time moves on, and what fell due meanwhile fires late, once, in its order. */
  jump(ms: number): void {
    this.#now += ms;
    this.advance(0);
  }

  setTimer(ms: number, fire: () => void): Disposable {
    const timer: Timer = { at: this.#now + Math.max(0, ms), order: this.#order++, fire };
    this.#timers.add(timer);
    return { [Symbol.dispose]: () => this.#timers.delete(timer) };
  }

  /** Timers that are set. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Moves time on, firing what falls due in its order. */
  advance(ms: number): void {
    const until = this.#now + ms;
    for (let due = this.#next(until); due !== undefined; due = this.#next(until)) {
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.fire();
    }
    this.#now = until;
  }

  #next(until: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      const sooner = next === undefined || timer.at < next.at || (timer.at === next.at && timer.order < next.order);
      if (timer.at <= until && sooner) next = timer;
    }
    return next;
  }
}
