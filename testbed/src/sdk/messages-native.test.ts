import Anthropic from "@anthropic-ai/sdk";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Script, ScriptedProvider } from "../scripted/scripted-provider.js";
import type { ScriptedStream } from "../scripted/scripted-stream.js";
import { API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

let hearth: TestCoordinator;
let client: Anthropic;

beforeEach(async () => {
  hearth = await startTestCoordinator();
  client = new Anthropic({ apiKey: API_KEY, baseURL: hearth.url, maxRetries: 0 });
});

afterEach(() => hearth.stop());

const models = [{ id: "m", dialects: ["chat_completions" as const, "messages" as const] }];
const native = (script: Script): Promise<ScriptedProvider> => hearth.provider(script, { models });

const params: Anthropic.MessageCreateParamsNonStreaming = {
  model: "m",
  max_tokens: 9,
  metadata: { user_id: "u" },
  messages: [{ role: "user", content: "hi" }],
};

const event = (value: { readonly type: string }, more = ""): string =>
  `${more}event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;

const usage = { input_tokens: 7, output_tokens: 1, cache_read_input_tokens: 2 };
const start = event(
  {
    type: "message_start",
    message: { id: "msg_up", type: "message", role: "assistant", model: "up", content: [], stop_reason: null, usage },
  } as { type: string },
  ": a comment\nid: 1\n",
);

/** Everything that a backend may send, in its own spelling: members of its own, comments, ids, a ping. */
const EVENTS: readonly string[] = [
  start,
  event({ type: "ping" }),
  event({ type: "content_block_start", index: 0, content_block: { type: "thinking", thinking: "" } } as never),
  event({ type: "content_block_delta", index: 0, delta: { type: "thinking_delta", thinking: "hm" } } as never),
  event({ type: "content_block_delta", index: 0, delta: { type: "signature_delta", signature: "sig==" } } as never),
  event({ type: "content_block_stop", index: 0 } as never, "id: 5\nretry: 10\n"),
  event({ type: "content_block_start", index: 1, content_block: { type: "text", text: "" } } as never),
  'event: content_block_delta\ndata: {"type" : "content_block_delta","index":1, "delta":{"type":"text_delta","text":"Grüße"},"x_own":1}\n\n',
  event({ type: "content_block_stop", index: 1 } as never),
  event({
    type: "content_block_start",
    index: 2,
    content_block: { type: "tool_use", id: "toolu_1", name: "f", input: {} },
  } as never),
  event({
    type: "content_block_delta",
    index: 2,
    delta: { type: "input_json_delta", partial_json: '{"id":' },
  } as never),
  event({
    type: "content_block_delta",
    index: 2,
    delta: { type: "input_json_delta", partial_json: "9007199254740993}" },
  } as never),
  event({ type: "content_block_stop", index: 2 } as never),
  event({
    type: "message_delta",
    delta: { stop_reason: "tool_use", stop_sequence: null },
    usage: { output_tokens: 12 },
  } as never),
  event({ type: "message_stop" }),
];

function sendAll(s: ScriptedStream): void {
  for (const [index, bytes] of EVENTS.entries()) s.raw(bytes, index === EVENTS.length - 1);
  s.complete();
}

async function rawText(stream: boolean): Promise<string> {
  const response = await fetch(`${hearth.url}/v1/messages`, {
    method: "POST",
    headers: { "x-api-key": API_KEY, "content-type": "application/json" },
    body: JSON.stringify({ ...params, stream }),
  });
  return await response.text();
}

it("a backend that speaks Messages gets the request as it was, and its events go through byte for byte", async () => {
  const provider = await native(sendAll);
  expect(await rawText(true)).toBe(EVENTS.join(""));
  const [stream] = provider.streams;
  expect(stream?.frame.dialect).toBe("messages");
  expect(stream?.body).toEqual({ model: "m", max_tokens: 9, messages: params.messages, stream: true });
});

it("its whole answer is the fold of its events, to the last digit", async () => {
  await native(sendAll);
  const text = await rawText(false);
  expect(text).toContain('"input":{"id":9007199254740993}');
  expect(JSON.parse(text)).toMatchObject({
    id: "msg_up",
    model: "up",
    content: [
      { type: "thinking", thinking: "hm", signature: "sig==" },
      { type: "text", text: "Grüße" },
      { type: "tool_use", id: "toolu_1", name: "f" },
    ],
    stop_reason: "tool_use",
    usage: { input_tokens: 7, output_tokens: 12, cache_read_input_tokens: 2 },
  });
  const streamed = await client.messages.stream(params).finalMessage();
  const whole = await client.messages.create(params);
  expect(streamed.content).toEqual(whole.content);
});

it("a stop sequence that ended the answer is its reason, also where the backend names another, as llama-server does", async () => {
  await native((s) => {
    const [begin, ...others] = EVENTS.slice(0, 9);
    for (const bytes of [begin ?? "", ...others]) s.raw(bytes);
    const delta = { stop_reason: "end_turn", stop_sequence: "END" };
    s.raw(event({ type: "message_delta", delta, usage: { output_tokens: 12 } } as never));
    s.raw(event({ type: "message_stop" }), true);
    s.complete();
  });
  const stopped = { stop_reason: "stop_sequence", stop_sequence: "END", usage: { output_tokens: 12 } };
  for (const stop_sequences of [["END"], ["other", "END"]]) {
    expect(await client.messages.create({ ...params, stop_sequences })).toMatchObject(stopped);
    expect(await client.messages.stream({ ...params, stop_sequences }).finalMessage()).toMatchObject(stopped);
  }
  for (const stop_sequences of [[], ["other"]]) {
    const asked = { ...params, stop_sequences };
    expect((await client.messages.create(asked)).stop_reason).toBe("end_turn");
    expect((await client.messages.stream(asked).finalMessage()).stop_reason).toBe("end_turn");
  }
});

it("a failure before content goes to another provider, though the message has begun", async () => {
  let attempts = 0;
  const script: Script = (s) => {
    attempts += 1;
    if (attempts > 1) return sendAll(s);
    s.raw(start);
    return s.raw(event({ type: "error", error: { type: "api_error", message: "secret" } } as never));
  };
  await native(script);
  await native(script);
  expect(await rawText(true)).toBe(EVENTS.join(""));
  expect(attempts).toBe(2);
});

it("a failure after content is one error event, and nothing follows", async () => {
  await native((s) => {
    for (const bytes of EVENTS.slice(0, 8)) s.raw(bytes);
    s.raw(event({ type: "error", error: { type: "api_error", message: "secret" } } as never));
  });
  const text = await rawText(true);
  expect(text.startsWith(EVENTS.slice(0, 8).join(""))).toBe(true);
  expect(text.slice(EVENTS.slice(0, 8).join("").length)).toMatch(/^event: error\ndata: \{"type":"error".*\}\n\n$/);
  await expect(client.messages.stream(params).finalMessage()).rejects.toThrow(Anthropic.APIError);
});

it("an end that the provider takes back is never told", async () => {
  await native((s) => {
    for (const bytes of EVENTS) s.raw(bytes);
    s.error();
  });
  const text = await rawText(true);
  expect(text).not.toContain("message_stop");
  expect(text).not.toContain("message_delta");
  expect(text.match(/^event: error$/gm)).toHaveLength(1);
});

it("a stream without its end is an error", async () => {
  await native((s) => {
    for (const bytes of EVENTS.slice(0, -1)) s.raw(bytes);
    s.raw("", true);
    s.complete();
  });
  expect(await rawText(true)).toMatch(/event: error\n.*\n\n$/);
  await expect(client.messages.create(params)).rejects.toThrow(Anthropic.InternalServerError);
});
