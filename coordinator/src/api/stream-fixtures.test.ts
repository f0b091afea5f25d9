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
    // An answer without an id got one from who put it together: the agent did not know what was asked for.
    const whole = answerOf(asked, [wholeOf(fixture)], usage).replace('"chatcmpl-req_1"', '"cmpl-req_1"');
    expect(whole).toBe(answerOf(asked, chunksOf(fixture), usage));
  });
});
