import type { ErrorCode, HearthError } from "../platform/errors.js";
import type { ErrorBody } from "../request/consumer.js";
import { overflowOf, upstreamOf } from "./context-overflow.js";

/** OpenAI's error envelope. */
export interface ErrorEnvelope {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string | null;
    /** What to seal to instead. */
    readonly key_id?: string;
    /** All that is wrong with a document. */
    readonly problems?: readonly { readonly path: string; readonly message: string }[];
  };
}

/** The member of a body that holds the prompt, by dialect. */
export type PromptMember = "messages" | "prompt" | "input";

interface Shown {
  readonly status: number;
  readonly type: string;
  /** Where OpenAI's name for it is not ours. */
  readonly code?: string | null;
  /** What `x-should-retry` tells an SDK, where its own rule (408, 409, 429 and 5xx are retried) would be wrong. */
  readonly retry?: boolean;
}

/** Error → status: the one table. */
const SHOWN: Readonly<Record<ErrorCode, Shown>> = {
  invalid_request: { status: 400, type: "invalid_request_error", code: null },
  invalid_api_key: { status: 401, type: "invalid_request_error" },
  insufficient_scope: { status: 403, type: "invalid_request_error" },
  account_suspended: { status: 403, type: "invalid_request_error" },
  insufficient_quota: { status: 402, type: "insufficient_quota" },
  model_not_allowed: { status: 403, type: "invalid_request_error" },
  model_disabled: { status: 403, type: "invalid_request_error", retry: false },
  model_not_found: { status: 404, type: "invalid_request_error" },
  not_found: { status: 404, type: "invalid_request_error" },
  previous_response_not_found: { status: 400, type: "invalid_request_error", retry: false },
  precondition_failed: { status: 412, type: "invalid_request_error", retry: false },
  receipt_pending: { status: 404, type: "invalid_request_error" },
  method_not_allowed: { status: 405, type: "invalid_request_error" },
  // Codex tries WebSockets first, and falls back to HTTP at once for this status alone.
  websocket_unsupported: { status: 426, type: "invalid_request_error" },
  payload_too_large: { status: 413, type: "invalid_request_error" },
  unsupported_encoding: { status: 415, type: "invalid_request_error" },
  upload_timeout: { status: 408, type: "invalid_request_error" },
  sealed_wrong_key: { status: 400, type: "invalid_request_error" },
  sealed_expired: { status: 400, type: "invalid_request_error" },
  sealed_malformed: { status: 400, type: "invalid_request_error" },
  sealed_tampered: { status: 400, type: "invalid_request_error" },
  sealed_replayed: { status: 400, type: "invalid_request_error" },
  sealed_unavailable: { status: 503, type: "server_error" },
  // As the draft on the Idempotency-Key header says. SDKs retry a 409 unless they are told not to.
  idempotency_key_reused: { status: 422, type: "invalid_request_error" },
  request_in_progress: { status: 409, type: "invalid_request_error" },
  answer_not_kept: { status: 409, type: "invalid_request_error", retry: false },
  rate_limit_exceeded: { status: 429, type: "requests" },
  queue_full: { status: 429, type: "requests" },
  no_capacity: { status: 429, type: "requests" },
  machine_busy: { status: 429, type: "requests" },
  context_length_exceeded: { status: 400, type: "invalid_request_error", retry: false },
  capability_unsupported: { status: 400, type: "invalid_request_error", retry: false },
  // Waiting a few seconds gives no machine a capability or the memory that it lacks. How much a model needs is estimated:
  // no consumer is told for that alone that the request is wrong.
  model_too_large: { status: 503, type: "server_error", retry: false },
  trust_unavailable: { status: 503, type: "server_error", retry: false },
  capability_unavailable: { status: 503, type: "server_error", retry: false },
  no_provider: { status: 503, type: "server_error" },
  providers_cooling: { status: 503, type: "server_error" },
  // The same request would be rejected again, whatever the backend's status.
  request_rejected: { status: 400, type: "invalid_request_error", code: null, retry: false },
  provider_error: { status: 502, type: "server_error" },
  provider_timeout: { status: 504, type: "server_error" },
  answer_stalled: { status: 504, type: "server_error" },
  model_load_timeout: { status: 504, type: "server_error" },
  stream_timeout: { status: 504, type: "server_error" },
  service_unavailable: { status: 503, type: "server_error" },
  shutting_down: { status: 503, type: "server_error" },
  cancelled: { status: 499, type: "server_error" },
  // A fault of the coordinator's own would repeat.
  internal: { status: 500, type: "server_error", retry: false },
};

