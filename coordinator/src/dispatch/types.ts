import type {
  AttemptId,
  BackendDialect,
  CancelReason,
  Progress,
  ProviderId,
  Usage,
  WorkingScope,
  WorkingSign,
} from "@hearth/protocol";
import type { HearthError } from "../platform/errors.js";

/** One event of a backend's stream: its bytes as they came, and what they mean, parsed once. */
export interface Chunk {
  /** The dialect that the backend spoke. */
  readonly dialect: BackendDialect;
  readonly bytes: Uint8Array;
  readonly parsed: unknown;
  /** `bytes` are the one JSON body of a whole answer, and `parsed` is the one event that it amounts to. */
  readonly whole?: true;
  /** The answer it belongs to, from 0, when several attempts give one answer each. Absent = `parsed` says so itself. */
  readonly choice?: number;
}

/** Why an attempt failed. */
export type FailureCode =
  | "backend_error" // the backend answered with an error, by status or wrapped in a 200
  | "backend_unreachable"
  | "capacity" // 429 or 503: full, not broken
  | "rejected" // a 4xx that the request itself may have caused
  | "connection_lost"
  | "protocol_violation" // frames, ciphertext or events that the protocol does not allow
  | "truncated" // the stream ended without its final frame
  | "timeout" // nobody began to answer in time
  | "fell_silent" // it began, and fell silent before its first content
  | "load_timeout" // its model was still being loaded when the time was up
  | "no_room" // nobody became free in time
  | "stalled" // silent too long after content
  | "internal"; // our own failure: touches no provider

export interface AttemptFailure {
  readonly code: FailureCode;
  /** How far the provider got, which tells whether the request can safely be sent elsewhere. */
  readonly progress: Progress;
  /** Another provider may succeed. */
  readonly retryable: boolean;
  /** The provider is to blame; feeds the breaker. */
  readonly faulty: boolean;
  /** Its machine has no part in it: it says nothing of its capacity either. */
  readonly apart?: true;
  /** The HTTP status the failure amounts to. */
  readonly status: number;
  /** The backend's own error object, for the consumer only. */
  readonly upstreamError?: unknown;
}

/** The events of an attempt, in order. `end` and `failed` are terminal: at most one comes, and none after a cancel. */
export type AttemptEvent =
  /** A sign of life whose counter has moved; never commits. With scope `server` it may be of other requests' work. */
  | {
      readonly type: "working";
      readonly sign: WorkingSign;
      readonly counter: number;
      readonly scope: WorkingScope;
    }
  /**
   * An event before the content: held, never commits. With `repeats` it replaces the one before. `echoedBytes` of it
   * may be the request repeated, and do not count towards what may be held.
   */
  | { readonly type: "preamble"; readonly chunk: Chunk; readonly repeats?: boolean; readonly echoedBytes?: number }
  /** Chunks that arrived together, at least one. The first content commits. */
  | { readonly type: "content"; readonly chunks: readonly Chunk[] }
  | { readonly type: "end"; readonly usage: Usage }
  | { readonly type: "failed"; readonly failure: AttemptFailure };

/** One try of one request on one provider. */
export interface Attempt extends AsyncIterable<AttemptEvent> {
  readonly id: AttemptId;
  readonly provider: ProviderId;
  /** Stops the work and ends the iteration. Idempotent; nothing happens after a terminal event. */
  cancel(reason: CancelReason): void;
}

/**
 * Why an attempt was started. `primary`: it is the first. `retry`: in place of one that failed or is late. `overtake`:
 * beside one that shows signs of life and takes longer than expected. `backup`: beside one, only for speed.
 */
export type AttemptRole = "primary" | "retry" | "overtake" | "backup";

/** The terms of a new attempt. */
export interface StartTerms {
  readonly role: AttemptRole;
  /** It may wait for a slot until patience is over; else it takes one that is free, or none. */
  readonly waits: boolean;
  /** When patience is over, ms on the driver's clock. */
  readonly until: number;
  /** Only a provider will do that differs from all that were tried in its program, its backend or its context. */
  readonly unlikeEarlier?: boolean;
  /** Only a provider will do whose first content is expected before this, ms on the driver's clock. */
  readonly expectedBefore?: number;
  /** No other attempt may follow it. */
  readonly last: boolean;
}

/** The start of an attempt: it runs, or nobody could take it. */
export type StartResult<A extends Attempt = Attempt> =
  | ({ readonly type: "started"; readonly attempt: A } & StartedClocks)
  | { readonly type: "unavailable"; readonly error: HearthError };

/** What the clocks of an attempt need to know of the provider that took it. */
export interface StartedClocks {
  /** After this long without content another provider is looked for, ms. */
  readonly estimateMs: number;
  /** The provider's quality is unknown: a backup starts at once, so that the consumer does not pay for finding out. */
  readonly hedgeAtOnce: boolean;
}

/** The attempt whose answer is complete. */
export interface Success<A extends Attempt = Attempt> {
  readonly type: "success";
  readonly attempt: A;
  readonly usage: Usage;
}

/** How a request ended. */
export type Outcome<A extends Attempt = Attempt> =
  | Success<A>
  /** `committed` tells whether the consumer had received content. */
  | { readonly type: "failed"; readonly committed: boolean; readonly error: HearthError }
  | { readonly type: "cancelled"; readonly committed: boolean; readonly reason: CancelReason };

