import { BoundedMap, type Clock } from "@hearth/platform";

/** What a limit lets through: as much in a minute as it says, all at once or evenly. */
export interface Limit {
  /** Whose: a key's id, and what is counted. */
  readonly name: string;
  readonly perMinute: number;
}

/** How a limit stands after it was asked. */
export interface Standing {
  readonly allowed: boolean;
  /** What could be taken at once now. */
  readonly remaining: number;
  /** When all of it could be taken again, ms from now. */
  readonly resetMs: number;
  /** When as much as was asked for can be taken, ms from now; 0 where it was. */
  readonly retryMs: number;
}

/** Counts what passes. In memory it answers at once; one that is shared among coordinators with a promise. */
export interface RateLimiter {
  /** Takes so much of a limit, or nothing. What is more than a whole minute's is taken as that. */
  take(limit: Limit, cost: number): Standing | Promise<Standing>;
  /** So much less was needed than was taken; below 0, more. */
  giveBack(limit: Limit, cost: number): void;
}

const MINUTE_MS = 60_000;
/** Limits that are remembered; one that is forgotten begins anew. */
const MAX_LIMITS = 100_000;

/**
 * GCRA (ITU-T I.371): of each limit one moment is kept, at which all that was taken would have passed evenly. It may lie a
 * minute ahead at most. No timers, and nothing to tidy up: a moment that has gone by is as good as none.
 */
export class MemoryRateLimiter implements RateLimiter {
  readonly #clock: Pick<Clock, "now">;
  /** Theoretical arrival times, ms on the clock. */
  readonly #arrivals = new BoundedMap<string, number>(MAX_LIMITS);

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  take({ name, perMinute }: Limit, cost: number): Standing {
    const now = this.#clock.now();
    const each = MINUTE_MS / perMinute;
    const before = Math.max(this.#arrivals.get(name) ?? now, now);
    const after = before + Math.min(cost, perMinute) * each;
    const overMs = after - now - MINUTE_MS;
    // What floating point adds is no reason to refuse.
    const allowed = overMs <= 1e-6;
    if (allowed) this.#arrivals.set(name, after);
    const arrival = allowed ? after : before;
    return {
      allowed,
      remaining: Math.max(0, Math.floor((MINUTE_MS - (arrival - now)) / each + 1e-9)),
      resetMs: arrival - now,
      retryMs: allowed ? 0 : overMs,
    };
  }

  giveBack({ name, perMinute }: Limit, cost: number): void {
    const arrival = this.#arrivals.get(name);
    if (arrival !== undefined) this.#arrivals.set(name, arrival - (cost * MINUTE_MS) / perMinute);
  }
}
