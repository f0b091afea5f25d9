import { BoundedMap } from "@hearth/platform";
import type { ProviderId } from "@hearth/protocol";

/** Leases of one machine that are remembered: as many as can run on it at once, and some more. */
const MAX_SEEN = 4_096;
/** More machines than one node has. */
const MAX_MACHINES = 20_000;
/** How much older than the youngest lease one may be, µs: it has ended since, unless it was renewed, which fences are not. */
const OLDEST_US = 30_000_000;

interface Seen {
  readonly epoch: number;
  youngest: number;
  readonly fences: BoundedMap<number, true>;
}

/**
 * Looks at the fencing tokens of leases where the machine is: each counts once, for the present connection, and not when
 * it is so old that its slot may have been leased to somebody else since. Whatever has happened to Redis, two requests
 * never run on one token.
 */
export class SlotGuard {
  readonly #seen = new BoundedMap<ProviderId, Seen>(MAX_MACHINES);

  /** @returns whether a request may run on it; it does not count again */
  use(provider: ProviderId, epoch: number, fence: number): boolean {
    const before = this.#seen.get(provider);
    const seen =
      before?.epoch === epoch ? before : { epoch, youngest: 0, fences: new BoundedMap<number, true>(MAX_SEEN) };
    this.#seen.set(provider, seen);
    if (fence < seen.youngest - OLDEST_US || seen.fences.has(fence)) return false;
    seen.fences.set(fence, true);
    seen.youngest = Math.max(seen.youngest, fence);
    return true;
  }
}
