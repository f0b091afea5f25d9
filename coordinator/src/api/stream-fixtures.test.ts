import { createWholeFold, grammarOf, openAiUsage, readEvents, readWhole } from "@hearth/dialects";
import { FIXTURE_FACTS, STREAM_FIXTURES, type StreamFixture } from "@hearth/dialects/fixtures";
import { FakeClock } from "@hearth/platform/testing";
import type { RequestId } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import type { Chunk } from "../dispatch/types.js";
import { DEFAULT_BODY_BOUNDS } from "../request/body-bounds.js";
import type { Consumer, Dialect } from "../request/consumer.js";
import type { InferenceRequest } from "../request/inference-request.js";
import { createChatCompletionsDialect } from "./chat-completions/dialect.js";
import { createCompletionsDialect } from "./completions/dialect.js";
import { createMessagesDialect } from "./messages/dialect.js";
import { createResponsesDialect } from "./responses/dialect.js";

const clock = new FakeClock();
clock.pause(FIXTURE_FACTS.created * 1000);
const context = { id: FIXTURE_FACTS.requestId as RequestId, clock, bounds: DEFAULT_BODY_BOUNDS };
const messages = [{ role: "user", content: "x" }];

/** What a consumer may have asked for. */
const ASKED = {
  chat_completions: [createChatCompletionsDialect(context) as Dialect<InferenceRequest>, { messages }],
  completions: [createCompletionsDialect(context) as Dialect<InferenceRequest>, { prompt: "x" }],
  messages: [createMessagesDialect(context) as Dialect<InferenceRequest>, { messages, max_tokens: 9 }],
  responses: [createResponsesDialect(context) as Dialect<InferenceRequest>, { input: "x" }],
} as const;

/** The whole answer that a consumer gets of these chunks. */
function answerOf(asked: keyof typeof ASKED, chunks: readonly Chunk[], usage: StreamFixture["usage"]): string {
  const [dialect, ask] = ASKED[asked];
  const request = dialect.normalise(Buffer.from(JSON.stringify({ model: FIXTURE_FACTS.model, stream: false, ...ask })));
  if (request instanceof Promise) throw new Error("A small body is read at once.");
  const sent: string[] = [];
  const unused = (): never => {
    throw new Error("A whole answer is sent by one call.");
  };
  const consumer: Consumer = {
    setHeaders() {},
    sendJson: (body) =>
      void sent.push(body instanceof Uint8Array ? Buffer.from(body).toString() : JSON.stringify(body)),
    sendError: unused,
    openStream: unused,
    write: unused,
    finishStream: unused,
    endStream: unused,
  };
  const reply = dialect.reply(request, consumer);
  reply.open();
  for (const chunk of chunks) reply.write(chunk);
  reply.complete({ ...usage });
  return sent.join("|");
}

/** What the events of a stream are, one by one. */
function chunksOf({ dialect, text }: StreamFixture): Chunk[] {
  return (readEvents(Buffer.from(text)) ?? []).flatMap(({ bytes, data }) => {
    const reading = data === undefined ? undefined : grammarOf(dialect).read(data);
    return reading !== undefined && "parsed" in reading ? [{ dialect, bytes, parsed: reading.parsed }] : [];
  });
}

/** The same as one body, as an agent sends it. */
function wholeOf(fixture: StreamFixture): Chunk {
  const { dialect } = fixture;
  const fold = createWholeFold(dialect, FIXTURE_FACTS);
  for (const { parsed } of chunksOf(fixture)) fold.add(parsed);
  const bytes = Buffer.from(fold.body());
  const reading = readWhole(dialect, bytes.toString());
  if (!("parsed" in reading)) throw new Error(`An answer that is ${reading.kind}.`);
  return { dialect, bytes, parsed: reading.parsed, whole: true };
}

const answers = STREAM_FIXTURES.filter(({ end }) => end.type === "answer");

describe.each(answers)("the answer of $what ($dialect)", (fixture) => {
  const { dialect, usage, end } = fixture;

  it("is what its server would have sent at once, with a count where it has none", () => {
    const body = end.type === "answer" ? end.body : {};
    const counted = typeof body === "string" || "usage" in body ? body : { ...body, usage: openAiUsage(usage) };
    const expected = typeof counted === "string" ? counted : JSON.stringify(counted);
    expect(answerOf(dialect, [wholeOf(fixture)], usage)).toBe(expected);
    expect(answerOf(dialect, chunksOf(fixture), usage)).toBe(expected);
  });

  const others = dialect === "chat_completions" ? (["completions", "messages", "responses"] as const) : [];

  it.each(others)("says the same as %s, whoever put it together", (asked) => {
    // What has no id, answer or call, got one from who put it together: the agent did not know what was asked for.
    const whole = answerOf(asked, [wholeOf(fixture)], usage).replace('"chatcmpl-req_1"', '"cmpl-req_1"');
    const chunks = answerOf(asked, chunksOf(fixture), usage);
    expect(whole).toBe(chunks.replace(/"call_(?:msg|resp)_1_/g, '"call_chatcmpl-req_1_'));
  });
});

it.each([
  ["messages", { type: "tool_use", name: "f", input: { x: 1 } }],
  ["responses", { type: "function_call", name: "f", arguments: '{"x":1}' }],
] as const)("a legacy call is a call in %s, in pieces and whole", (asked, call) => {
  const delta = (value: object, finish: string | null = null): string =>
    `data: ${JSON.stringify({ choices: [{ index: 0, delta: value, finish_reason: finish }] })}\n\n`;
  const text = [
    delta({ function_call: { name: "f", arguments: '{"x"' } }),
    delta({ function_call: { arguments: ":1}" } }),
    delta({}, "function_call"),
  ].join("");
  const fixture = { dialect: "chat_completions", text } as StreamFixture;
  const usage = { prompt_tokens: 1, completion_tokens: 2 };
  for (const chunks of [chunksOf(fixture), [wholeOf(fixture)]]) {
    const answer = JSON.parse(answerOf(asked, chunks, usage)) as { content?: unknown; output?: unknown };
    expect(answer.content ?? answer.output).toMatchObject([call]);
  }
});
