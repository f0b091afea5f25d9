import type { Clock } from "@hearth/platform";
import type { RequestId } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import type { Chunk } from "../../dispatch/types.js";
import type { Consumer } from "../../request/consumer.js";
import { chatReply } from "./from-events.js";
import { toChatRequest } from "./to-internal.js";

const CLOCK = { wallTime: () => 7_000 } as Clock;
const parameters = { type: "object", properties: { city: { type: "string" } } };
const offered = { name: "get_weather", parameters };

const chunkOf = (delta: object, finish: string | null): Chunk => {
  const choices = [{ index: 0, delta, finish_reason: finish }];
  const parsed = { id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices };
  return { dialect: "chat_completions", bytes: Buffer.from(`data: ${JSON.stringify(parsed)}\n\n`), parsed };
};

const LEGACY_CALL = [
  chunkOf({ role: "assistant", content: null, function_call: { name: "get_weather", arguments: "" } }, null),
  chunkOf({ function_call: { arguments: '{"city":"Paris"}' } }, null),
  chunkOf({}, "function_call"),
];

/** What a consumer gets that asked with these members. */
function replyTo(members: object, chunks: readonly Chunk[]): string {
  const raw = Buffer.from(JSON.stringify({ model: "m", messages: [{ role: "user", content: "hi" }], ...members }));
  const got: string[] = [];
  const take = (bytes: Uint8Array | string): undefined => {
    got.push(Buffer.from(bytes).toString());
  };
  const consumer: Consumer = {
    setHeaders: () => {},
    openStream: () => {},
    sendJson: (body) => take(body instanceof Uint8Array ? body : JSON.stringify(body)),
    sendError: (error) => take(error.code),
    write: take,
    finishStream: (...last) => last.forEach(take),
    endStream: (...last) => last.forEach(take),
  };
  const reply = chatReply(toChatRequest(raw, "req_1" as RequestId), consumer, CLOCK);
  for (const chunk of chunks) reply.write(chunk);
  reply.complete({ prompt_tokens: 9, completion_tokens: 3 });
  return got.join("");
}

describe("a legacy function_call of a backend's", () => {
  const tools = [{ type: "function", function: offered }];

  it.each([true, false])("is a tool call for who offered tools (streamed: %s)", (stream) => {
    const got = replyTo({ stream, tools }, LEGACY_CALL);
    expect(got).not.toContain("function_call");
    expect(got).toContain('"name":"get_weather"');
    expect(got).toContain('"finish_reason":"tool_calls"');
  });

  it.each([true, false])("stays what it is for who offered functions (streamed: %s)", (stream) => {
    const got = replyTo({ stream, functions: [offered] }, LEGACY_CALL);
    expect(got).not.toContain("tool_calls");
    expect(got).toContain('"finish_reason":"function_call"');
  });
});
