import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { answer, answerJson, type BackendScript, chunk, DONE, startEvents } from "../testing/scripted-backend.js";
import { startSetting } from "../testing/test-agent.js";
import { askedOtherwise, type Inability, otherForm, otherWay, otherWayAfterFailure } from "./other-asking.js";

const TOOLS = [{ type: "function", function: { name: "f" } }];
const BODY = { model: "m", messages: [{ role: "user", content: 'Zoë: "stream":true' }], stream: true };
const OPTIONS = { stream_options: { include_usage: true } };

const without = (body: string, ...cannot: readonly Inability[]): string =>
  Buffer.from(askedOtherwise(Buffer.from(body), new Set(cannot))).toString();

describe("a body for a server that cannot do all", () => {
  it.each([
    ['{"a":1,"stream_options":{"include_usage":true}}', '{"a":1}'],
    ['{"stream_options": {"include_usage":true}, "a":1}', '{"a":1}'],
    ['{"stream_options":{}}', "{}"],
    ['{"a":"\\"stream_options\\":{}"}', '{"a":"\\"stream_options\\":{}"}'],
  ])("has no stream_options: %s", (body, expected) => expect(without(body, "stream_options")).toBe(expected));

  it("asks for a whole answer with tools, and for a stream without", () => {
    const body = { ...BODY, ...OPTIONS, tools: TOOLS };
    expect(JSON.parse(without(JSON.stringify(body), "stream_with_tools"))).toEqual({
      ...BODY,
      tools: TOOLS,
      stream: false,
    });
    expect(without(JSON.stringify(BODY), "stream_with_tools")).toBe(JSON.stringify(BODY));
  });
});

const NOTHING: ReadonlySet<Inability> = new Set();

it.each([
  ["Unrecognized request argument: stream_options", { ...BODY, ...OPTIONS }, "stream_options"],
  ["Cannot use tools with stream", { ...BODY, tools: TOOLS }, "stream_with_tools"],
  ["tools param requires stream to be false", { ...BODY, tools: TOOLS }, "stream_with_tools"],
  ["streaming is not supported with function calling", { ...BODY, tools: TOOLS }, "stream_with_tools"],
  ["Unrecognized request argument: stream_options", BODY, undefined],
  ["Cannot use tools with stream", BODY, undefined],
  ["the tool's schema is broken", { ...BODY, tools: TOOLS }, undefined],
])("reads of a refusal what to leave out: %s", (words, body, inability) => {
  const way = otherWay({ words, body: Buffer.from(JSON.stringify(body)), cannot: NOTHING });
  expect(way && [...way]).toEqual(inability && [inability]);
});

const LOOSE = [{ type: "function", function: { name: "f", parameters: { properties: { a: { type: ["string"] } } } } }];
const BOOLEAN = [
  { type: "function", function: { name: "f", parameters: { type: "object", properties: { a: true, b: {} } } } },
];

it.each([
  ["Cannot use tools with stream", ["stream_with_tools"]],
  ["Streaming is not supported when tools are used.", ["stream_with_tools"]],
  ["Function calling is unsupported in stream mode", ["stream_with_tools"]],
  ["The stream of this tool did not end", undefined],
  ["Could not write to the stream\nno tools were used", undefined],
  ["Tools are not supported", undefined],
])("leaves out after a failure only what it says cannot be: %s", (words, expected) => {
  const body = Buffer.from(JSON.stringify({ ...BODY, tools: TOOLS }));
  const way = otherWayAfterFailure({ words, body, cannot: NOTHING });
  expect(way && [...way]).toEqual(expected);
});

