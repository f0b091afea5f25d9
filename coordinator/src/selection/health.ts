import type { Provider } from "../fleet/provider.js";
import type { Traits } from "./traits.js";

/** What the past says about a provider: the breaker's side of the gates. */
export interface Health {
  /** Out for faults of this shape, or waiting for somebody else's probe. */
  isEjected(provider: Provider, traits: Traits): boolean;
  /** Out for refusing again and again while it showed room. */
  isCapacityCooled(provider: Provider, model: string): boolean;
  /** Its advertised room is believed: no refusal since its last heartbeat. */
  believesHeadroom(provider: Provider, model: string): boolean;
}
