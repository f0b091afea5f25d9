import { expect, it } from "vitest";
import { readResponsesEvent } from "./read-event.js";

const kindOf = (event: unknown): string => readResponsesEvent(JSON.stringify(event)).kind;

it.each([
  { type: "response.created", response: {} },
  { type: "response.in_progress", response: {} },
  { type: "response.queued", response: {} },
  { type: "response.output_item.added", item: { type: "message", content: [] } },
  { type: "response.output_item.added", item: { type: "reasoning", summary: [] } },
  { type: "response.content_part.added", part: { type: "output_text", text: "" } },
  { type: "response.output_text.delta", delta: "" },
])("$type says nothing yet", (event) => {
  expect(kindOf(event)).toBe("preamble");
});

it.each([
  { type: "response.output_item.added", item: { type: "function_call", name: "f", arguments: "" } },
  { type: "response.output_text.delta", delta: "response.created" },
  { type: "response.reasoning_text.delta", delta: "hm" },
  { type: "response.function_call_arguments.delta", delta: "{" },
  { type: "response.output_text.done", text: "all at once" },
])("$type that says something is content", (event) => {
  expect(readResponsesEvent(JSON.stringify(event))).toMatchObject({ kind: "content", parsed: event, finishes: false });
});

it.each(["response.completed", "response.incomplete"])("%s finishes", (type) => {
  expect(readResponsesEvent(JSON.stringify({ type, response: {} }))).toMatchObject({ kind: "content", finishes: true });
});

it.each([
  [{ type: "error", code: "rate_limit_exceeded", message: "x", param: null }, 429],
  [{ type: "error", error: { code: 404, message: "x" } }, 404],
  [{ type: "error", code: null, message: "x", param: null }, 502],
  [{ type: "response.failed", response: { error: { code: "server_error", message: "x" } } }, 502],
  [{ type: "response.failed", response: { error: { code: "invalid_prompt", message: "x" } } }, 400],
  [{ type: "response.failed" }, 502],
  [{ error: { code: 503, message: "x" } }, 503],
])("an error in any of its forms is an error: %j", (event, status) => {
  expect(readResponsesEvent(JSON.stringify(event))).toMatchObject({ kind: "error", status });
});

it("knows the end mark of other dialects, and malformed data", () => {
  expect(readResponsesEvent("[DONE]")).toEqual({ kind: "done" });
  expect(readResponsesEvent("{")).toEqual({ kind: "malformed" });
});
