import { expect, it } from "vitest";
import { statusOfError } from "./error-status.js";
import { grammarOf } from "./event-reading.js";

it.each([
  [{ code: 429 }, 429],
  [{ code: "429" }, 429],
  [{ code: 529, type: "overloaded_error" }, 529],
  [{ code: "context_length_exceeded", type: "invalid_request_error" }, 400],
  [{ code: "rate_limit_exceeded", type: "requests" }, 429],
  [{ code: null, type: "overloaded_error" }, 503],
  [{ code: "", type: "rate_limit_error" }, 429],
  [{ code: 0, type: "not_found_error" }, 404],
  [{ code: 200, type: "invalid_request_error" }, 400],
  [{ code: "never_heard_of", type: "api_error" }, 500],
  [{ code: 503, type: "server_error" }, 503],
])("takes the number, then the code's word, then the type's: %j", (error, status) => {
  expect(statusOfError(error)).toBe(status);
});

it.each([
  undefined,
  null,
  "model not found",
  429,
  [],
  {},
  { code: 1000 },
  { code: "99" },
  { code: "4e2" },
  { type: 7 },
])("is the backend's own fault where nothing tells: %j", (error) => expect(statusOfError(error)).toBe(502));

it.each(["chat_completions", "completions", "messages", "responses"] as const)(
  "is the same for a stream of %s, whatever stands beside the error",
  (dialect) => {
    for (const event of [
      { error: { code: "503", message: "x" } },
      { type: "error", error: { code: "503", message: "x" } },
      { error: { type: "overloaded_error", message: "x" }, choices: [] },
      { error: { code: 503, message: "x" }, choices: 7, usage: [] },
    ]) {
      expect(grammarOf(dialect).read(JSON.stringify(event))).toMatchObject({ kind: "error", status: 503 });
    }
    expect(grammarOf(dialect).read('{"error":"no such model"}')).toEqual({
      kind: "error",
      status: 502,
      error: "no such model",
    });
  },
);

it.each(["messages", "responses"] as const)("may stand beside the type of an event of %s", (dialect) => {
  const event = { type: "error", code: "429", message: "x" };
  expect(grammarOf(dialect).read(JSON.stringify(event))).toEqual({ kind: "error", status: 429, error: event });
});
