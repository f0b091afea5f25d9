import type { EventReading } from "./kinds.js";
import { saysOverflow } from "./overflow-words.js";
import { isObject } from "./provider-json.js";

/** Errors that have a word instead of a number: codes of OpenAI's APIs, types of Anthropic's, vLLM's and TGI's. */
const STATUSES: ReadonlyMap<unknown, number> = new Map([
  ["invalid_request_error", 400],
  ["invalid_prompt", 400],
  ["context_length_exceeded", 400],
  ["authentication_error", 401],
  ["billing_error", 402],
  ["permission_error", 403],
  ["not_found_error", 404],
  ["request_too_large", 413],
  ["rate_limit_error", 429],
  ["rate_limit_exceeded", 429],
  ["api_error", 500],
  ["overloaded_error", 503],
  ["timeout_error", 504],
  ["BadRequestError", 400],
  ["NotFoundError", 404],
  ["InternalServerError", 500],
  ["validation", 422],
  ["overloaded", 429],
]);

/**
 * The status that a backend's error inside a 200 would have had, whether its `code` is the number, the number as text
 * or a word, or its `type` is a word; 400 where only its words say that the prompt is too long; 502 where nothing of
 * that tells.
 */
export function statusOfError(error: unknown): number {
  if (typeof error === "string") return saysOverflow({ message: error }) ? 400 : 502;
  if (!isObject(error)) return 502;
  const { code, type, http_status_code: tgi } = error;
  const told = statusOfNumber(code) ?? statusOfNumber(tgi) ?? STATUSES.get(code) ?? STATUSES.get(type);
  return told ?? (saysOverflow(error) ? 400 : 502);
}

function statusOfNumber(code: unknown): number | undefined {
  const number = typeof code === "string" && /^\d{3}$/.test(code) ? Number(code) : code;
  return typeof number === "number" && number >= 400 && number <= 599 ? number : undefined;
}

/** An error inside an HTTP 200. */
export function errorReading(error: unknown): EventReading {
  return { kind: "error", status: statusOfError(error), error };
}
