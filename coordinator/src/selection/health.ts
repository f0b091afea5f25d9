import type { ProviderId } from "@hearth/protocol";
import type { Provider } from "../fleet/provider.js";
import type { Traits } from "./traits.js";

/** Whether somebody may find out if a provider is well again: no need to or not yet, `free`, or somebody is at it. */
export type Probe = "none" | "free" | "claimed";

/** What the past says about a provider: the breaker's side of the gates. */
export interface Health {
  /** Whether anything may be held against a machine: where not, it is neither out nor cooled, and its room is believed. */
  isSuspect(id: ProviderId): boolean;
  /** Out for faults of this shape or of several others, or waiting for somebody else's probe. */
  isOpen(provider: Provider, traits: Traits): boolean;
  /**
   * When it last failed, ms: who did longest ago serves when everybody is out. For a machine that is out as a whole
   * that is its last failure of any kind. −∞ where nothing is known.
   */
  lastFaultAt(provider: Provider, traits: Traits): number;
  /** Whether a request of this shape would be the probe of its breaker, or of its room after a cooldown. */
  probe(provider: Provider, traits: Traits): Probe;
  /** Out for refusing again and again while it showed room, and without having accepted anything since. */
  isCapacityCooled(provider: Provider, model: string): boolean;
  /** When it last refused for want of room, ms: who did longest ago is tried when everybody is cooled. −∞ = never. */
  lastRefusalAt(provider: Provider, model: string): number;
  /** Its advertised room is believed: no refusal since its last heartbeat. */
  believesHeadroom(provider: Provider, model: string): boolean;
}
