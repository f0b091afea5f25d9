import {
  type EventReading,
  MAX_ANSWER_DEPTH,
  parseProviderJson,
  readChatEvent,
  readCompletionEvent,
  readMessagesEvent,
  readResponsesEvent,
} from "@hearth/dialects";
import { FakeClock } from "@hearth/platform/testing";
import type { RequestId } from "@hearth/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Chunk } from "../dispatch/types.js";
import { DEFAULT_BODY_BOUNDS } from "../request/body-bounds.js";
import type { Consumer, Dialect } from "../request/consumer.js";
import type { InferenceRequest } from "../request/inference-request.js";
import { createChatCompletionsDialect } from "./chat-completions/dialect.js";
import { createCompletionsDialect } from "./completions/dialect.js";
import { createMessagesDialect } from "./messages/dialect.js";
import { createResponsesDialect } from "./responses/dialect.js";

const context = { id: "req-1" as RequestId, clock: new FakeClock(), bounds: DEFAULT_BODY_BOUNDS };
const messages = [{ role: "user", content: "x" }];
type Reader = readonly [Chunk["dialect"], (data: string) => EventReading];
const CHAT: Reader = ["chat_completions", readChatEvent];

/** Every pair of what a backend speaks and what a consumer asked for. */
const PAIRS: readonly (readonly [string, Dialect<InferenceRequest>, object, Reader])[] = [
  ["chat", createChatCompletionsDialect(context) as Dialect<InferenceRequest>, { messages }, CHAT],
  ["completions", createCompletionsDialect(context) as Dialect<InferenceRequest>, { prompt: "x" }, CHAT],
  [
    "completions, natively",
    createCompletionsDialect(context) as Dialect<InferenceRequest>,
    { prompt: "x" },
    ["completions", readCompletionEvent],
  ],
  ["messages", createMessagesDialect(context) as Dialect<InferenceRequest>, { messages, max_tokens: 9 }, CHAT],
  [
    "messages, natively",
    createMessagesDialect(context) as Dialect<InferenceRequest>,
    { messages, max_tokens: 9 },
    ["messages", readMessagesEvent],
  ],
  ["responses", createResponsesDialect(context) as Dialect<InferenceRequest>, { input: "x" }, CHAT],
  [
    "responses, natively",
    createResponsesDialect(context) as Dialect<InferenceRequest>,
    { input: "x" },
    ["responses", readResponsesEvent],
  ],
];

const odd = fc.oneof(
  { depthSize: "small" },
  fc.constantFrom<unknown>(
    null,
    true,
    -1,
    1e300,
    "",
    "a",
    "stop",
    "constructor",
    "__proto__",
    [],
    {},
    [null],
    [[]],
    { toString: 1 },
    { length: -1 },
  ),
  fc.jsonValue({ maxDepth: 2 }),
);
const some = (value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 4, arbitrary: value }, { weight: 1, arbitrary: odd });
const members = (model: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<unknown> =>
  some(
    fc.record(Object.fromEntries(Object.entries(model).map(([key, value]) => [key, some(value)])), {
      requiredKeys: [],
    }),
  );

const text = fc.constantFrom<unknown>("a", "", null);
const call = members({
  index: fc.nat(3),
  id: text,
  type: text,
  function: members({ name: text, arguments: text }),
  custom: odd,
});
const logprobs = members({
  content: some(fc.array(members({ token: text, logprob: fc.double(), top_logprobs: odd }), { maxLength: 2 })),
  refusal: odd,
  tokens: odd,
  text_offset: odd,
});
const delta = members({
  role: text,
  content: text,
  reasoning_content: text,
  refusal: text,
  tool_calls: some(fc.array(call, { maxLength: 2 })),
  extra: odd,
});
const choice = members({
  index: fc.nat(2),
  delta,
  text,
  finish_reason: fc.constantFrom("stop", "length", null, "constructor"),
  logprobs,
  stop_reason: odd,
});
const usage = members({
  prompt_tokens: fc.nat(),
  completion_tokens: fc.nat(),
  total_tokens: odd,
  prompt_tokens_details: odd,
  input_tokens: odd,
});
const chunk = members({
  id: text,
  object: text,
  created: fc.nat(),
  model: text,
  choices: some(fc.array(choice, { maxLength: 2 })),
  usage,
  extra: odd,
});
const TYPES = [
  "message_start",
  "content_block_start",
  "content_block_delta",
  "content_block_stop",
  "message_delta",
  "message_stop",
  "ping",
  "response.created",
  "response.output_item.added",
  "response.output_item.done",
  "response.output_text.delta",
  "response.completed",
] as const;
const block = members({
  type: fc.constantFrom(
    "text_delta",
    "thinking_delta",
    "signature_delta",
    "input_json_delta",
    "citations_delta",
    "text",
    "tool_use",
  ),
  text,
  thinking: text,
  partial_json: text,
  citation: odd,
  citations: odd,
});
const named = fc.record(
  {
    type: fc.constantFrom(...TYPES),
    index: some(fc.nat(1)),
    delta: some(block),
    content_block: some(block),
    message: some(members({ id: text, content: odd, usage })),
    usage: some(usage),
    item: odd,
    output_index: odd,
    response: some(members({ status: text, usage, output: odd })),
    sequence_number: odd,
  },
  { requiredKeys: ["type"] },
);

function consumer(): Consumer {
  return {
    setHeaders() {},
    sendJson: (body) => void (body instanceof Uint8Array ? body : JSON.stringify(body)),
    sendError() {},
    openStream() {},
    write: () => undefined,
    finishStream() {},
    endStream() {},
  };
}

describe("whatever JSON a provider sends", () => {
  it.each(PAIRS)("is refused where it is read, or digested to the end: %s", (_name, dialect, ask, [spoken, read]) => {
    const events = fc.array(fc.oneof(chunk, named), { maxLength: 6 });
    fc.assert(
      fc.property(events, fc.boolean(), (values, stream) => {
        const request = dialect.normalise(Buffer.from(JSON.stringify({ model: "m", stream, ...ask })));
        if (request instanceof Promise) throw new Error("A small body is read at once.");
        const reply = dialect.reply(request, consumer());
        reply.open();
        for (const value of values) {
          const data = JSON.stringify(value);
          const reading = read(data);
          if (!("parsed" in reading)) continue;
          reply.write({ dialect: spoken, bytes: Buffer.from(`data: ${data}\n\n`), parsed: reading.parsed });
        }
        reply.complete({ prompt_tokens: 1, completion_tokens: 1 });
      }),
      { numRuns: 1_500 },
    );
  });

  it("is refused where it is deeper than anything can be that a model server says", () => {
    const nested = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);
    expect(parseProviderJson(nested(MAX_ANSWER_DEPTH))).toBeDefined();
    expect(parseProviderJson(nested(MAX_ANSWER_DEPTH + 1))).toBeUndefined();
    expect(parseProviderJson(nested(200_000))).toBeUndefined();
    expect(parseProviderJson(`{"x":${nested(9_000)}}`)).toBeUndefined();
  });

  it("may hold as many brackets as it likes in its strings and side by side", () => {
    const texts = ['{"a":"\\\\\\"[[[[', "[[".repeat(5_000), '"}'].join("");
    expect(parseProviderJson(texts)).toBeDefined();
    expect(parseProviderJson(`[${"[],".repeat(5_000)}{}]`)).toBeDefined();
  });
});
