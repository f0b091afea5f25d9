import type { ProviderId } from "@hearth/protocol";
import type { Provider } from "../fleet/provider.js";
import type { Traits } from "./traits.js";

/** A provider's probe. `none`: not needed, or not yet. `free`: a request may claim it. `claimed`: a request has. */
export type Probe = "none" | "free" | "claimed";

/** What the breaker knows of a provider, as the gates need it. */
export interface Health {
  /** A cheap check: if false, nothing below is held against the machine, for any model or shape. */
  isSuspect(id: ProviderId): boolean;
  /** Open for this shape or for the whole machine, or half-open with a probe under way. */
  isOpen(provider: Provider, traits: Traits): boolean;
  /**
   * When it last failed, ms; −∞ = never. If the breaker is open for the whole machine, its last failure of any kind.
   * When all providers are open, the one that failed longest ago serves.
   */
  lastFaultAt(provider: Provider, traits: Traits): number;
  /** The probe that a request of this shape could be: of the breaker, or of capacity after a cooldown. */
  probe(provider: Provider, traits: Traits): Probe;
  /** In a capacity cooldown: it refused repeatedly while it advertised free slots, and has accepted nothing since. */
  isCapacityCooled(provider: Provider, model: string): boolean;
  /** When it last refused for want of capacity, ms; −∞ = never. Of providers in a cooldown the earliest goes first. */
  lastRefusalAt(provider: Provider, model: string): number;
  /** Its advertised free slots are believed: it has not refused since its last heartbeat. */
  believesHeadroom(provider: Provider, model: string): boolean;
}
