import { expect, it } from "vitest";
import { readMessagesEvent } from "./read-event.js";

const kindOf = (event: unknown): string => readMessagesEvent(JSON.stringify(event)).kind;

it.each([
  { type: "message_start", message: {} },
  { type: "ping" },
  { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
  { type: "content_block_start", index: 0, content_block: { type: "thinking", thinking: "", signature: "" } },
  { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "" } },
  { type: "content_block_stop", index: 0 },
  { type: "something_new" },
])("$type with nothing in it says nothing yet", (event) => {
  expect(kindOf(event)).toBe("preamble");
});

it.each([
  { type: "content_block_start", index: 0, content_block: { type: "tool_use", id: "t", name: "f", input: {} } },
  { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "message_start" } },
  { type: "content_block_delta", index: 0, delta: { type: "thinking_delta", thinking: "hm" } },
  { type: "content_block_delta", index: 0, delta: { type: "input_json_delta", partial_json: "{" } },
  { type: "message_delta", delta: { stop_reason: "end_turn" } },
])("$type that says something is content", (event) => {
  expect(readMessagesEvent(JSON.stringify(event))).toMatchObject({ kind: "content", parsed: event, finishes: false });
});

it("only message_stop finishes", () => {
  expect(readMessagesEvent('{"type":"message_stop"}')).toMatchObject({ kind: "content", finishes: true });
});

it.each([
  ["overloaded_error", 503],
  ["rate_limit_error", 429],
  ["invalid_request_error", 400],
  ["api_error", 500],
  ["never_heard_of", 502],
])("an error event is an error with the status of its type: %s", (type, status) => {
  expect(readMessagesEvent(JSON.stringify({ type: "error", error: { type, message: "x" } }))).toMatchObject({
    kind: "error",
    status,
  });
});

it("a wrapped error keeps its number", () => {
  expect(readMessagesEvent('{"error":{"code":404,"message":"x"}}')).toMatchObject({ kind: "error", status: 404 });
});

it.each(["nonsense", "[]", "null", '{"no":"type"}', '{"type":7}'])("%s is malformed", (data) => {
  expect(readMessagesEvent(data)).toEqual({ kind: "malformed" });
});
