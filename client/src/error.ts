/** What went wrong. The set is closed: callers switch on it and never read the message. */
export type SealedTransportErrorCode =
  /** The coordinator's key could not be fetched, or what came is not one. */
  | "key_unavailable"
  /** The key is none of those that were pinned. */
  | "key_not_pinned"
  /** A request whose body cannot be sealed: another route, another method, not JSON. */
  | "unsealable_request"
  /** An address that is not this coordinator's. */
  | "foreign_url"
  /** An answer in the open, from somebody who should have sealed it. */
  | "unsealed_answer"
  /** A sealed answer, or an event of one, that is not of this format. */
  | "malformed_answer"
  /** An answer that was altered, reordered, repeated or mixed with another. */
  | "tampered_answer"
  /** An answer that ended before its last part. */
  | "truncated_answer";

/** The one error that sealing and opening throw. Neither message nor cause holds key or message bytes. */
export class SealedTransportError extends Error {
  override readonly name = "SealedTransportError";
  readonly code: SealedTransportErrorCode;

  constructor(code: SealedTransportErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
