import type { ProviderId } from "@hearth/protocol";
import type { HearthError } from "../platform/errors.js";
import type { Score } from "./score-terms.js";

/** What the end of a request says about the provider of one of its attempts. */
export type Verdict =
  | "success"
  /** Nothing: the request was at fault, or we, or the network, or nobody. */
  | "neutral"
  /** The attempt's own deadline passed without content. */
  | "late"
  | Fault
  /** It refused what another machine with the same build then did. No fault, unless it had advertised the ability. */
  | "refused_alone"
  | Retraction;

/** A success that later turned out to be none: the answer could not be read, or the receipt for it is false. */
export type Retraction = "retraction" | "false_receipt";

export const isRetraction = (verdict: Verdict): verdict is Retraction =>
  verdict === "retraction" || verdict === "false_receipt";

export interface Fault {
  /** Another provider did what this one failed at. */
  readonly confirmed: boolean;
  /** The connection was lost: one fault, however many attempts it carried. */
  readonly connectionLost: boolean;
  /** The consumer may have seen content. Default: no. */
  readonly afterContent?: boolean;
}

/**
 * A leased slot of a provider. It is disposed, which gives the slot back, when the attempt is over; the verdict follows
 * when its request is. All of it is idempotent: the first verdict counts, unless it is retracted.
 */
export interface Lease extends Disposable {
  readonly provider: ProviderId;
  /** The request is the breaker's probe of whether the provider has recovered. It may hedge at once. */
  readonly probe: boolean;
  /** Tells at once that the provider works on the request, or has no capacity for it. */
  report(sign: "accept" | "refusal"): void;
  /** @param at when the judged event was observed, ms: by this a late verdict is placed */
  judge(verdict: Verdict, at: number): void;
}

/** How long a provider is expected to take to the first content of a request. */
export interface Expectation {
  /** What is most likely, ms. */
  readonly expectedMs: number;
  /** The same with a margin, and no less than the operator's minimum. Past it, another provider is looked for. */
  readonly estimateMs: number;
  /** None of it was measured on this machine. Being late by it is no fault while there are signs of life. */
  readonly byDefault: boolean;
}

/** A provider was found, and a slot of it leased. */
export interface Picked {
  readonly type: "picked";
  readonly provider: ProviderId;
  readonly lease: Lease;
  readonly expectation: Expectation;
  /** Why it was chosen: the terms of its score, as they were then. */
  readonly score: Score;
  /** The provider's quality is unknown (a probe, or a machine without evidence): a backup need not wait. */
  readonly hedgeAtOnce: boolean;
}

/** The result of a search for a provider. */
export type PickResult =
  | Picked
  /** No slot is free now, and one is expected to be. */
  | {
      readonly type: "queue";
      /** What all providers lack. Absent = free slots. */
      readonly lacking?: "memory";
    }
  /** Waiting would not help. */
  | { readonly type: "unavailable"; readonly error: HearthError };
