import type { HearthError } from "../../platform/errors.js";
import { type Overflow, overflowOf } from "../context-overflow.js";
import { keyOf, openAiErrorBody, statusOf } from "../error-envelope.js";

/** Anthropic's error envelope. Without the outer `type`, SDKs show an empty error. */
export interface MessagesErrorBody {
  readonly type: "error";
  readonly error: {
    readonly type: string;
    readonly message: string;
    readonly details?: ErrorDetails;
  };
  readonly request_id?: string;
}

/** Where Anthropic's own API puts codes. */
interface ErrorDetails {
  readonly error_code: string;
  readonly key_id?: string;
}

const TYPES: Readonly<Record<number, string>> = {
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  503: "overloaded_error",
  504: "timeout_error",
  529: "overloaded_error",
};

/** An error in Anthropic's form; a backend's own words where the request itself caused it. */
export function messagesErrorBody(error: HearthError, requestId?: string): MessagesErrorBody {
  const status = statusOf(error);
  const type = TYPES[status] ?? (status < 500 ? "invalid_request_error" : "api_error");
  const { message: words } = openAiErrorBody(error).error;
  const overflow = overflowOf(error);
  const message = overflow === undefined ? words : tooLong(overflow, words);
  return {
    type: "error",
    error: { type, message, ...detailsOf(error) },
    ...(requestId === undefined ? {} : { request_id: requestId }),
  };
}

const TOO_LONG = "prompt is too long: ";

/** In Anthropic's words: Claude Code and others look for them, and then compact the conversation. */
function tooLong({ promptTokens, contextTokens }: Overflow, words: string): string {
  const isCounted = promptTokens !== undefined && contextTokens !== undefined;
  if (!isCounted && words.startsWith(TOO_LONG)) return words;
  return `${TOO_LONG}${isCounted ? `${promptTokens} tokens > ${contextTokens} maximum` : words}`;
}

function detailsOf(error: HearthError): { readonly details?: ErrorDetails } {
  const { code, details } = error;
  if (code.startsWith("sealed_")) return { details: { error_code: code, ...keyOf(error) } };
  // Anthropic's SDK keeps threads unless it is told so, and then sends the whole conversation by itself.
  const refusesThread = code === "invalid_request" && details.param === "thread";
  return refusesThread ? { details: { error_code: "thread_unsupported_request" } } : {};
}
