import { describe, expect, it } from "vitest";
import { type EventDialectName, grammarOf } from "./event-reading.js";
import { readEvents } from "./sse/sse-events.js";
import { SseSplitter } from "./sse/sse-splitter.js";
import { createWholeFold, readWhole } from "./whole.js";

const FACTS = { requestId: "req_1", model: "m", created: 7 };
const data = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;
const named = (value: { readonly type: string; readonly [member: string]: unknown }): string =>
  `event: ${value.type}\n${data(value)}`;

interface Stream {
  readonly what: string;
  readonly dialect: EventDialectName;
  readonly text: string;
  /** What the body must be, where it is not left to chance. */
  readonly body: object;
}

const chunk = (delta: object, more: object = {}): string =>
  data({
    id: "c1",
    object: "chat.completion.chunk",
    created: 1,
    model: "srv",
    choices: [{ index: 0, delta, finish_reason: null, ...more }],
  });
const call = (more: object): object => ({ tool_calls: [{ index: 0, ...more }] });

/** Streams in the forms that servers send them: llama.cpp and vLLM chats, legacy completions, Messages and Responses. */
const STREAMS: readonly Stream[] = [
  {
    what: "a chat with reasoning, in pieces, with its usage in a chunk of its own",
    dialect: "chat_completions",
    text: [
      chunk({ role: "assistant", content: null }),
      chunk({ reasoning_content: "Hm" }),
      chunk({ reasoning_content: "." }),
      chunk({ content: "Grüße, " }),
      chunk({ content: "Zoë 🐢" }),
      chunk({}, { finish_reason: "stop" }),
      data({ id: "c1", choices: [], usage: { prompt_tokens: 5, completion_tokens: 4, total_tokens: 9 } }),
      "data: [DONE]\n\n",
    ].join(""),
    body: {
      id: "c1",
      object: "chat.completion",
      created: 1,
      model: "srv",
      choices: [
        {
          index: 0,
          message: { role: "assistant", refusal: null, reasoning_content: "Hm.", content: "Grüße, Zoë 🐢" },
          logprobs: null,
          finish_reason: "stop",
        },
      ],
      usage: { prompt_tokens: 5, completion_tokens: 4, total_tokens: 9 },
    },
  },
  {
    what: "a chat of a server that leaves out ids, models and indices",
    dialect: "chat_completions",
    text: `${data({ choices: [{ delta: { content: "a" } }] })}${data({ choices: [{ delta: {}, finish_reason: "length" }] })}`,
    body: {
      id: "chatcmpl-req_1",
      object: "chat.completion",
      created: 7,
      model: "m",
      choices: [
        {
          index: 0,
          message: { role: "assistant", refusal: null, content: "a" },
          logprobs: null,
          finish_reason: "length",
        },
      ],
    },
  },
  {
    what: "two tool calls, one of them in pieces",
    dialect: "chat_completions",
    text: [
      chunk({ role: "assistant" }),
      chunk(call({ id: "x", type: "function", function: { name: "look", arguments: "" } })),
      chunk(call({ function: { arguments: '{"a":' } })),
      chunk(call({ function: { arguments: "12345678901234567890}" } })),
      chunk({
        tool_calls: [{ index: 1, id: "y", type: "function", function: { name: "see", arguments: "{}" } }],
      }),
      chunk({}, { finish_reason: "tool_calls" }),
      "data: [DONE]\n\n",
    ].join(""),
    body: {
      id: "c1",
      object: "chat.completion",
      created: 1,
      model: "srv",
      choices: [
        {
          index: 0,
          message: {
            role: "assistant",
            refusal: null,
            content: null,
            tool_calls: [
              { id: "x", type: "function", function: { name: "look", arguments: '{"a":12345678901234567890}' } },
              { id: "y", type: "function", function: { name: "see", arguments: "{}" } },
            ],
          },
          logprobs: null,
          finish_reason: "tool_calls",
        },
      ],
    },
  },
  {
    what: "a legacy completion",
    dialect: "completions",
    text: [
      data({ id: "t1", object: "text_completion", created: 1, model: "srv", choices: [{ index: 0, text: "One " }] }),
      data({ id: "t1", choices: [{ index: 0, text: "two", finish_reason: "stop" }] }),
      data({ id: "t1", choices: [], usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } }),
      "data: [DONE]\n\n",
    ].join(""),
    body: {
      id: "t1",
      object: "text_completion",
      created: 1,
      model: "srv",
      choices: [{ text: "One two", index: 0, logprobs: null, finish_reason: "stop" }],
      usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
    },
  },
  {
    what: "a message with thought, text and a tool call whose numbers keep their digits",
    dialect: "messages",
    text: [
      named({
        type: "message_start",
        message: { id: "msg_1", type: "message", role: "assistant", content: [], usage: { input_tokens: 3 } },
      }),
      named({
        type: "content_block_start",
        index: 0,
        content_block: { type: "thinking", thinking: "", signature: "" },
      }),
      named({ type: "content_block_delta", index: 0, delta: { type: "thinking_delta", thinking: "Hm." } }),
      named({ type: "content_block_start", index: 1, content_block: { type: "text", text: "" } }),
      named({ type: "content_block_delta", index: 1, delta: { type: "text_delta", text: "Hi" } }),
      named({
        type: "content_block_start",
        index: 2,
        content_block: { type: "tool_use", id: "t", name: "f", input: {} },
      }),
      named({ type: "content_block_delta", index: 2, delta: { type: "input_json_delta", partial_json: '{"n":1' } }),
      named({ type: "content_block_delta", index: 2, delta: { type: "input_json_delta", partial_json: ".50}" } }),
      named({ type: "message_delta", delta: { stop_reason: "tool_use" }, usage: { output_tokens: 9 } }),
      named({ type: "message_stop" }),
    ].join(""),
    body: {
      id: "msg_1",
      type: "message",
      role: "assistant",
      content: [
        { type: "thinking", thinking: "Hm.", signature: "" },
        { type: "text", text: "Hi" },
        { type: "tool_use", id: "t", name: "f", input: { n: 1.5 } },
      ],
      usage: { input_tokens: 3, output_tokens: 9 },
      stop_reason: "tool_use",
    },
  },
  {
    what: "a response, whole in its last event",
    dialect: "responses",
    text: [
      named({ type: "response.created", response: { id: "resp_1", status: "in_progress", output: [] } }),
      named({ type: "response.output_text.delta", delta: "Hi" }),
      named({
        type: "response.completed",
        response: {
          id: "resp_1",
          status: "completed",
          output: [{ type: "message" }],
          usage: { input_tokens: 1, output_tokens: 1 },
        },
      }),
    ].join(""),
    body: {
      id: "resp_1",
      status: "completed",
      output: [{ type: "message" }],
      usage: { input_tokens: 1, output_tokens: 1 },
    },
  },
];

