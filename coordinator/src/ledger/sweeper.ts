import { type Clock, describeFault } from "@hearth/platform";
import type { Logger } from "../platform/logger.js";
import type { AbandonResult, LedgerStore, OpenReservation } from "../store/ledger-store.js";
import type { LedgerSettings } from "./ledger-settings.js";

export interface SweeperDeps {
  readonly store: Pick<LedgerStore, "abandoned" | "abandon">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly node: string;
  /** Whether this process will resolve it. */
  readonly isLive: (id: string) => boolean;
  readonly abandoned: (result: AbandonResult) => void;
  readonly settings: Pick<LedgerSettings, "leaseMs" | "sweepAtMost">;
}

interface Watched {
  readonly expiresAtMs: number;
  /** By the monotonic clock. */
  readonly sinceMs: number;
}

/**
 * Resolves what nobody will: reservations of this node's earlier life, and those of anybody that have expired. Wall
 * clocks jump, and those of two nodes differ: that one has expired counts only once it has stayed the same for a whole
 * lease by our own monotonic clock, for whoever is alive renews it within that.
 */
export class Sweeper {
  readonly #deps: SweeperDeps;
  #watched = new Map<string, Watched>();
  #isRecovered = false;

  constructor(deps: SweeperDeps) {
    this.#deps = deps;
  }

  /** Never rejects: what the store does not take now is tried again. */
  async sweep(): Promise<void> {
    try {
      await this.#recover();
      await this.#expire();
    } catch (error) {
      this.#deps.log.error({ fault: describeFault(error) }, "reservations not swept");
    }
  }

  async #recover(): Promise<void> {
    const { store, node, settings, isLive } = this.#deps;
    while (!this.#isRecovered) {
      const left = await store.abandoned({ because: "recovery", node, limit: settings.sweepAtMost });
      const dead = left.filter(({ id }) => !isLive(id));
      for (const { id } of dead) await this.#abandon(id, { type: "recovery", node });
      // Those that are live stand before others at most as often as the list is full of them.
      this.#isRecovered = dead.length === 0;
    }
  }

  async #expire(): Promise<void> {
    const { store, clock, settings, isLive } = this.#deps;
    const nowMs = clock.wallTime();
    const due = await store.abandoned({ because: "expiry", nowMs, limit: settings.sweepAtMost });
    const watched = new Map<string, Watched>();
    for (const one of due) {
      if (isLive(one.id)) continue;
      const since = this.#watchedSince(one);
      if (clock.now() - since < settings.leaseMs) watched.set(one.id, { expiresAtMs: one.expiresAtMs, sinceMs: since });
      else await this.#abandon(one.id, { type: "expiry", expiresAtMs: one.expiresAtMs });
    }
    this.#watched = watched;
  }

  #watchedSince({ id, expiresAtMs }: OpenReservation): number {
    const known = this.#watched.get(id);
    return known?.expiresAtMs === expiresAtMs ? known.sinceMs : this.#deps.clock.now();
  }

  async #abandon(id: string, because: Parameters<LedgerStore["abandon"]>[0]["because"]): Promise<void> {
    this.#deps.abandoned(await this.#deps.store.abandon({ id, nowMs: this.#deps.clock.wallTime(), because }));
  }
}
