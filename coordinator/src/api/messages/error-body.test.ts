import { expect, it } from "vitest";
import { type ErrorCode, HearthError } from "../../platform/errors.js";
import { messagesErrorBody } from "./error-body.js";

it.each<[ErrorCode, string]>([
  ["invalid_request", "invalid_request_error"],
  ["invalid_api_key", "authentication_error"],
  ["insufficient_quota", "billing_error"],
  ["model_not_allowed", "permission_error"],
  ["model_not_found", "not_found_error"],
  ["method_not_allowed", "invalid_request_error"],
  ["payload_too_large", "request_too_large"],
  ["rate_limit_exceeded", "rate_limit_error"],
  ["no_provider", "overloaded_error"],
  ["provider_error", "api_error"],
  ["provider_timeout", "timeout_error"],
  ["answer_stalled", "timeout_error"],
  ["model_load_timeout", "timeout_error"],
  ["no_capacity", "rate_limit_error"],
  ["internal", "api_error"],
])("%s is told as %s", (code, type) => {
  expect(messagesErrorBody(new HearthError(code, "what happened"))).toEqual({
    type: "error",
    error: { type, message: "what happened" },
  });
});

it("what the request itself caused is told in the backend's own words and status", () => {
  const error = new HearthError("request_rejected", "The backend rejected this request.", {
    status: 413,
    upstreamError: { message: "prompt is too long" },
  });
  expect(messagesErrorBody(error, "req_1")).toEqual({
    type: "error",
    error: { type: "request_too_large", message: "prompt is too long" },
    request_id: "req_1",
  });
});

it("a thread is refused by the code that makes Anthropic's SDK go on without one", () => {
  const error = new HearthError("invalid_request", "no threads", { param: "thread" });
  expect(messagesErrorBody(error).error).toEqual({
    type: "invalid_request_error",
    message: "no threads",
    details: { error_code: "thread_unsupported_request" },
  });
});
