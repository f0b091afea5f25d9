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
  /** `bytes` are the answer's one JSON body, and `parsed` the one event that says all of it. */
  readonly whole?: true;
  /** Which of the answers it belongs to, from 0, where several attempts give one each; absent = it says so itself. */
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
  /** How far the provider got: is it safe to send the request elsewhere, and was work done? */
  readonly progress: Progress;
  /** Another provider may succeed. */
  readonly retryable: boolean;
  /** The provider is to blame; feeds the breaker. */
  readonly faulty: boolean;
  /** The HTTP status the failure amounts to. */
  readonly status: number;
  /** The backend's own error object, for the consumer only. */
  readonly upstreamError?: unknown;
}

/** What an attempt tells, in order. `end` and `failed` are terminal and come at most once, and not after a cancel. */
export type AttemptEvent =
  /** A sign of life whose counter has moved; never commits. One of `server` cannot be tied to this request. */
  | {
      readonly type: "working";
      readonly sign: WorkingSign;
      readonly counter: number;
      readonly scope: WorkingScope;
    }
  /**
   * Held, never commits. One that repeats the one before takes its place. So many of its bytes as may only say again
   * what was asked do not count.
   */
  | { readonly type: "preamble"; readonly chunk: Chunk; readonly repeats?: boolean; readonly echoedBytes?: number }
  /** One or more, as they arrived together. The first one commits. */
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
 * Which part an attempt plays in its request: the first, one in the place of another that has failed or is late, one
 * beside another that moves and takes longer than was expected, one beside another for speed's sake.
 */
export type AttemptRole = "primary" | "retry" | "overtake" | "backup";

/** What is asked for with a new attempt. */
export interface StartTerms {
  readonly role: AttemptRole;
  /** It may wait for room, until patience is over; else it takes what is free, or nothing. */
  readonly waits: boolean;
  /** Patience is over then, ms on the driver's clock. */
  readonly until: number;
  /** Only one that differs in its program, its backend or its context from all that were tried will do. */
  readonly unlikeTried?: boolean;
  /** Only one whose first content is expected before this will do, ms on the driver's clock. */
  readonly expectedBefore?: number;
  /** No other attempt may follow it. */
  readonly last: boolean;
}

/** The start of an attempt: it runs, or nobody could take it. */
export type StartResult<A extends Attempt = Attempt> =
  | ({ readonly type: "started"; readonly attempt: A } & StartedClocks)
  | { readonly type: "unavailable"; readonly error: HearthError };

/** What is known of the provider that took it. */
export interface StartedClocks {
  /** When this passes without content, somebody else is looked for, ms. */
  readonly estimateMs: number;
  /** A provider that is to show what it can: its consumer need not pay for that. */
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
  /** Of these, so many may cost the consumer time. */
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
  /** How often somebody is looked for again beside one that takes long, or in the place of one that is late, ms. */
  readonly reseekMs: number;
  /** First content, or the first word of its being written, may take until then, ms on the driver's clock. */
  readonly patienceAt: number;
  /** How long patience lasts when it begins anew behind a whole answer that died while it was written, ms. */
  readonly patienceMs: number;
  /** Start a backup after this long without content, ms. */
  readonly hedgeDelayMs: number | "half_estimate" | "never";
  readonly heldChunksMax: number;
  readonly heldBytesMax: number;
  /** Longest silence between two content events after commit, ms. */
  readonly contentGapMs: number;
  /** The longest that signs of life alone keep a stream, ms. */
  readonly signsAloneMs: number;
}

/** Numbers attempts within one request, in the order of opening. */
export type AttemptIndex = number;

/** Timers of one request. */
export type TimerName = "hedge" | "patience" | `due:${AttemptIndex}` | "gap";

/** When an answer that has begun was last heard of, ms. */
export interface LastHeard {
  /** Its content, or that it is being written. */
  readonly lastContentAt: number;
  /** Anything at all. */
  readonly lastSignAt: number;
}

/** One attempt, before anybody has committed. */
export interface RacingAttempt {
  readonly index: AttemptIndex;
  readonly role: AttemptRole;
  /** When somebody took it, ms; `undefined` = it looks for a provider still. */
  readonly startedAt: number | undefined;
  readonly estimateAt: number;
  /** A backup may start then, ms; `undefined` = none for this one. */
  readonly hedgeAt: number | undefined;
  /** It is late when this passes without content. */
  readonly deadlineAt: number;
  /** Where extensions of the deadline end, but for those of loading. */
  readonly extensibleTo: number;
  /** What was last heard of it: nothing at all, that it waits in line, that its backend loads, that it has begun. */
  readonly heard: "nothing" | "waiting" | "loading" | "begun";
  /** What could not be tied to this request has bought its time. */
  readonly extendedOnce: boolean;
  /** Its deadline passed without content: the next one to be started takes its place. */
  readonly late: boolean;
  /** It has told that it writes an answer that comes as a whole. */
  readonly writing: LastHeard | undefined;
  readonly heldChunks: number;
  readonly heldBytes: number;
}

/** A clean end without content, and whose it is. */
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
      /** Attempts that are over and have cost time. */
      readonly costly: number;
      /** Nothing but the death of an answer that was being written moves it. */
      readonly patienceAt: number;
      readonly hedged: boolean;
      readonly failures: SeenFailures;
      /** A clean end without content: what the consumer gets if nobody has more to say. */
      readonly empty: EmptyAnswer | undefined;
    }
  | ({ readonly phase: "committed"; readonly winner: AttemptIndex } & LastHeard)
  | { readonly phase: "closed" };

export type DispatchInput =
  | { readonly type: "begin"; readonly now: number }
  | { readonly type: "event"; readonly attempt: AttemptIndex; readonly event: AttemptEvent; readonly now: number }
  /** An attempt has its provider. */
  | ({ readonly type: "started"; readonly attempt: AttemptIndex; readonly now: number } & StartedClocks)
  | { readonly type: "unavailable"; readonly attempt: AttemptIndex; readonly error: HearthError; readonly now: number }
  | { readonly type: "timer"; readonly timer: TimerName; readonly now: number }
  /** The consumer took what was emitted after making the provider wait. */
  | { readonly type: "resumed"; readonly now: number }
  | { readonly type: "abort"; readonly reason: CancelReason; readonly now: number };

/** What the driver is to do, in order. */
export type DispatchEffect =
  | { readonly type: "open"; readonly attempt: AttemptIndex; readonly terms: StartTerms }
  | { readonly type: "cancel"; readonly attempt: AttemptIndex; readonly reason: CancelReason }
  /** Keep this chunk back, for if its attempt wins; `instead` of the one before. */
  | { readonly type: "hold"; readonly attempt: AttemptIndex; readonly chunk: Chunk; readonly instead: boolean }
  /** The attempt has won: what was held for it goes out first. */
  | { readonly type: "commit"; readonly attempt: AttemptIndex }
  | { readonly type: "emit"; readonly chunks: readonly Chunk[] }
  | { readonly type: "arm"; readonly timer: TimerName; readonly at: number }
  | { readonly type: "finish"; readonly result: DispatchResult };

/** An outcome in the machine's own terms; the driver puts ids in. */
export type DispatchResult =
  | { readonly type: "success"; readonly attempt: AttemptIndex; readonly usage: Usage }
  | { readonly type: "failed"; readonly committed: boolean; readonly failure: AttemptFailure }
  | { readonly type: "unavailable"; readonly error: HearthError }
  | { readonly type: "cancelled"; readonly committed: boolean; readonly reason: CancelReason };
