import { monitorEventLoopDelay } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";

/** How this process is. */
export interface Vitals {
  /** By how much the event loop was late for one in a hundred looks, and at worst, ms, within the last window. */
  readonly lagMs: number;
  readonly worstLagMs: number;
  /** The part of the heap's limit that is used. */
  readonly heapShare: number;
}

/** How often the lag is looked at, ms: Node's own default is 10, and this costs half. */
const RESOLUTION_MS = 20;
const NS_PER_MS = 1e6;

/** Watches this process until it is disposed of. */
export class ProcessVitals implements Disposable {
  readonly #delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #last = { lagMs: 0, worstLagMs: 0 };

  constructor() {
    this.#delays.enable();
  }

  /** Ends a window: what is read from now on is of this one. Call it again and again. */
  turn(): void {
    // What is measured is how long each look came after the one before it.
    const late = (ns: number): number => Math.max(0, ns / NS_PER_MS - RESOLUTION_MS);
    const { count, max } = this.#delays;
    this.#last = count === 0 ? this.#last : { lagMs: late(this.#delays.percentile(99)), worstLagMs: late(max) };
    this.#delays.reset();
  }

  read(): Vitals {
    const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
    return { ...this.#last, heapShare: used / limit };
  }

  [Symbol.dispose](): void {
    this.#delays.disable();
  }
}
