import type { ProviderId } from "@hearth/protocol";
import type { Provider } from "./provider.js";
import type { ProviderLink } from "./provider-link.js";
import type { Work } from "./work-history.js";
import type { Looked } from "./work-tally.js";

/** The providers: all that the layers above know of the fleet. */
export interface ProviderDirectory {
  /** The link to a connected provider. */
  link(id: ProviderId): ProviderLink | undefined;
  /** Every connected provider, in the order of arrival. */
  connected(): IterableIterator<ProviderLink>;
  /** Every provider that is connected or expected back. */
  providers(): IterableIterator<Provider>;
  /** Every model that a connected or expected provider names. */
  models(): Iterable<string>;
  /**
   * The connected and expected providers that name this model, without a search through all. Those that have named it
   * for longest come first. The array is the same object until the providers change.
   */
  serving(model: string): readonly Provider[];
  /** It has signed something false: it gets no requests for a while, even if it has left in the meantime. */
  distrust(id: ProviderId): void;
  /** How it fared in selection in the last hour, by the answers to its heartbeats. */
  workOf(id: ProviderId): Work;
  /** How long it gets no requests yet because it cheats, ms. */
  distrustedMs(id: ProviderId): number;
  /** Connected providers. */
  readonly size: number;
  /** Providers that are not connected and expected back. */
  readonly expected: number;
}

/** The same, for who puts a coordinator together. */
export interface FleetDirectory extends ProviderDirectory {
  /** Whether a machine that is connected or expected back names this model. */
  serves(model: string): boolean;
  /** Calls `onChange` whenever something that selection looks at may have changed. */
  watch(onChange: FleetWatcher): Disposable;
  /** @param models those whose machines have changed; absent = any */
  changed(models?: Provider["models"]): void;
  /** Counts a search for a provider for all machines that it concerns. */
  looked(look: Looked): void;
}

/** Told of the models whose machines have changed; `undefined` = it may be any. */
export type FleetWatcher = (models: Provider["models"] | undefined) => void;
