import type { RequestId } from "@hearth/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toChatRequest } from "./to-internal.js";

type Body = Readonly<Record<string, unknown>>;

const question = { role: "user", content: "hi" };
const call = { id: "a", type: "function", function: { name: "now", arguments: "{}" } };
const result = { role: "tool", tool_call_id: "a", content: "12:00" };
const called = (...calls: readonly object[]): Body => ({ role: "assistant", content: null, tool_calls: calls });

/** The text that a provider gets. */
function sent(text: string): string {
  const { body } = toChatRequest(Buffer.from(text), "req" as RequestId).form(
    { dialects: [], systemAnywhere: true },
    "m",
  );
  return Buffer.from(body).toString("utf8");
}

/** A body that is the same but for what is looked at. */
const bodyOf = (members: Body): string =>
  JSON.stringify({ model: "m", stream: true, stream_options: { include_usage: true }, ...members });

function repaired(members: Body): { readonly messages: readonly Body[]; readonly tools: readonly Body[] } {
  return JSON.parse(sent(bodyOf({ messages: [question], ...members })));
}

describe("calls in a conversation", () => {
  const messagesOf = (...messages: readonly Body[]): readonly Body[] =>
    repaired({ messages: [question, ...messages] }).messages.slice(1);

  it.each([
    ["", "{}"],
    [" \n", "{}"],
    [null, "{}"],
    [undefined, "{}"],
    ['{"city":', '{"invalid_json":"{\\"city\\":"}'],
    ['{ "big": 12345678901234567890 }', '{ "big": 12345678901234567890 }'],
    ["[1]", "[1]"],
  ])("have arguments that are JSON: %j", (given, expected) => {
    const broken = { ...call, function: { name: "now", arguments: given } };
    const whole = { ...call, function: { name: "now", arguments: expected } };
    expect(messagesOf(called(broken), result)).toEqual([called(whole), result]);
    const legacy = { role: "assistant", content: null, function_call: broken.function };
    expect(messagesOf(legacy)).toEqual([{ ...legacy, function_call: whole.function }]);
  });

  it("have an id, and their results the same, in their order", () => {
    const { id: _id, ...unnamed } = call;
    const results = [
      { role: "tool", content: "1" },
      { ...result, content: "2" },
      { role: "tool", tool_call_id: null, content: "3" },
      { role: "tool", tool_call_id: "", content: "4" },
    ];
    const turn = called(unnamed, call, { ...unnamed, id: null });
    expect(messagesOf(turn, ...results)).toEqual([
      called({ ...unnamed, id: "call_1_0" }, call, { ...unnamed, id: "call_1_2" }),
      { role: "tool", tool_call_id: "call_1_0", content: "1" },
      { ...result, content: "2" },
      { role: "tool", tool_call_id: "call_1_2", content: "3" },
      { role: "tool", tool_call_id: "call_5", content: "4" },
    ]);
  });

  it("have a type, where they are of functions", () => {
    const { type: _type, ...untyped } = call;
    expect(messagesOf(called(untyped, { ...call, type: null }), result)).toEqual([called(call, call), result]);
    const custom = { id: "b", type: "custom", custom: { name: "patch", input: "x" } };
    const asFunction = { id: "b", type: "function", function: { name: "patch", arguments: '{"input":"x"}' } };
    expect(messagesOf(called(custom))).toEqual([called(asFunction)]);
  });

  it("have their arguments as a text, whatever a client sends in its place", () => {
    const { function: now } = call;
    const asValue = { ...call, function: { ...now, arguments: { a: [1] } } };
    const asText = { ...call, function: { ...now, arguments: '{"a":[1]}' } };
    expect(messagesOf(called(asValue))).toEqual([called(asText)]);
  });

  it("stand beside no content; what else has none, has an empty text", () => {
    const bare = { role: "assistant", tool_calls: [call] };
    expect(messagesOf(bare, { ...result, content: null })).toEqual([bare, { ...result, content: "" }]);
    expect(messagesOf({ role: "assistant" }, { role: "user", content: null })).toEqual([
      { role: "assistant", content: "" },
      { role: "user", content: "" },
    ]);
  });
});

