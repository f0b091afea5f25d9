import { expect, it } from "vitest";
import { HearthError } from "../platform/errors.js";
import { errorResponse, openAiErrorBody } from "./error-envelope.js";

it("says when to come back, in both of the headers that SDKs read", () => {
  const { status, headers } = errorResponse(new HearthError("queue_full", "Full.", { retryAfterSeconds: 2.5 }));
  expect(status).toBe(429);
  expect(headers).toEqual({ "Retry-After": "3", "retry-after-ms": "2500" });
});

it("keeps an SDK from trying again what would fail again", () => {
  for (const code of ["internal", "capability_unavailable", "request_rejected"] as const) {
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

it("shows a backend's own words only for what the request itself caused", () => {
  const upstreamError = { message: "grammar is broken", type: "x", param: "grammar", code: 400 };
  const rejected = new HearthError("request_rejected", "Rejected.", { status: 422, upstreamError });
  expect(errorResponse(rejected)).toMatchObject({ status: 422, body: openAiErrorBody(rejected) });
  expect(openAiErrorBody(rejected).error).toEqual({
    message: "grammar is broken",
    type: "x",
    param: "grammar",
    code: null,
  });
  const failed = new HearthError("provider_error", "Failed.", { upstreamError });
  expect(openAiErrorBody(failed).error.message).toBe("Failed.");
});
