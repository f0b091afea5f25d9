/**
 * Everything that can go wrong for a consumer. `api/error-envelope.ts` is the one place that turns a code into a
 * status and an envelope.
 */
export type ErrorCode =
  | "invalid_request" // malformed or unacceptable request; `param` names the member
  | "invalid_api_key"
  | "insufficient_scope" // the key is good, and not for this
  | "account_suspended"
  | "insufficient_quota"
  | "model_not_allowed"
  | "model_disabled" // the operator has switched it off
  | "model_not_found"
  | "not_found"
  | "precondition_failed" // what was to be changed is not as the caller has seen it
  | "previous_response_not_found" // it is not kept any more, or never was
  | "receipt_pending" // the answer is out, and its receipt not here yet
  | "method_not_allowed"
  | "websocket_unsupported" // an API that is spoken over HTTP only
  | "payload_too_large"
  | "unsupported_encoding" // a body that is compressed in a way that nobody here knows
  | "upload_timeout" // a body that comes too slowly
  | SealedErrorCode
  | "idempotency_key_reused" // another body came with this key
  | "request_in_progress" // the request with this key runs still
  | "answer_not_kept" // the request with this key was answered, and the answer is not here any more
  | "rate_limit_exceeded"
  | "queue_full"
  | "machine_busy"
  | "no_capacity" // nobody who serves the model became free in time
  | "context_length_exceeded" // the prompt is longer than every known context of the model
  | "model_too_large" // nobody who names the model has the memory to load it
  | "capability_unsupported" // nobody who serves the model ever does what is asked
  | "capability_unavailable" // nobody who serves the model can do what is asked now
  | "trust_unavailable" // nobody who serves the model has proved as much as is asked
  | "no_provider" // nobody serves the model now
  | "providers_cooling" // everybody who could is cooled or fenced
  | "request_rejected" // a backend's own 4xx: the request caused it
  | "provider_error"
  | "provider_timeout" // nobody began to answer in time
  | "answer_stalled" // somebody began to answer, fell silent, and nobody else was left
  | "model_load_timeout" // the model was still being loaded when the time was up
  | "stream_timeout" // after commit: too long between two content events
  | "service_unavailable" // what has to be asked (the store) does not answer
  | "shutting_down"
  | "cancelled"
  | "internal";

/** Why a sealed request was not opened. These errors are sent unsealed, since there is no key to seal them with. */
export type SealedErrorCode =
  | "sealed_wrong_key" // no key of this coordinator: fetch it again
  | "sealed_expired" // a key that has been erased: fetch the new one
  | "sealed_malformed" // not an envelope of this format
  | "sealed_tampered" // altered, cut short, or sealed for another route
  | "sealed_replayed" // these very bytes were opened before
  | "sealed_unavailable"; // no room to remember another request under this key

/** A prompt and the largest context that there is for it, tokens. */
export interface ContextOverflow {
  readonly promptTokens: number;
  readonly contextTokens: number;
}

export interface ErrorDetails {
  readonly param?: string | undefined;
  /** Seconds for `Retry-After`. */
  readonly retryAfterSeconds?: number | undefined;
  /** The key to seal to instead (`sealed_wrong_key`, `sealed_expired`). */
  readonly keyId?: string;
  /** The methods that a path has (`method_not_allowed`). */
  readonly allow?: readonly string[];
  /** The status to show where the code alone does not decide it (`request_rejected`, `provider_error`). */
  readonly status?: number | undefined;
  /** A backend's own error object, shown to the consumer in place of ours. Never logged: it may quote the prompt. */
  readonly upstreamError?: unknown;
  /** What there were too many of a minute (`rate_limit_exceeded`); absent = requests. */
  readonly limitOf?: "requests" | "tokens" | undefined;
  /** What does not reach (`insufficient_quota`): the budget of the key, or the account's money. */
  readonly quotaOf?: "budget" | "balance" | undefined;
  /** The sizes of prompt and context (`context_length_exceeded`), tokens. */
  readonly overflow?: ContextOverflow | undefined;
  /** All that is wrong with a document, where the first problem alone would not help (`invalid_request`). */
  readonly problems?: readonly { readonly path: string; readonly message: string }[];
  readonly cause?: unknown;
}

/** The one error class. The message is for the consumer: no secret, prompt or completion ever goes into it. */
export class HearthError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "HearthError";
    this.code = code;
    this.details = details;
  }

  /** Normalises whatever was thrown. Unknown errors become `internal` and keep their cause for the log. */
  static from(thrown: unknown): HearthError {
    if (thrown instanceof HearthError) return thrown;
    return new HearthError("internal", "The coordinator failed to handle this request.", { cause: thrown });
  }
}

/**
 * The error of a member, or of a parameter of the query, that cannot be as it is.
 *
 * @param why the end of a sentence, without its full stop
 */
export function invalidMember(param: string, why: string): HearthError {
  return new HearthError("invalid_request", `Invalid '${param}': ${why}.`, { param });
}

/** The error of a prompt that fits no context, in OpenAI's words, which clients look for. */
export function contextLengthExceeded(overflow: ContextOverflow): HearthError {
  const { promptTokens, contextTokens } = overflow;
  const words = `This model's maximum context length is ${contextTokens} tokens. However, your prompt resulted in ${promptTokens} tokens. Please reduce its length.`;
  return new HearthError("context_length_exceeded", words, { overflow });
}
