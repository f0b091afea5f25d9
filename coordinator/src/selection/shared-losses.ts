import type { ProviderId } from "@hearth/protocol";
import type { BreakerSettings } from "./breaker-settings.js";

/** Outages remembered. A verdict comes when its request is over, which may be minutes later. */
const OUTAGES_KEPT = 16;

interface Outage {
  readonly from: number;
  /** When its last connection was lost. */
  until: number;
}

/**
 * Tells connections lost by our own network from those lost by machines. When most of a fleet goes within two seconds,
 * the machines are not to blame.
 */
export class SharedLosses {
  readonly #settings: () => BreakerSettings;
  /** Machines that lost their connection within the window, the earliest first, and how many were connected before. */
  readonly #recent = new Map<ProviderId, { readonly at: number; readonly connected: number }>();
  readonly #outages: Outage[] = [];
  /** Machines already counted in the last outage, so that one that comes and goes does not prolong it. */
  readonly #lostInLast = new Set<ProviderId>();

  constructor(settings: () => BreakerSettings) {
    this.#settings = settings;
  }

  /**
   * A connection was lost.
   *
   * @param connected machines that were connected just before
   * @returns the machines whose losses have now turned out to be part of an outage
   */
  lost(id: ProviderId, at: number, connected: number): readonly ProviderId[] {
    const { outageWindowMs } = this.#settings();
    this.#recent.delete(id);
    this.#recent.set(id, { at, connected });
    for (const [each, loss] of this.#recent) {
      if (at - loss.at <= outageWindowMs) break;
      this.#recent.delete(each);
    }
    const last = this.#outages.at(-1);
    if (last === undefined || at - last.until > outageWindowMs) {
      return this.#begin(at, connected) ? [...this.#recent.keys()] : [];
    }
    if (this.#lostInLast.has(id)) return [];
    last.until = at;
    this.#lostInLast.add(id);
    return [id];
  }

  /** Whether a connection lost at that time was lost in an outage of ours. */
  covers(at: number): boolean {
    const { outageWindowMs } = this.#settings();
    return this.#outages.some(({ from, until }) => at >= from - outageWindowMs && at <= until + outageWindowMs);
  }

  #begin(at: number, connected: number): boolean {
    const { outageShare, outageMachines } = this.#settings();
    const [oldest = { at, connected }] = this.#recent.values();
    const machines = Math.max(oldest.connected, connected);
    if (this.#recent.size < outageMachines || this.#recent.size <= outageShare * machines) return false;
    this.#outages.push({ from: oldest.at, until: at });
    this.#lostInLast.clear();
    for (const id of this.#recent.keys()) this.#lostInLast.add(id);
    if (this.#outages.length > OUTAGES_KEPT) this.#outages.shift();
    return true;
  }
}
