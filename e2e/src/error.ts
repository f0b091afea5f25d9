/** What went wrong. The set is closed: callers switch on it and never read the message. */
export type E2eErrorCode =
  /** A key of the wrong length, or one whose shared secret is all zero (a low-order point). */
  | "invalid_key"
  /** The private key was erased. */
  | "key_erased"
  /** A request or attempt id that cannot be bound unambiguously. */
  | "invalid_binding"
  /** An argument no correct caller passes. */
  | "invalid_argument"
  /** More bytes than one chunk or one derivation may have. */
  | "too_large"
  /** A stream has 2³² chunks at most. */
  | "sequence_exhausted"
  /** Another chunk than the next one. The stream is dead. */
  | "out_of_sequence"
  /** Authentication failed: altered, truncated, moved from another stream, or sealed to another key. The stream is dead. */
  | "open_failed"
  /** Authentic, but not a record this version knows. The stream is dead. */
  | "malformed_record"
  /** The final chunk has passed. */
  | "already_finished"
  /** An earlier chunk failed to open. */
  | "already_failed"
  /** This context has had this attempt before. */
  | "attempt_repeated"
  /** The context is retired, or has had as many attempts as it may. */
  | "context_retired";

/** The one error this package throws. Neither message nor cause holds key or message bytes. */
export class E2eError extends Error {
  override readonly name = "E2eError";
  readonly code: E2eErrorCode;

  constructor(code: E2eErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
