import type { ErrorFrame } from "@hearth/protocol";
import { type ErrorCode, HearthError } from "../platform/errors.js";
import type { AttemptFailure, FailureCode } from "./types.js";

/** The connection went away under the stream. */
export const CONNECTION_LOST: AttemptFailure = fault("connection_lost", 502);
/** The same, just after this process had been paused: providers hang up on a silent peer, which is not their fault. */
export const LEFT_WHILE_PAUSED: AttemptFailure = { ...CONNECTION_LOST, faulty: false };
/** Another coordinator was quicker to take the slot. */
export const OUTRUN: AttemptFailure = { ...failureOfStatus(503), progress: "not_started", apart: true };
/** The way to the machine broke between coordinators. */
export const CUT: AttemptFailure = { ...CONNECTION_LOST, faulty: false, apart: true };
/** Frames, ciphertext or events that the protocol does not allow. */
export const PROTOCOL_VIOLATION: AttemptFailure = fault("protocol_violation", 502);
/** The stream ended without its final frame, or without the dialect's own end. */
export const TRUNCATED: AttemptFailure = fault("truncated", 502);

/** The request is larger than one sealed body may be, on any provider. */
export const BODY_TOO_LARGE: AttemptFailure = {
  ...failureOfStatus(400, { message: "The answer would be too large: ask for less at once." }),
  progress: "processed",
  retryable: false,
};

function fault(code: FailureCode, status: number, upstreamError?: unknown): AttemptFailure {
  return { code, progress: "processed", retryable: true, faulty: true, status, upstreamError };
}

/**
 * Whose fault a backend's HTTP status is. 500, 502 and 504 are the provider's; 429 and 503 mean that it is full. Other
 * 4xx come from the request itself, or from what this one backend cannot do, except for 401, 403, 404 and 408: between
 * an agent and its own backend they show a wrong set-up, and their text is for the machine's owner.
 */
export function failureOfStatus(status: number, upstreamError?: unknown): AttemptFailure {
  if (status === 429 || status === 503) {
    return { code: "capacity", progress: "refused", retryable: true, faulty: false, status: 503 };
  }
  if (status === 504 || status === 408) return fault("timeout", 504);
  if (status === 401 || status === 403 || status === 404) return fault("backend_error", 502);
  if (status >= 400 && status < 500) {
    return { code: "rejected", progress: "refused", retryable: true, faulty: false, status, upstreamError };
  }
  return fault("backend_error", 502, upstreamError);
}

/** No fault, and another provider could have served it: in fact this one had no free slot. */
export function isRefusal({ faulty, retryable, code }: AttemptFailure): boolean {
  return !faulty && retryable && code !== "rejected";
}

/** What an agent's `error` frame means. */
export function failureOfFrame(frame: ErrorFrame, upstreamError?: unknown): AttemptFailure {
  const { progress } = frame;
  switch (frame.code) {
    case "bad_request":
    case "backend_error":
      return { ...failureOfStatus(frame.status ?? 502, upstreamError), progress };
    case "capacity":
      return { ...failureOfStatus(503), progress };
    case "backend_stalled":
      return { ...failureOfStatus(504), progress };
    case "backend_unreachable":
      return { ...fault("backend_unreachable", 502), progress };
    case "internal":
      return { ...fault("backend_error", 502), progress };
    // The provider's models have changed while the request was on its way.
    case "model_not_found":
      return { ...fault("backend_error", 502), progress, faulty: progress !== "not_started" };
    // The agent is leaving, or its key was rotated while the request was on its way. Neither is a fault.
    case "cancelled":
    case "decryption_failed":
      return { ...fault("connection_lost", 502), progress, faulty: false };
  }
}

/** The consumer-facing code of a failure. */
const ERROR_CODES: Readonly<Record<FailureCode, ErrorCode>> = {
  backend_error: "provider_error",
  backend_unreachable: "provider_error",
  capacity: "no_provider",
  rejected: "request_rejected",
  connection_lost: "provider_error",
  protocol_violation: "provider_error",
  truncated: "provider_error",
  timeout: "provider_timeout",
  fell_silent: "answer_stalled",
  load_timeout: "model_load_timeout",
  no_room: "no_capacity",
  stalled: "stream_timeout",
  internal: "internal",
};

const MESSAGES: Readonly<Record<AttemptFailure["code"], string>> = {
  backend_error: "The provider's backend failed.",
  backend_unreachable: "The provider's backend could not be reached.",
  capacity: "All providers of this model are busy.",
  rejected: "The backend rejected this request.",
  connection_lost: "The connection to the provider was lost.",
  protocol_violation: "The provider sent something that it must not send.",
  truncated: "The provider's stream ended before it was complete.",
  timeout: "No provider began to answer in time.",
  fell_silent: "A provider began to answer and fell silent.",
  load_timeout: "The model was still being loaded when the time was up.",
  no_room: "Everybody who serves this model is busy, and nobody became free in time.",
  stalled: "The provider stopped sending for too long.",
  internal: "The coordinator failed to handle this request.",
};

/** What a consumer is told about a failure. */
export function toError(failure: AttemptFailure): HearthError {
  return new HearthError(ERROR_CODES[failure.code], MESSAGES[failure.code], {
    status: failure.status,
    upstreamError: failure.upstreamError,
  });
}
