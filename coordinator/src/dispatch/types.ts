import type {
  AttemptId,
  BackendDialect,
  CancelReason,
  Progress,
  ProviderId,
  Usage,
  WorkingSign,
} from "@hearth/protocol";
import type { ErrorCode, HearthError } from "../platform/errors.js";

/** One event of a backend's stream: its bytes as they came, and what they mean, parsed once. */
export interface Chunk {
  /** The dialect that the backend spoke. */
  readonly dialect: BackendDialect;
  readonly bytes: Uint8Array;
  readonly parsed: unknown;
  /** `bytes` are the answer's one JSON body, and `parsed` the one event that says all of it. */
  readonly whole?: true;
}

/** Why an attempt failed. */
export type FailureCode =
  | "backend_error" // the backend answered with an error, by status or wrapped in a 200
  | "backend_unreachable"
  | "capacity" // 429 or 503: full, not broken
  | "rejected" // a 4xx that the request itself caused
  | "connection_lost"
  | "protocol_violation" // frames, ciphertext or events that the protocol does not allow
  | "truncated" // the stream ended without its final frame
  | "timeout" // silent past its deadline, before content
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
  /** A sign of life whose counter has moved; never commits. */
  | { readonly type: "working"; readonly sign: WorkingSign; readonly counter: number }
  /** Held, never commits. */
  | { readonly type: "preamble"; readonly chunk: Chunk }
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

/** Which part an attempt plays in its request. */
export type AttemptRole = "primary" | "retry" | "backup";

/** The start of an attempt: it runs, or nobody could take it. */
export type StartResult =
  | { readonly type: "started"; readonly attempt: Attempt }
  | { readonly type: "unavailable"; readonly error: HearthError };

/** How a request ended. */
export type Outcome =
  | { readonly type: "success"; readonly attempt: AttemptId; readonly usage: Usage }
  /** `committed` tells whether the consumer had received content. */
  | { readonly type: "failed"; readonly committed: boolean; readonly error: HearthError }
  | { readonly type: "cancelled"; readonly committed: boolean; readonly reason: CancelReason };

/** The numbers of dispatch; `DEFAULT_POLICY` in policy.ts names each source. */
export interface DispatchPolicy {
  readonly maxAttempts: number;
  /** Time to first content, ms, by estimated prompt tokens. */
  readonly ttftDeadlineMs: number;
  /** First content, or the first word of its being written, may take this long, ms from the request's start. */
  readonly patienceMs: number;
  /** Each movement of a request's own counter buys an attempt this much time, ms … */
  readonly signExtensionMs: number;
  /** … to this many times what it had at first; to the end of patience while its backend loads. */
  readonly signExtensionsMax: number;
  /** Granted once to a preamble that has no content by its deadline, ms. */
  readonly preambleGraceMs: number;
  /** Start a backup after this long without content, ms; `undefined` = never. */
  readonly hedgeDelayMs: number | undefined;
  readonly heldChunksMax: number;
  readonly heldBytesMax: number;
  /** Longest silence between two content events after commit, ms. */
  readonly contentGapMs: number;
}

/** Numbers attempts within one request, in the order of opening. */
export type AttemptIndex = number;

/** Timers of one request. */
export type TimerName = "hedge" | `due:${AttemptIndex}` | "gap";

/** One attempt, before anybody has committed. */
export interface RacingAttempt {
  readonly index: AttemptIndex;
  readonly openedAt: number;
  /** Somebody has it. A retry may wait for a slot first. */
  readonly started: boolean;
  /** Its time passed without content: the next one to be started takes its place. */
  readonly late: boolean;
  /** It writes an answer that comes as a whole. */
  readonly generating: boolean;
  /** It is late when this passes without content, ms on the driver's clock. */
  readonly dueAt: number;
  readonly ttftDueAt: number;
  readonly preamble: "none" | "seen" | "grace_used";
  readonly heldChunks: number;
  readonly heldBytes: number;
}

export type DispatchState =
  | { readonly phase: "idle" }
  | {
      readonly phase: "racing";
      readonly attempts: readonly RacingAttempt[];
      readonly opened: number;
      /** Absolute: nothing moves it. */
      readonly patienceAt: number;
      readonly hedged: boolean;
      readonly lastFailure: AttemptFailure | undefined;
    }
  | { readonly phase: "committed"; readonly winner: AttemptIndex; readonly lastContentAt: number }
  | { readonly phase: "closed" };

export type DispatchInput =
  | { readonly type: "begin"; readonly now: number }
  | { readonly type: "event"; readonly attempt: AttemptIndex; readonly event: AttemptEvent; readonly now: number }
  /** A retry has its provider. */
  | { readonly type: "started"; readonly attempt: AttemptIndex; readonly now: number }
  | { readonly type: "unavailable"; readonly attempt: AttemptIndex; readonly error: HearthError; readonly now: number }
  | { readonly type: "timer"; readonly timer: TimerName; readonly now: number }
  /** The consumer took what was emitted after making the provider wait. */
  | { readonly type: "resumed"; readonly now: number }
  | { readonly type: "abort"; readonly reason: CancelReason; readonly now: number };

/** What the driver is to do, in order. */
export type DispatchEffect =
  | { readonly type: "open"; readonly attempt: AttemptIndex; readonly role: AttemptRole }
  | { readonly type: "cancel"; readonly attempt: AttemptIndex; readonly reason: CancelReason }
  /** Keep this chunk back, for if its attempt wins. */
  | { readonly type: "hold"; readonly attempt: AttemptIndex; readonly chunk: Chunk }
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

/** The consumer-facing code of a failure. */
export const FAILURE_ERROR_CODES: Readonly<Record<FailureCode, ErrorCode>> = {
  backend_error: "provider_error",
  backend_unreachable: "provider_error",
  capacity: "no_provider",
  rejected: "request_rejected",
  connection_lost: "provider_error",
  protocol_violation: "provider_error",
  truncated: "provider_error",
  timeout: "provider_timeout",
  stalled: "stream_timeout",
  internal: "internal",
};
