import { FakeClock } from "@hearth/platform/testing";
import type { RequestId } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import { contextLengthExceeded, type ErrorCode, HearthError } from "../platform/errors.js";
import { DEFAULT_BODY_BOUNDS } from "../request/body-bounds.js";
import type { DialectContext } from "../request/consumer.js";
import { ENDPOINTS } from "./endpoints.js";
import { type ErrorResponse, errorResponse, openAiErrorBody } from "./error-envelope.js";

it("says when to come back, in both of the headers that SDKs read", () => {
  const { status, headers } = errorResponse(new HearthError("queue_full", "Full.", { retryAfterSeconds: 2.5 }));
  expect(status).toBe(429);
  expect(headers).toEqual({ "Retry-After": "3", "retry-after-ms": "2500" });
});

it("keeps an SDK from trying again what would fail again", () => {
  for (const code of [
    "internal",
    "capability_unavailable",
    "capability_unsupported",
    "request_rejected",
    "context_length_exceeded",
  ] as const) {
    expect(errorResponse(new HearthError(code, "No.")).headers).toMatchObject({ "x-should-retry": "false" });
  }
  expect(errorResponse(new HearthError("provider_error", "No.")).headers).toEqual({});
});

it("gives an error the form of the dialect it is told in", () => {
  const error = new HearthError("invalid_request", "Bad.", { param: "model" });
  expect(errorResponse(error).body).toEqual({
    error: { message: "Bad.", type: "invalid_request_error", param: "model", code: null },
  });
  expect(errorResponse(error, ({ message }) => ({ oops: message })).body).toEqual({ oops: "Bad." });
});

it("shows a backend's own words, and our type for what the request did not cause", () => {
  const upstreamError = { message: "grammar is broken", type: "x", param: "grammar", code: 400 };
  const rejected = new HearthError("request_rejected", "Rejected.", { status: 422, upstreamError });
  expect(errorResponse(rejected)).toMatchObject({ status: 422, body: openAiErrorBody(rejected) });
  expect(openAiErrorBody(rejected).error).toEqual({
    message: "grammar is broken",
    type: "x",
    param: "grammar",
    code: null,
  });
  const failed = new HearthError("provider_error", "Failed.", { status: 502, upstreamError });
  expect(errorResponse(failed)).toMatchObject({ status: 502, body: openAiErrorBody(failed) });
  expect(openAiErrorBody(failed).error).toEqual({
    message: "grammar is broken",
    type: "server_error",
    param: "grammar",
    code: "provider_error",
  });
});

it.each<[ErrorCode, number, boolean]>([
  ["provider_timeout", 504, false],
  ["answer_stalled", 504, false],
  ["model_load_timeout", 504, false],
  ["no_capacity", 429, true],
])("tells %s with %i", (code, status, waits) => {
  const told = errorResponse(new HearthError(code, "Nobody."));
  expect(told).toMatchObject({ status, body: { error: { code, message: "Nobody.", param: null } } });
  expect("Retry-After" in told.headers).toBe(waits);
});

it.each(ENDPOINTS)("has one form of errors at $path, whoever refuses", ({ dialect, errorBody = openAiErrorBody }) => {
  const context: DialectContext = { id: "req_1" as RequestId, clock: new FakeClock(), bounds: DEFAULT_BODY_BOUNDS };
  const refused = new HearthError("method_not_allowed", "Use POST.");
  // A dialect may know more: the id of the request.
  expect(dialect(context).errorBody(refused)).toMatchObject(errorBody(refused));
});

describe("a prompt that no context holds", () => {
  const context: DialectContext = { id: "req_1" as RequestId, clock: new FakeClock(), bounds: DEFAULT_BODY_BOUNDS };
  const tooLong = contextLengthExceeded({ promptTokens: 9_000, contextTokens: 8_192 });
  const bodyIn = (path: string): ErrorResponse => {
    const endpoint = ENDPOINTS.find((each) => each.path === path);
    return errorResponse(tooLong, endpoint?.dialect(context).errorBody);
  };

  it.each([
    ["/v1/chat/completions", "messages"],
    ["/v1/completions", "prompt"],
    ["/v1/responses", "input"],
    ["/v1/embeddings", "input"],
  ])("is told in OpenAI's words at %s, with %s as what is at fault", (path, param) => {
    const { status, headers, body } = bodyIn(path);
    expect({ status, headers }).toEqual({ status: 400, headers: { "x-should-retry": "false" } });
    expect(body).toMatchObject({
      error: { type: "invalid_request_error", code: "context_length_exceeded", param },
    });
    expect(JSON.stringify(body)).toMatch(/maximum context length is 8192 tokens\..* resulted in 9000 tokens/);
  });

  it("is told in Anthropic's words at /v1/messages", () => {
    expect(bodyIn("/v1/messages")).toMatchObject({
      status: 400,
      headers: { "x-should-retry": "false" },
      body: { error: { type: "invalid_request_error", message: "prompt is too long: 9000 tokens > 8192 maximum" } },
    });
  });
});

it.each([400, "400", ""])("shows no status as the code of a backend's refusal: %j", (code) => {
  const rejected = new HearthError("request_rejected", "Rejected.", { upstreamError: { code, message: "no" } });
  expect(openAiErrorBody(rejected).error).toMatchObject({ message: "no", code: null });
});