/** The numbers of one request's dispatch; `DEFAULT_POLICY` in policy.ts names each source. */
export interface DispatchPolicy {
  readonly maxAttempts: number;
  /** How many of them may have cost the consumer time. */
  readonly maxCostlyAttempts: number;
  /** An attempt that ran longer than this has cost time, ms. */
  readonly costlyMs: number;
  /** An attempt's deadline is this many times its estimate … */
  readonly deadlineFactor: number;
  /** … later by this much with each movement, ms … */
  readonly signExtensionMs: number;
  /** … to this many times its estimate … */
  readonly signExtensionsMax: number;
  /** … or, while its backend loads, to this, ms from its start. */
  readonly loadingMaxMs: number;
  /** How often another provider is looked for again, beside a slow attempt or in place of a late one, ms. */
  readonly reseekMs: number;
  /** When the first content, or the first report that it is being written, is due, ms on the driver's clock. */
  readonly patienceAt: number;
  /** How long patience lasts when it begins anew, after an answer that failed while it was being written, ms. */
  readonly patienceMs: number;
  /** Start a backup after this long without content, ms. */
  readonly hedgeDelayMs: number | "half_estimate" | "never";
  readonly heldChunksMax: number;
  readonly heldBytesMax: number;
  /** Longest silence between two content events after commit, ms. */
  readonly contentGapMs: number;
  /** How long signs of life without content keep a stream alive at most, ms. */
  readonly signsAloneMs: number;
}

/** Numbers attempts within one request, in the order of opening. */
export type AttemptIndex = number;

/** Timers of one request. */
export type TimerName = "hedge" | "patience" | `due:${AttemptIndex}` | "gap";

/** When an answer that has begun was last heard of, ms. */
export interface LastHeard {
  /** When content last came, or a report that it is being written. */
  readonly lastContentAt: number;
  /** When anything last came. */
  readonly lastSignAt: number;
}

/** One attempt, before anybody has committed. */
export interface RacingAttempt {
  readonly index: AttemptIndex;
  readonly role: AttemptRole;
  /** When a provider took it, ms; `undefined` = none has yet. */
  readonly startedAt: number | undefined;
  readonly estimateAt: number;
  /** When a backup may start, ms; `undefined` = this attempt gets none. */
  readonly hedgeAt: number | undefined;
  /** It is late once this has passed without content. */
  readonly deadlineAt: number;
  /** The latest deadline that signs of life can lead to, except for those of loading. */
  readonly extensibleTo: number;
  /** The state that it last reported: none, waiting in the backend's queue, loading the model, or begun. */
  readonly heard: "nothing" | "waiting" | "loading" | "begun";
  /** A sign of life of scope `server` has extended the deadline. It may do so only once. */
  readonly extendedOnce: boolean;
  /** Its deadline passed without content: the next attempt that starts replaces it. */
  readonly late: boolean;
  /** Set once it has reported that it is writing an answer which comes as a whole. */
  readonly writing: LastHeard | undefined;
  readonly heldChunks: number;
  readonly heldBytes: number;
}

/** A clean end without content, and the attempt that it is of. */
export interface EmptyAnswer {
  readonly attempt: AttemptIndex;
  readonly usage: Usage;
}

/** What went wrong so far. */
export interface SeenFailures {
  /** The first 4xx. */
  readonly rejected: AttemptFailure | undefined;
  readonly last: AttemptFailure | undefined;
}

export type DispatchState =
  | { readonly phase: "idle" }
  | {
      readonly phase: "racing";
      readonly attempts: readonly RacingAttempt[];
      readonly opened: number;
      /** Number of attempts that are over and have cost the consumer time. */
      readonly costly: number;
      /** Moves only when an answer fails that was being written. */
      readonly patienceAt: number;
      readonly hedged: boolean;
      readonly failures: SeenFailures;
      /** A clean end without content, which the consumer gets if no other attempt gives an answer. */
      readonly empty: EmptyAnswer | undefined;
    }
  | ({ readonly phase: "committed"; readonly winner: AttemptIndex } & LastHeard)
  | { readonly phase: "closed" };

export type DispatchInput =
  | { readonly type: "begin"; readonly now: number }
  | { readonly type: "event"; readonly attempt: AttemptIndex; readonly event: AttemptEvent; readonly now: number }
  /** A provider has taken the attempt. */
  | ({ readonly type: "started"; readonly attempt: AttemptIndex; readonly now: number } & StartedClocks)
  | { readonly type: "unavailable"; readonly attempt: AttemptIndex; readonly error: HearthError; readonly now: number }
  | { readonly type: "timer"; readonly timer: TimerName; readonly now: number }
  /** A slow consumer has taken all that was emitted. */
  | { readonly type: "resumed"; readonly now: number }
  | { readonly type: "abort"; readonly reason: CancelReason; readonly now: number };

/** What the driver is to do, in order. */
export type DispatchEffect =
  | { readonly type: "open"; readonly attempt: AttemptIndex; readonly terms: StartTerms }
  | { readonly type: "cancel"; readonly attempt: AttemptIndex; readonly reason: CancelReason }
  /** Hold this chunk back in case its attempt wins; with `instead`, in place of the one held last. */
  | { readonly type: "hold"; readonly attempt: AttemptIndex; readonly chunk: Chunk; readonly instead: boolean }
  /** The attempt has won: what was held for it goes out first. */
  | { readonly type: "commit"; readonly attempt: AttemptIndex }
  | { readonly type: "emit"; readonly chunks: readonly Chunk[] }
  | { readonly type: "arm"; readonly timer: TimerName; readonly at: number }
  | { readonly type: "finish"; readonly result: DispatchResult };

/** An outcome by the numbers of attempts, for which the driver puts in the attempts. */
export type DispatchResult =
  | { readonly type: "success"; readonly attempt: AttemptIndex; readonly usage: Usage }
  | { readonly type: "failed"; readonly committed: boolean; readonly failure: AttemptFailure }
  | { readonly type: "unavailable"; readonly error: HearthError }
  | { readonly type: "cancelled"; readonly committed: boolean; readonly reason: CancelReason };
