import { afterEach, expect, it, vi } from "vitest";
import { type ChatEvent, chat, sourceOf } from "./chat.js";

afterEach(() => vi.unstubAllGlobals());

function answerWith(events: readonly unknown[], headers = {}): void {
  const text = events.map((data) => `data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`).join("");
  vi.stubGlobal("fetch", async () => new Response(text, { headers }));
}

async function read(): Promise<ChatEvent[]> {
  const events: ChatEvent[] = [];
  const wishes = { model: "m", messages: [], maxTokens: undefined };
  for await (const event of chat(wishes, new AbortController().signal)) events.push(event);
  return events;
}

it("tells where an answer comes from, what it says and what it took", async () => {
  answerWith(
    [
      { choices: [{ delta: { role: "assistant", content: "" } }] },
      { choices: [{ delta: { reasoning_content: "hm" } }] },
      { choices: [{ delta: { content: "Hi" } }] },
      { choices: [{ delta: {}, finish_reason: "stop" }] },
      { choices: [], usage: { prompt_tokens: 3, completion_tokens: 1, cost: 0.00001 } },
      "[DONE]",
    ],
    { "X-Provider-Id": "prv_1", "X-Timing": '{"route_us":12}' },
  );
  expect(await read()).toMatchObject([
    { type: "source", source: { provider: "prv_1", timing: { route_us: 12 } } },
    { type: "text", text: "hm", isReasoning: true },
    { type: "text", text: "Hi", isReasoning: false },
    { type: "finish", reason: "stop" },
    { type: "usage", usage: { cost: 0.00001 } },
  ]);
});

it("throws what the stream says went wrong", async () => {
  answerWith([
    { choices: [{ delta: { content: "Hi" } }] },
    { error: { message: "It broke off.", code: "stream_timeout" } },
  ]);
  await expect(read()).rejects.toMatchObject({ message: "It broke off.", kind: "failed" });
});

it("needs no header", () => {
  expect(sourceOf(new Headers({ "X-Timing": "what" }))).toMatchObject({ provider: undefined, timing: {} });
});
