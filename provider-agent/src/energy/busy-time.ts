import { describeDiskFault } from "@hearth/disk";
import { type Clock, repeat } from "@hearth/platform";
import type { Logger } from "../platform/logger.js";
import { DAY_MS, utcDayOf, utcWeekOf } from "../platform/utc-days.js";
import type { BusyRecord, BusyStore } from "./busy-file.js";

export interface BusyTimeOptions {
  /** Counts while this process can do something: neither a sleep of the machine nor a clock that is set counts. */
  readonly clock: Clock;
  /** The time of day, ms: says which day it is. */
  readonly wallTime: () => number;
  readonly store: BusyStore;
  readonly log: Logger;
}

/** How long requests ran, ms. Days are those of UTC, weeks begin on Monday. */
export interface BusySums {
  readonly todayMs: number;
  readonly weekMs: number;
  readonly totalMs: number;
  /** When the count began, ms since the epoch. */
  readonly since: number;
}

/** Since when requests run, or none does. */
export interface BusyState {
  readonly busy: boolean;
  /** By the clock, ms. */
  readonly since: number;
}

/** How often what was counted is written, ms: a crash loses that much. */
export const KEEP_MS = 60_000;
/** Days that are told one by one; older ones are added up. */
export const MAX_DAYS = 62;

/** Counts how long requests run, however many at once, by the day. */
export class BusyTime implements Disposable {
  readonly #options: BusyTimeOptions;
  readonly #days: Map<number, number>;
  readonly #startedAt: number;
  #earlierMs: number;
  #state: BusyState;
  /** Time before this is counted, by the clock. */
  #countedUntil: number;
  #isKept = true;
  #problem: string | undefined;
  readonly #keeping: Disposable;

  constructor(options: BusyTimeOptions) {
    const { clock, wallTime, store, log } = options;
    this.#options = options;
    const loaded = store.load();
    if (loaded === "unreadable") log.warn("what was kept of busy time cannot be read: it is counted from now on");
    const kept: BusyRecord = typeof loaded === "string" ? { since: wallTime(), earlierMs: 0, days: [] } : loaded;
    this.#days = new Map(kept.days.map(({ day, ms }) => [day, ms]));
    this.#earlierMs = kept.earlierMs;
    this.#startedAt = kept.since;
    this.#countedUntil = clock.now();
    this.#state = { busy: false, since: this.#countedUntil };
    this.#keeping = repeat(clock, KEEP_MS, () => this.#keep());
  }

  /** Counts to the end of what runs, and keeps it. */
  [Symbol.dispose](): void {
    this.#keeping[Symbol.dispose]();
    this.#keep();
  }

  get state(): BusyState {
    return this.#state;
  }

  /** Why what was counted lately is lost when the agent ends, as the end of a sentence; absent = it was written. */
  get unkept(): string | undefined {
    return this.#problem;
  }

  /** The first request runs now, or the last one has ended. */
  turn(busy: boolean): void {
    this.#count();
    if (busy !== this.#state.busy) this.#state = { busy, since: this.#countedUntil };
  }

  /** As of now, by the time of day that it is now. */
  sums(): BusySums {
    this.#count();
    const now = this.#options.wallTime();
    let [todayMs, weekMs, totalMs] = [0, 0, this.#earlierMs];
    for (const [day, ms] of this.#days) {
      if (day === utcDayOf(now)) todayMs += ms;
      if (utcWeekOf(day) === utcWeekOf(now)) weekMs += ms;
      totalMs += ms;
    }
    return { todayMs, weekMs, totalMs, since: this.#startedAt };
  }

  /** Gives the time since it was last counted to the days in which it lies, if requests ran in it. */
  #count(): void {
    const { clock, wallTime } = this.#options;
    const now = clock.now();
    const ms = now - this.#countedUntil;
    this.#countedUntil = now;
    if (!this.#state.busy || ms <= 0) return;
    this.#isKept = false;
    const until = wallTime();
    let from = until - ms;
    while (from < until) {
      const day = utcDayOf(from);
      const end = Math.min(until, day + DAY_MS);
      this.#days.set(day, (this.#days.get(day) ?? 0) + end - from);
      from = end;
    }
  }

  #keep(): void {
    this.#count();
    if (this.#isKept) return;
    const days = [...this.#days].map(([day, ms]) => ({ day, ms })).sort((a, b) => a.day - b.day);
    for (const { day, ms } of days.splice(0, Math.max(0, days.length - MAX_DAYS))) {
      this.#days.delete(day);
      this.#earlierMs += ms;
    }
    const { store, log } = this.#options;
    try {
      store.save({ since: this.#startedAt, earlierMs: this.#earlierMs, days });
      this.#isKept = true;
      this.#problem = undefined;
    } catch (error) {
      if (this.#problem === undefined) log.warn({ problem: describeDiskFault(error) }, "busy time cannot be kept");
      this.#problem = describeDiskFault(error);
    }
  }
}
