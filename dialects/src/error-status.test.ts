import { expect, it } from "vitest";
import { readChatEvent } from "./chat-completions/read-event.js";
import { readCompletionEvent } from "./completions/read-event.js";
import { statusOfError } from "./error-status.js";

it.each([
  [{ code: 429 }, 429],
  [{ code: 503, type: "server_error" }, 503],
  [{ code: 200 }, 502],
  [{ code: "rate_limit_exceeded" }, 429],
  [{ code: "context_length_exceeded" }, 400],
  [{ code: null, type: "invalid_request_error" }, 400],
  [{ type: "overloaded_error" }, 503],
  [{ type: "api_error" }, 500],
  [{ code: "never heard of" }, 502],
  [{ code: "constructor", type: "__proto__" }, 502],
  ["words", 502],
  [[429], 502],
  [null, 502],
])("%j stands for %d", (error, status) => {
  expect(statusOfError(error)).toBe(status);
});

it("is told of an error inside a stream by its word, whatever the dialect", () => {
  const data = '{"error":{"code":"rate_limit_exceeded","message":"slow down"}}';
  for (const read of [readChatEvent, readCompletionEvent]) expect(read(data)).toMatchObject({ status: 429 });
});
