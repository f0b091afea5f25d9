import type { ProviderId } from "@hearth/protocol";
import type { HearthError } from "../platform/errors.js";
import type { Report } from "./outlier.js";

/**
 * A place on a provider, from the pick until the attempt is over. Reporting and disposing are idempotent: the first
 * report counts, but for a retraction of it, and a lease that is disposed without one reports `neutral`.
 */
export interface Lease extends Disposable {
  readonly provider: ProviderId;
  /** The breaker lets this request find out whether the provider is well again: it may hedge at once. */
  readonly probe: boolean;
  report(report: Report): void;
}

/** A provider was found, and a place on it taken. */
export type Picked = { readonly type: "picked"; readonly provider: ProviderId; readonly lease: Lease };

/** What came of looking for a provider. */
export type PickResult =
  | Picked
  /** Nobody has room now, and somebody is about to. */
  | { readonly type: "queue" }
  /** Waiting would not help. */
  | { readonly type: "unavailable"; readonly error: HearthError };