/** Folds what comes in pieces of this many bytes, as an agent does. */
function fold({ dialect, text }: Stream, pieceBytes: number): Uint8Array {
  const splitter = new SseSplitter({ eventBytes: 100_000, pieceBytes: 1_000 });
  const folded = createWholeFold(dialect, FACTS);
  const grammar = grammarOf(dialect);
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    for (const piece of splitter.push(bytes.subarray(at, at + pieceBytes))) {
      for (const event of readEvents(Buffer.from(piece)) ?? []) {
        const reading = grammar.read(event.data ?? "");
        if ("parsed" in reading) folded.add(reading.parsed);
      }
    }
  }
  expect(splitter.finish()).toBeUndefined();
  return folded.body();
}

describe.each(STREAMS)("$what", (stream) => {
  it("comes to the same body wherever its bytes are cut", () => {
    const whole = fold(stream, stream.text.length);
    expect(JSON.parse(Buffer.from(whole).toString())).toEqual(stream.body);
    for (let bytes = 1; bytes < 60; bytes++) expect(fold(stream, bytes)).toEqual(whole);
  });

  it("is read back as content with its end", () => {
    const text = Buffer.from(fold(stream, 64)).toString();
    const reading = readWhole(stream.dialect, text);
    expect(reading).toMatchObject({ kind: "content", finishes: true, generates: true });
  });
});

it("keeps a tool call's numbers as the model wrote them", () => {
  const message = STREAMS.find(({ dialect }) => dialect === "messages") as Stream;
  expect(Buffer.from(fold(message, 64)).toString()).toContain('{"n":1.50}');
});

describe("a body that is no whole answer", () => {
  const dialects = ["chat_completions", "completions", "messages", "responses"] as const;

  it.each(dialects)("is malformed for %s when it is anything else", (dialect) => {
    for (const text of [
      "",
      "{",
      "[]",
      "null",
      "7",
      "{}",
      '{"choices":[]}',
      '{"choices":[7]}',
      '{"output":7}',
      '{"content":7}',
    ]) {
      expect(readWhole(dialect, text)).toEqual({ kind: "malformed" });
    }
  });

  it.each(dialects)("is an error for %s when it says so, with the status of its number or word", (dialect) => {
    expect(readWhole(dialect, '{"error":{"code":429}}')).toMatchObject({ kind: "error", status: 429 });
    expect(readWhole(dialect, '{"error":{"type":"overloaded_error"}}')).toMatchObject({ kind: "error", status: 503 });
  });

  it("is malformed as a chat when its parts have other types", () => {
    const choices = [{ message: { tool_calls: 7 } }, { message: { tool_calls: [{ function: 7 }] } }, { message: 7 }];
    for (const choice of choices) {
      const text = JSON.stringify({ choices: [{ ...choice, finish_reason: "stop" }] });
      expect(readWhole("chat_completions", text)).toEqual({ kind: "malformed" });
    }
  });

  it("is an error when a response failed", () => {
    const failed = { status: "failed", output: [], error: { code: "rate_limit_exceeded" } };
    expect(readWhole("responses", JSON.stringify(failed))).toMatchObject({ kind: "error", status: 429 });
  });
});
