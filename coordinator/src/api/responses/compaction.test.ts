import type { RequestId } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import { chunksOf } from "../../testing/chat-answers.js";
import { ResponsesTranslator } from "./from-events.js";
import { newResponse } from "./response-object.js";
import { type ResponsesRequest, toResponsesRequest } from "./to-internal.js";

const TRIGGER = { type: "compaction_trigger" };
const USER = { role: "user", content: "q" };
const TOOLS = [{ type: "function", name: "f", parameters: {} }];

function requestOf(input: readonly object[], more: object = {}): ResponsesRequest {
  return toResponsesRequest(Buffer.from(JSON.stringify({ model: "m", input, ...more })), "req_1" as RequestId);
}

function chatOf(request: ResponsesRequest) {
  const able = { dialects: ["responses" as const], systemAnywhere: true, turnsAnywhere: true };
  const form = request.form(able, "m");
  return { dialect: form.dialect, ...JSON.parse(Buffer.from(form.body).toString()) };
}

describe("a request for a short form of the conversation", () => {
  it("asks the model for notes, and offers it nothing to call", () => {
    const call = { type: "function_call", call_id: "c", name: "f", arguments: "{}" };
    const result = { type: "function_call_output", call_id: "c", output: "42" };
    const more = { tools: TOOLS, tool_choice: "auto", parallel_tool_calls: true, max_output_tokens: 9 };
    const request = requestOf([USER, call, result, TRIGGER], more);
    const { dialect, messages, ...rest } = chatOf(request);
    expect(dialect).toBe("chat_completions");
    expect(messages).toMatchObject([
      { role: "user", content: "q" },
      { role: "assistant", tool_calls: [{ function: { name: "f" } }] },
      { role: "tool", content: "42" },
      { role: "user", content: expect.stringContaining("has become too long") },
    ]);
    expect(rest).toEqual({ model: "m", max_tokens: 9, stream: true, stream_options: { include_usage: true } });
    expect(request.needs.tools).toBe(false);
  });

  it("is refused where it is not the last item", () => {
    expect(() => requestOf([TRIGGER, USER])).toThrow(
      expect.objectContaining({ code: "invalid_request", details: { param: "input[0]" } }),
    );
  });

  it("is answered with one item, whose content is read when it comes back", () => {
    const { tools, compacts, body } = requestOf([USER, TRIGGER], { tools: TOOLS });
    const context = { style: { summary: "too" as const, packed: false }, tools, compacts };
    const translator = new ResponsesTranslator(newResponse(body, "resp_1", 1), context, () => 2);
    const chunks = chunksOf(
      [
        { kind: "reasoning", text: "hm" },
        { kind: "text", text: "The user " },
        { kind: "text", text: "wants q." },
      ],
      1,
    );
    const usage = { prompt_tokens: 1, completion_tokens: 1 };
    const events = [...chunks.flatMap((chunk) => translator.next(chunk)), ...translator.end(usage)];
    const items = events.filter(({ type }) => type === "response.output_item.done").map(({ item }) => item);
    expect(items).toEqual([
      expect.objectContaining({ type: "reasoning" }),
      { type: "compaction", id: "cmp_1_1", encrypted_content: expect.any(String) },
    ]);
    expect(events.filter(({ type }) => type.includes("output_text"))).toEqual([]);
    const { messages } = chatOf(requestOf([USER, items[1] as object, { role: "user", content: "go on" }]));
    expect(JSON.stringify(messages)).toContain("The user wants q.");
  });
});
