import type { ProviderId } from "@hearth/protocol";
import type { Provider } from "./provider.js";
import type { ProviderLink } from "./provider-link.js";

/** Who is there: all that the layers above the fleet know of it. */
export interface ProviderDirectory {
  /** A connected provider's. */
  link(id: ProviderId): ProviderLink | undefined;
  /** Every connected provider, in the order of arrival. */
  connected(): IterableIterator<ProviderLink>;
  /** Every provider that is connected or expected back. */
  providers(): IterableIterator<Provider>;
  /** Every model that one of them names. */
  models(): Iterable<string>;
  /**
   * Those of them that name this model, found without looking at the others: who has named it longest comes first, since
   * its connection began or, where it is expected back, before it went. While these are the same, so is the list.
   */
  serving(model: string): readonly Provider[];
  /** It has signed what is not true: it gets nothing for a while, also where it has left meanwhile. */
  distrust(id: ProviderId): void;
  /** Connected providers. */
  readonly size: number;
  /** Providers that are not connected and expected back. */
  readonly expected: number;
}
