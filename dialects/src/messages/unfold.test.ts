import { describe, expect, it } from "vitest";
import { messageEvents } from "./unfold.js";

const MESSAGE = { id: "msg_1", type: "message", role: "assistant", model: "m", usage: { output_tokens: 3 } };

/** What the first block of a message is at its start, and its deltas. */
function blockOf(block: object): unknown[] {
  const events = [...messageEvents({ ...MESSAGE, content: [block], stop_reason: "end_turn" })].slice(1, -3);
  return events.map((event) => event["content_block"] ?? event["delta"]);
}

describe("a block that grows is told in deltas, as clients look for them there:", () => {
  it.each(["tool_use", "server_tool_use", "mcp_tool_use"])("the input of a %s", (type) => {
    const call = { type, id: "t", name: "f" };
    expect(blockOf({ ...call, input: { q: "Bern" } })).toEqual([
      { ...call, input: {} },
      { type: "input_json_delta", partial_json: '{"q":"Bern"}' },
    ]);
  });

  it("and an input without members is none", () => {
    const call = { type: "server_tool_use", id: "t", name: "advisor", input: {} };
    expect(blockOf(call)).toEqual([call, { type: "input_json_delta", partial_json: "" }]);
  });

  it("the sources of a text", () => {
    const citation = { type: "char_location", cited_text: "a" };
    expect(blockOf({ type: "text", text: "ab", citations: [citation, citation] })).toEqual([
      { type: "text", text: "", citations: [] },
      { type: "text_delta", text: "ab" },
      { type: "citations_delta", citation },
      { type: "citations_delta", citation },
    ]);
    expect(blockOf({ type: "text", text: "ab", citations: null })[0]).toEqual({
      type: "text",
      text: "",
      citations: null,
    });
  });

  it("a thought and its signature", () => {
    expect(blockOf({ type: "thinking", thinking: "Hm", signature: "EqQB" })).toEqual([
      { type: "thinking", thinking: "", signature: "EqQB" },
      { type: "thinking_delta", thinking: "Hm" },
      { type: "signature_delta", signature: "EqQB" },
    ]);
  });

  it("a summary of what was said before", () => {
    expect(blockOf({ type: "compaction", content: "So far", encrypted_content: null })).toEqual([
      { type: "compaction", content: null, encrypted_content: null },
      { type: "compaction_delta", content: "So far", encrypted_content: null },
    ]);
  });
});

it("a block that does not grow is there at once", () => {
  const result = { type: "web_fetch_tool_result", tool_use_id: "t", content: { url: "https://a.test" } };
  expect(blockOf(result)).toEqual([result]);
});

it("why it stopped, where it ran and what was cleared is told at the end", () => {
  const known = { stop_details: { category: "cyber" }, container: { id: "c" } };
  const context_management = { applied_edits: [] };
  const events = [...messageEvents({ ...MESSAGE, ...known, context_management, content: [], stop_reason: "refusal" })];
  expect(events).toEqual([
    { type: "message_start", message: { ...MESSAGE, content: [], stop_reason: null, stop_sequence: null } },
    {
      type: "message_delta",
      delta: { stop_reason: "refusal", stop_sequence: null, ...known },
      usage: MESSAGE.usage,
      context_management,
    },
    { type: "message_stop" },
  ]);
});