it("takes away what is null, which means absent to OpenAI only", () => {
  const parameters = { type: "object", properties: { x: { type: "string", default: null } } };
  const tool = { type: "function", function: { name: "f", parameters } };
  const nulls = { description: null, strict: null };
  const { messages, tools } = repaired({
    messages: [
      { ...question, name: null },
      { ...called({ ...call, index: null }), reasoning_content: null, audio: null },
    ],
    tools: [{ ...tool, cache_control: null, function: { ...nulls, ...tool.function } }, tool],
  });
  expect(messages).toEqual([question, called(call)]);
  expect(tools).toEqual([tool, tool]);
  const functions = [{ name: "f", description: null, parameters }];
  expect(repaired({ functions })).toMatchObject({ functions: [{ name: "f", parameters }] });
  expect(JSON.stringify(repaired({ functions }))).not.toContain("description");
});

it("names instructions as every template knows them", () => {
  const given = bodyOf({ messages: [{ role: "developer", content: 'say "developer"' }, question] });
  expect(sent(given)).toBe(given.replace('"role":"developer"', '"role":"system"'));
});

it.each<[string, Body]>([
  ["messages[0].content", { messages: [{ role: "user", content: { text: "hi" } }] }],
  ["messages[0].content", { messages: [{ role: "user", content: 5 }] }],
  ["messages[0].content[0].text", { messages: [{ role: "user", content: [{ type: "text", text: { a: 1 } }] }] }],
  ["messages[0].content[0].text", { messages: [{ role: "user", content: [{ type: "text", text: null }] }] }],
  ["messages[0].content[0]", { messages: [{ role: "user", content: ["hi"] }] }],
  ["messages[0].content[0].type", { messages: [{ role: "user", content: [{ text: "hi" }] }] }],
  ["messages[0].name", { messages: [{ ...question, name: {} }] }],
  ["messages[1].reasoning_content", { messages: [question, { ...called(call), reasoning_content: {} }] }],
  ["messages[1].tool_calls[0].id", { messages: [question, called({ ...call, id: 5 })] }],
  [
    "messages[1].tool_calls[0].function.arguments",
    { messages: [question, called({ ...call, function: { name: "f", arguments: 5 } })] },
  ],
  ["messages[1].tool_calls[0].function.name", { messages: [question, called({ ...call, function: { name: null } })] }],
  ["messages[0].tool_call_id", { messages: [{ ...result, tool_call_id: {} }] }],
  [
    "tools[0].function.description",
    { messages: [question], tools: [{ type: "function", function: { name: "f", description: {} } }] },
  ],
  [
    "tools[0].function.parameters",
    { messages: [question], tools: [{ type: "function", function: { name: "f", parameters: "{}" } }] },
  ],
  ["tools[0].function.name", { messages: [question], tools: [{ type: "function", function: {} }] }],
  ["functions[0].description", { messages: [question], functions: [{ name: "f", description: [] }] }],
])("refuses what is no text where text belongs, and says where: %s", (param, members) => {
  expect(() => sent(bodyOf(members))).toThrow(
    expect.objectContaining({ code: "invalid_request", details: expect.objectContaining({ param }) }),
  );
});

it("reads texts by the names of Responses, and what the assistant would not do", () => {
  const content = [
    { type: "input_text", text: "a" },
    { type: "text", text: "b" },
    { type: "refusal", refusal: "c" },
  ];
  expect(repaired({ messages: [{ role: "assistant", content }] }).messages[0]).toEqual({
    role: "assistant",
    content: ["a", "b", "c"].map((text) => ({ type: "text", text })),
  });
});

it("leaves every other byte as it came", () => {
  const text = fc.string();
  const args = fc.json({ maxDepth: 2 });
  const turn = fc.oneof(
    fc.record({
      role: fc.constantFrom("system", "user", "assistant"),
      content: text,
      x: fc.jsonValue({ maxDepth: 1 }).filter((x) => x !== null),
    }),
    fc
      .record({ id: text.filter((id) => id !== ""), name: text.filter((name) => name !== ""), args })
      .map(({ id, name, args: given }) => called({ id, type: "function", function: { name, arguments: given } })),
    text.filter((id) => id !== "").map((id) => ({ ...result, tool_call_id: id })),
  );
  const tool = fc.record({ name: text.filter((name) => name !== ""), parameters: fc.dictionary(text, fc.jsonValue()) });
  fc.assert(
    fc.property(fc.array(turn, { minLength: 1 }), fc.array(tool), fc.constantFrom(0, 1), (messages, tools, spaces) => {
      const given = JSON.stringify(
        {
          model: "m",
          stream: true,
          stream_options: { include_usage: true },
          messages,
          tools: tools.map((each) => ({ type: "function", function: each })),
        },
        null,
        spaces,
      );
      expect(sent(given)).toBe(given);
    }),
  );
});