describe("a template's error", () => {
  it.each([
    // llama-server b11669
    '\n------------\nWhile executing BinaryExpression at line 9, column 7 in source:\n…\nError: Unknown operator "in" between Array and Tuple',
    "Error: Cannot perform operation in on undefined values",
    "Error: Object key of unhashable type: Array",
    "Error: Function is not a bool value",
    "Error: Function has no builtins",
    // llama-server of April 2026
    "Error: Unknown (built-in) filter 'upper' for type Array",
    // swift-jinja
    "upper filter requires string",
    // LM Studio
    'Error rendering prompt with jinja template: "Cannot apply filter "upper" to type: UndefinedValue".',
    // The renderer of LM Studio, in another's server
    "Cannot access property with non-string: got UndefinedValue",
    "Cannot perform operation on null values",
    // Python
    'can only concatenate str (not "list") to str',
    "unhashable type: 'list'",
    "'dict object' has no attribute 'type'",
  ])("is known by its words: %s", (words) => {
    const way = otherForm({ words, body: Buffer.from(JSON.stringify({ tools: LOOSE })), cannot: NOTHING });
    expect(way && [...way]).toEqual(["loose_types"]);
  });

  it("is nothing to ask again for where the tools would be the same, or the words are others", () => {
    const words = "upper filter requires string";
    const plain = Buffer.from(JSON.stringify({ tools: TOOLS }));
    expect(otherForm({ words, body: plain, cannot: NOTHING })).toBeUndefined();
    const loose = Buffer.from(JSON.stringify({ tools: LOOSE }));
    expect(otherForm({ words: "out of memory", body: loose, cannot: NOTHING })).toBeUndefined();
  });

  it("is told from a server's that reads no boolean schemas, whose types stay as they are", () => {
    const words = "Failed to parse tools: JSON schema error at #/properties/a: schema must be an object";
    const body = Buffer.from(JSON.stringify({ tools: BOOLEAN }));
    const cannot = otherForm({ words, body, cannot: NOTHING }) ?? NOTHING;
    expect([...cannot]).toEqual(["boolean_schemas"]);
    expect(Buffer.from(askedOtherwise(body, cannot)).toString()).toBe(body.toString().replace("true", "{}"));
  });
});

/** Refuses what names this, and answers the rest. */
const refusing =
  (member: string, words: string, status = 400): BackendScript =>
  (call) =>
    call.body.includes(member) ? answerJson(call, status, { error: { message: words } }) : answer(call);

it.each([
  [400, "stream_options is not supported"],
  [422, "include_usage: extra fields not permitted"],
  [500, "create() got an unexpected keyword argument 'stream_options'"],
  [501, "stream_options: not implemented"],
])("is asked once more, and from then on without: %i, %s", async (status, words) => {
  await using setting = await startSetting(refusing("stream_options", words, status));
  for (const calls of [2, 3]) {
    const sent = setting.link.request({ ...BODY, ...OPTIONS });
    expect((await sent.end()).type).toBe("complete");
    expect(setting.backend.calls).toHaveLength(calls);
  }
});

it("is asked for a whole answer where it fails at tools in a stream", async () => {
  const whole = { choices: [{ index: 0, message: { role: "assistant", content: "abc" }, finish_reason: "stop" }] };
  await using setting = await startSetting((call) =>
    call.body.includes('"stream":true')
      ? answerJson(call, 500, { error: { code: 500, message: "Cannot use tools with stream", type: "server_error" } })
      : answerJson(call, 200, whole),
  );
  const sent = setting.link.request({ model: "m", messages: [], stream: true, tools: TOOLS });
  expect((await sent.end()).type).toBe("complete");
  expect(sent.text).toContain('"content":"abc"');
  expect(setting.backend.calls).toHaveLength(2);
});

it("is not asked once more where a failure names no member", async () => {
  await using setting = await startSetting(refusing("stream", "include_usage went wrong in the stream", 500));
  const sent = setting.link.request({ ...BODY, ...OPTIONS });
  expect(await sent.end()).toMatchObject({ type: "error", status: 500 });
  expect(setting.backend.calls).toHaveLength(1);
});

it("gets the backend's words when nothing helps", async () => {
  await using setting = await startSetting(refusing("stream", "no"));
  const sent = setting.link.request({ ...BODY, ...OPTIONS });
  expect(await sent.end()).toMatchObject({ type: "error", code: "bad_request", status: 400 });
  expect(sent.errorBody()).toEqual({ error: { message: "no" } });
  expect(setting.backend.calls).toHaveLength(1);
});

it("inflates what nobody asked to be compressed", async () => {
  const events = chunk({ content: "abc" }) + chunk({}, "stop") + DONE;
  await using setting = await startSetting((call) => {
    call.response.setHeader("content-encoding", "gzip");
    startEvents(call);
    call.response.end(gzipSync(events));
  });
  const sent = setting.link.request(BODY);
  expect((await sent.end()).type).toBe("complete");
  expect(sent.text).toBe(events);
  expect(setting.backend.calls[0]?.request.headers["accept-encoding"]).toBe("identity");
});
