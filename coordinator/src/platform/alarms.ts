import type { Clock } from "@hearth/platform";

/**
 * Several alarms, each set to a time on the coordinator's clock, on one timer: that is the one of whichever comes first.
 * Most requests end before any of theirs, so that an alarm costs an entry and not a timer. One that is taken back leaves
 * the timer where it is; there is nothing to do then, but to wait for the next.
 */
export class Alarms<Name extends string> implements Disposable {
  readonly #clock: Clock;
  readonly #ring: (name: Name, at: number) => void;
  readonly #at = new Map<Name, number>();
  #timer: Disposable | undefined;
  /** What the timer is set to; infinite = there is none. */
  #dueAt = Number.POSITIVE_INFINITY;

  /** @param ring told of each alarm once, no sooner than at its time, the earlier one first */
  constructor(clock: Clock, ring: (name: Name, at: number) => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Sets an alarm; one of this name is moved. */
  set(name: Name, at: number): void {
    this.#at.delete(name);
    this.#at.set(name, at);
    if (at < this.#dueAt) this.#wait(at);
  }

  /** Takes all of them back. */
  clear(): void {
    this.#at.clear();
  }

  [Symbol.dispose](): void {
    this.#at.clear();
    this.#timer?.[Symbol.dispose]();
  }

  #wait(at: number): void {
    this.#timer?.[Symbol.dispose]();
    this.#dueAt = at;
    this.#timer = this.#clock.setTimer(at - this.#clock.now(), () => this.#due());
  }

  #due(): void {
    // Timers may fire a little early, so that it is this time, whatever the clock shows.
    const now = Math.max(this.#dueAt, this.#clock.now());
    this.#dueAt = Number.POSITIVE_INFINITY;
    for (let first = this.#first(); first !== undefined; first = this.#first()) {
      const [name, at] = first;
      if (at > now) {
        if (at < this.#dueAt) this.#wait(at);
        return;
      }
      this.#at.delete(name);
      this.#ring(name, at);
    }
  }

  #first(): readonly [Name, number] | undefined {
    let first: readonly [Name, number] | undefined;
    for (const entry of this.#at) if (first === undefined || entry[1] < first[1]) first = entry;
    return first;
  }
}
