import { expect, it } from "vitest";
import { responseEvents } from "./unfold.js";

/** The events of the only item of a response, without their places. */
function eventsOf(item: object): unknown[] {
  const events = [...responseEvents({ id: "resp_1", status: "completed", output: [item] })].slice(2, -1);
  return events.map(({ sequence_number: _, item_id: __, output_index: ___, ...rest }) => rest);
}

const added = (item: object): object => ({ type: "response.output_item.added", item });
const done = (item: object): object => ({ type: "response.output_item.done", item });
const begun = { status: "in_progress" };

it.each([
  ["custom_tool_call", "input", "custom_tool_call_input"],
  ["mcp_call", "arguments", "mcp_call_arguments"],
  ["code_interpreter_call", "code", "code_interpreter_call_code"],
])("what a %s is called with is told in deltas", (type, member, events) => {
  const item = { id: "i", type, status: "completed", [member]: "abc" };
  expect(eventsOf(item)).toEqual([
    added({ ...item, ...begun, [member]: "" }),
    { type: `response.${events}.delta`, delta: "abc" },
    { type: `response.${events}.done`, [member]: "abc" },
    done(item),
  ]);
});

it("the sources of a text are told behind it, and its log probabilities once", () => {
  const annotation = { type: "url_citation", url: "https://a.test", title: "A", start_index: 0, end_index: 2 };
  const part = { type: "output_text", text: "ab", annotations: [annotation], logprobs: [{ token: "ab" }] };
  const item = { id: "i", type: "message", role: "assistant", status: "completed", content: [part] };
  const place = { content_index: 0 };
  expect(eventsOf(item)).toEqual([
    added({ ...item, ...begun, content: [] }),
    { type: "response.content_part.added", ...place, part: { ...part, text: "", annotations: [] } },
    { type: "response.output_text.delta", ...place, delta: "ab", logprobs: part.logprobs },
    { type: "response.output_text.annotation.added", ...place, annotation_index: 0, annotation },
    { type: "response.output_text.done", ...place, text: "ab", logprobs: part.logprobs },
    { type: "response.content_part.done", ...place, part },
    done(item),
  ]);
});

it("a thought is told in deltas, its summary and itself", () => {
  const summary = { type: "summary_text", text: "Sums" };
  const part = { type: "reasoning_text", text: "1 and 1" };
  const item = { id: "i", type: "reasoning", summary: [summary], content: [part], encrypted_content: "x" };
  expect(eventsOf(item)).toEqual([
    added({ ...item, ...begun, summary: [], content: [] }),
    { type: "response.reasoning_summary_part.added", summary_index: 0, part: { ...summary, text: "" } },
    { type: "response.reasoning_summary_text.delta", summary_index: 0, delta: "Sums" },
    { type: "response.reasoning_summary_text.done", summary_index: 0, text: "Sums" },
    { type: "response.reasoning_summary_part.done", summary_index: 0, part: summary },
    { type: "response.content_part.added", content_index: 0, part: { ...part, text: "" } },
    { type: "response.reasoning_text.delta", content_index: 0, delta: "1 and 1" },
    { type: "response.reasoning_text.done", content_index: 0, text: "1 and 1" },
    { type: "response.content_part.done", content_index: 0, part },
    done(item),
  ]);
});
