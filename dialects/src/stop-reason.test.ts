import { expect, it } from "vitest";
import { stopReasonOf } from "./stop-reason.js";

it.each([
  ["a chat's chunk", { choices: [{ index: 0, delta: {}, finish_reason: "tool_calls" }] }, "tool_calls"],
  ["a legacy completion's chunk", { choices: [{ text: "", finish_reason: "length" }] }, "length"],
  ["a delta of a message", { type: "message_delta", delta: { stop_reason: "end_turn" } }, "end_turn"],
  ["a whole message", { type: "message", content: [], stop_reason: "max_tokens" }, "max_tokens"],
  ["a response that is complete", { type: "response.completed", response: { status: "completed" } }, "completed"],
  [
    "a response that is not",
    {
      type: "response.incomplete",
      response: { status: "incomplete", incomplete_details: { reason: "max_output_tokens" } },
    },
    "max_output_tokens",
  ],
])("finds why the model stopped in %s", (_name, parsed, expected) => {
  expect(stopReasonOf(parsed)).toBe(expected);
});

it.each([
  ["no object", "stop"],
  ["nothing", undefined],
  ["a chunk that goes on", { choices: [{ delta: { content: "x" }, finish_reason: null }] }],
  ["no choices", { choices: [] }],
  ["choices that are none", { choices: "stop" }],
  ["a reason that is no word", { choices: [{ finish_reason: "the user said: secret" }] }],
  ["a reason that is too long", { choices: [{ finish_reason: "x".repeat(33) }] }],
  ["a reason that is an object", { choices: [{ finish_reason: { type: "stop" } }] }],
])("says nothing of %s", (_name, parsed) => {
  expect(stopReasonOf(parsed)).toBeUndefined();
});
