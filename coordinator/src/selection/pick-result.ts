import type { ProviderId } from "@hearth/protocol";
import type { HearthError } from "../platform/errors.js";

/** What a request's end says of one of its attempts' providers. */
export type Verdict =
  | "success"
  /** It tells nothing of the provider: the request's own fault, ours, the network's, or nobody's. */
  | "neutral"
  /** Its own deadline passed without content. */
  | "late"
  | Fault
  /** It refused what another machine with the same build then did: no fault, unless it had said that it could. */
  | "refused_alone"
  | Retraction;

/** Its success was none, as was seen only afterwards: it could not be read, or what was signed for it is not true. */
export type Retraction = "retraction" | "false_receipt";

export const isRetraction = (verdict: Verdict): verdict is Retraction =>
  verdict === "retraction" || verdict === "false_receipt";

export interface Fault {
  /** Another provider did what this one failed at. */
  readonly confirmed: boolean;
  /** The connection was lost: one fault, however many attempts it carried. */
  readonly connectionLost: boolean;
  /** Content of it may have been shown to the consumer. Default: no. */
  readonly afterContent?: boolean;
}

/**
 * A place on a provider. Disposing gives the place back when the attempt is over; the verdict follows when its request
 * is. All of it is idempotent; the first verdict counts, but for a retraction of it.
 */
export interface Lease extends Disposable {
  readonly provider: ProviderId;
  /** The breaker lets this request find out whether the provider is well again: it may hedge at once. */
  readonly probe: boolean;
  /** What is known at once: it works on the request, or has no room for it. */
  report(sign: "accept" | "refusal"): void;
  /** @param at when what it is about was seen, ms: a verdict that comes late is weighed by that */
  judge(verdict: Verdict, at: number): void;
}

/** How long a provider is expected to take to the first content of a request. */
export interface Expectation {
  /** What is most likely, ms. */
  readonly expectedMs: number;
  /** The same with a margin, and no less than the operator's least: when it passes, somebody else is looked for. */
  readonly estimateMs: number;
  /** Nothing of it has been measured on this machine: lateness against it is no fault while its signs move. */
  readonly byDefault: boolean;
}

/** A provider was found, and a place on it taken. */
export interface Picked {
  readonly type: "picked";
  readonly provider: ProviderId;
  readonly lease: Lease;
  readonly expectation: Expectation;
  /** Nobody knows how it will do (a probe, or a machine without evidence): it need not be waited for before a backup. */
  readonly hedgeAtOnce: boolean;
}

/** What came of looking for a provider. */
export type PickResult =
  | Picked
  /** Nobody has room now, and somebody is about to. */
  | {
      readonly type: "queue";
      /** What everybody lacks; absent = free slots. */
      readonly lacking?: "memory";
    }
  /** Waiting would not help. */
  | { readonly type: "unavailable"; readonly error: HearthError };