/** Every code that an error of ours may be told with. */
export const ERROR_CODES: readonly string[] = Object.keys(SHOWN);

export interface ErrorResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: object;
}

/** How an error is shown to a consumer, in the form that its dialect gives the body. */
export function errorResponse(error: HearthError, body: ErrorBody = openAiErrorBody): ErrorResponse {
  const status = statusOf(error);
  const headers = {
    ...waitHeaders(status, error),
    ...retryHeaders(error),
    ...connectionHeaders(status),
    ...allowHeaders(error),
  };
  return { status, headers, body: body(error) };
}

/** The HTTP status that an error stands for. */
export function statusOf(error: HearthError): number {
  if (overflowOf(error) !== undefined) return SHOWN.context_length_exceeded.status;
  const { status } = SHOWN[error.code];
  return error.code === "request_rejected" ? (error.details.status ?? status) : status;
}

/** Every 429 and 503 says when to come back; SDKs prefer `retry-after-ms`. */
function waitHeaders(status: number, error: HearthError): Record<string, string> {
  const seconds = error.details.retryAfterSeconds ?? (status === 429 || status === 503 ? 2 : undefined);
  if (seconds === undefined) return {};
  return {
    "Retry-After": String(Math.max(1, Math.ceil(seconds))),
    "retry-after-ms": String(Math.max(1, Math.round(seconds * 1000))),
  };
}

/** Who sends a body slowly would keep the connection for as long as the rest of it is to take. */
function connectionHeaders(status: number): Record<string, string> {
  return status === 408 ? { Connection: "close" } : {};
}

/** RFC 9110 §15.5.6: a 405 names the methods that there are. */
function allowHeaders({ details: { allow } }: HearthError): Record<string, string> {
  return allow === undefined ? {} : { Allow: allow.join(", ") };
}

function retryHeaders(error: HearthError): Record<string, string> {
  const { retry } = SHOWN[error.code];
  return retry === undefined ? {} : { "x-should-retry": String(retry) };
}

/**
 * An error in OpenAI's form, in a backend's own words where it had any. What the request did not cause keeps our type:
 * SDKs go by that.
 *
 * @param prompt the member that holds the prompt: what is too long when the context is
 */
export function openAiErrorBody(error: HearthError, prompt: PromptMember = "messages"): ErrorEnvelope {
  const shown = SHOWN[error.code];
  const told = upstreamOf(error.details.upstreamError);
  const message = textOf(told["message"]) ?? error.message;
  const param = textOf(told["param"]) ?? error.details.param;
  if (overflowOf(error) !== undefined) {
    const { type } = SHOWN.context_length_exceeded;
    return { error: { message, type, param: param ?? prompt, code: "context_length_exceeded" } };
  }
  return {
    error: {
      message,
      type: (error.code === "request_rejected" ? textOf(told["type"]) : error.details.limitOf) ?? shown.type,
      param: param ?? null,
      code: wordOf(told["code"]) ?? (shown.code === undefined ? error.code : shown.code),
      ...keyOf(error),
      ...(error.details.problems === undefined ? {} : { problems: error.details.problems }),
    },
  };
}

/** The key that a sealed request should have been sealed to. */
export function keyOf({ details: { keyId } }: HearthError): { readonly key_id?: string } {
  return keyId === undefined ? {} : { key_id: keyId };
}

const textOf = (value: unknown): string | undefined => (typeof value === "string" ? value.slice(0, 4096) : undefined);

/** A code that is a status says nothing that the status does not. */
function wordOf(code: unknown): string | undefined {
  const word = textOf(code);
  return word === undefined || /^\d*$/.test(word) ? undefined : word;
}
