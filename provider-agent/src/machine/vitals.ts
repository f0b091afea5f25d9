import { type Clock, repeat } from "@hearth/platform";
import type { Vitals, VitalsSource } from "./vitals-reading.js";

export interface VitalsMonitorOptions {
  readonly clock: Clock;
  readonly source: VitalsSource;
  /** Default 5 s, a heartbeat's. */
  readonly intervalMs?: number;
}

/** Two readings of a heartbeat's interval lie this far apart. */
const INTERVAL_MS = 5_000;
/** After so many intervals without an answer, what was read says nothing about now. */
const STALE_INTERVALS = 6;

/** Knows how the machine is, by looking again and again, one look at a time. */
export class VitalsMonitor implements Disposable {
  readonly #clock: Clock;
  readonly #source: VitalsSource;
  readonly #staleMs: number;
  readonly #timer: Disposable;
  readonly #stop = new AbortController();
  #latest: { readonly vitals: Vitals; readonly at: number } | undefined;
  #reading: Promise<void> | undefined;

  constructor({ clock, source, intervalMs = INTERVAL_MS }: VitalsMonitorOptions) {
    this.#clock = clock;
    this.#source = source;
    this.#staleMs = STALE_INTERVALS * intervalMs;
    this.#timer = repeat(clock, intervalMs, () => void this.refresh());
    void this.refresh();
  }

  /** The latest reading, for a heartbeat; empty before the first and after the last has grown stale. */
  get current(): Vitals {
    const latest = this.#latest;
    return latest !== undefined && this.#clock.now() - latest.at <= this.#staleMs ? latest.vitals : {};
  }

  /** Looks now, or joins the look that is under way. Never rejects. */
  refresh(): Promise<void> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
    this.#stop.abort();
  }

  async #read(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    try {
      const vitals = await this.#source.read(this.#stop.signal);
      this.#latest = { vitals, at: this.#clock.now() };
    } catch {
      // A reading that failed leaves the one before, until it is stale.
    }
  }
}
