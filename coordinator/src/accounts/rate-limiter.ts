import { BoundedMap, type Clock } from "@hearth/platform";

/** What a limit lets through: as much in a minute as it says, all at once or evenly. */
export interface Limit {
  /** Whose: a key's id, and what is counted. */
  readonly name: string;
  readonly perMinute: number;
}

/** How a limit stands after it was asked. */
export type Standing = {
  /** What could be taken at once now. */
  readonly remaining: number;
  /** When all of it could be taken again, ms from now. */
  readonly resetMs: number;
} & (
  | { readonly allowed: true; readonly taken: Taken }
  | {
      readonly allowed: false;
      /** When as much as was asked for can be taken, ms from now. */
      readonly retryMs: number;
    }
);

/** What was taken of a limit. */
export interface Taken {
  /** Tells once what was really needed: less is given back, but for what time has already given back, and more is taken. */
  cameTo(cost: number): void;
}

/** Counts what passes. In memory it answers at once; one that is shared among coordinators with a promise. */
export interface RateLimiter {
  /** Takes so much of a limit, or nothing. What is more than a whole minute's is taken as that. */
  take(limit: Limit, cost: number): Standing | Promise<Standing>;
}

const MINUTE_MS = 60_000;
/** Limits that are remembered; one that is forgotten begins anew. */
const MAX_LIMITS = 100_000;

/** One limit, in ms on the clock. */
interface Line {
  /** Theoretical arrival time: when all that was taken has passed. */
  arrival: number;
  /** Where in the line each ends of which nobody has told yet what it came to, in the order in which they were taken. */
  readonly open: { end: number }[];
}

/**
 * GCRA (ITU-T I.371): of each limit one moment is kept, at which all that was taken would have passed evenly. It may lie a
 * minute ahead at most. No timers, and nothing to tidy up: a moment that has gone by is as good as none.
 */
export class MemoryRateLimiter implements RateLimiter {
  readonly #clock: Pick<Clock, "now">;
  readonly #lines = new BoundedMap<string, Line>(MAX_LIMITS);

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  take({ name, perMinute }: Limit, cost: number): Standing {
    const now = this.#clock.now();
    const each = MINUTE_MS / perMinute;
    const line = this.#lines.get(name) ?? { arrival: now, open: [] };
    const before = Math.max(line.arrival, now);
    const asked = Math.min(cost, perMinute);
    const after = before + asked * each;
    const overMs = after - now - MINUTE_MS;
    // What floating point adds is no reason to refuse.
    const allowed = overMs <= 1e-6;
    const arrival = allowed ? after : before;
    const resetMs = arrival - now;
    const remaining = Math.max(0, Math.floor((MINUTE_MS - resetMs) / each + 1e-9));
    if (!allowed) return { allowed, remaining, resetMs, retryMs: overMs };
    line.arrival = after;
    this.#lines.set(name, line);
    return { allowed, remaining, resetMs, taken: this.#taken(line, asked, each) };
  }

  #taken(line: Line, asked: number, each: number): Taken {
    const own = { end: line.arrival };
    line.open.push(own);
    return {
      cameTo: (cost) => {
        const at = line.open.indexOf(own);
        if (at < 0) return;
        const now = this.#clock.now();
        const later = line.open.splice(at).slice(1);
        // What has passed is gone: only what lies ahead can be given back, and whoever came later moves up by it.
        const backMs = Math.min((asked - cost) * each, Math.max(0, own.end - now));
        for (const other of later) other.end -= Math.max(0, backMs);
        line.open.push(...later);
        line.arrival = Math.max(line.arrival, now) - backMs;
      },
    };
  }
}
