import type { Clock, Rng } from "@hearth/coordinator/internals";
import { EventHeap, type HeapEntry } from "./event-heap.js";

/** Where something happens: a timer of the coordinator's, something that reaches it, or another machine by itself. */
export type Place = "timer" | "coordinator" | "elsewhere";

/** Something that has just happened. */
export interface Happening {
  readonly what: string;
  readonly place: Place;
}

interface Entry extends HeapEntry, Happening {
  readonly fire: () => void;
  live: boolean;
}

/** A timer fires up to this much late, as real ones do, ms. */
const MAX_LATENESS_MS = 2;

/** Virtual time: what happens next happens at once. Everything that happens, timers included, is one event. */
export class VirtualTime implements Clock {
  readonly #heap = new EventHeap<Entry>();
  readonly #lateness: Rng;
  #now = 0;
  #order = 0;
  #timers = 0;

  constructor(lateness: Rng) {
    this.#lateness = lateness;
  }

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return this.#now;
  }

  /** The coordinator's timers: counted apart from the events of the world around it. */
  setTimer(ms: number, fire: () => void): Disposable {
    const lateMs = this.#lateness.next() * MAX_LATENESS_MS;
    const entry = this.#add(Math.max(0, ms) + lateMs, { what: "timer", place: "timer", fire });
    this.#timers += 1;
    return {
      [Symbol.dispose]: () => {
        if (entry.live) this.#timers -= 1;
        entry.live = false;
      },
    };
  }

  /** Timers that the coordinator has set and that have neither fired nor been disposed. */
  get timers(): number {
    return this.#timers;
  }

  /** Something will reach the coordinator. */
  schedule(ms: number, what: string, fire: () => void): void {
    this.#add(ms, { what, place: "coordinator", fire });
  }

  /** Another machine will do something by itself: none of the coordinator's code runs. */
  scheduleElsewhere(ms: number, what: string, fire: () => void): void {
    this.#add(ms, { what, place: "elsewhere", fire });
  }

  /**
   * Makes the next event happen, unless it lies behind the horizon.
   *
   * @returns what it was, or `undefined` when there is none before the horizon
   */
  advance(horizonMs: number): Happening | undefined {
    for (;;) {
      const entry = this.#heap.peek();
      if (entry === undefined || entry.at > horizonMs) {
        if (Number.isFinite(horizonMs)) this.#now = Math.max(this.#now, horizonMs);
        return undefined;
      }
      this.#heap.pop();
      if (!entry.live) continue;
      entry.live = false;
      if (entry.place === "timer") this.#timers -= 1;
      this.#now = entry.at;
      entry.fire();
      return entry;
    }
  }

  #add(ms: number, { what, place, fire }: Happening & { readonly fire: () => void }): Entry {
    const entry: Entry = { at: this.#now + Math.max(0, ms), order: this.#order++, what, place, fire, live: true };
    this.#heap.push(entry);
    return entry;
  }
}

/** Resolves when no promise has anything left to run: Node drains the microtasks before the next tick's callbacks. */
export function settled(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}
