import OpenAI from "openai";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Script, ScriptedProvider } from "../scripted/scripted-provider.js";
import type { ScriptedStream } from "../scripted/scripted-stream.js";
import { API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

let hearth: TestCoordinator;
let client: OpenAI;

beforeEach(async () => {
  hearth = await startTestCoordinator();
  client = new OpenAI({ apiKey: API_KEY, baseURL: `${hearth.url}/v1`, maxRetries: 0 });
});

afterEach(() => hearth.stop());

const models = [{ id: "m", dialects: ["chat_completions" as const, "responses" as const] }];
const native = (script: Script): Promise<ScriptedProvider> => hearth.provider(script, { models });

const params = { model: "m", input: "hi", user: "u", store: false };
const place = { item_id: "msg_up", output_index: 0, content_index: 0 };
const part = (text: string) => ({ type: "output_text", text, annotations: [], logprobs: [] });
const item = (status: string, ...content: object[]) => ({
  id: "msg_up",
  type: "message",
  role: "assistant",
  status,
  content,
});
const response = (status: string, ...output: object[]) => ({
  id: "resp_up",
  object: "response",
  created_at: 5,
  model: "up",
  status,
  output,
  own: true,
});

/** Everything that a backend may send, in its own spelling: members of its own, comments, ids. */
const EVENTS: readonly string[] = [
  { type: "response.created", response: response("in_progress") },
  { type: "response.in_progress", response: response("in_progress") },
  { type: "response.output_item.added", output_index: 0, item: item("in_progress") },
  { type: "response.content_part.added", ...place, part: part("") },
  { type: "response.output_text.delta", ...place, delta: "Grü", logprobs: [], own: 1 },
  { type: "response.output_text.delta", ...place, delta: "ße", logprobs: [] },
  { type: "response.output_text.done", ...place, text: "Grüße", logprobs: [] },
  { type: "response.content_part.done", ...place, part: part("Grüße") },
  { type: "response.output_item.done", output_index: 0, item: item("completed", part("Grüße")) },
  { type: "response.completed", response: response("completed", item("completed", part("Grüße"))) },
].map(
  (event, index) =>
    `: comment\nid: ${index}\nevent: ${event.type}\ndata:  ${JSON.stringify({ ...event, sequence_number: index })}\n\n`,
);

/** Behind the end, for clients that wait for it as they do for a chat's. */
const END_MARK = "data: [DONE]\n\n";

function sendAll(s: ScriptedStream): void {
  for (const [index, bytes] of EVENTS.entries()) s.raw(bytes, index === EVENTS.length - 1);
  s.complete();
}

async function rawText(stream: boolean): Promise<string> {
  const answer = await fetch(`${hearth.url}/v1/responses`, {
    method: "POST",
    headers: { authorization: `Bearer ${API_KEY}`, "content-type": "application/json" },
    body: JSON.stringify({ ...params, stream }),
  });
  return await answer.text();
}

it("a backend that speaks Responses gets the request as it was, and its events go through byte for byte", async () => {
  const provider = await native(sendAll);
  expect(await rawText(true)).toBe(EVENTS.join("") + END_MARK);
  const [stream] = provider.streams;
  expect(stream?.frame.dialect).toBe("responses");
  expect(stream?.body).toEqual({ model: "m", input: "hi", store: false, stream: true });
});

it("an end mark of the backend's own is not told twice", async () => {
  await native((s) => {
    for (const bytes of EVENTS) s.raw(bytes);
    s.raw(END_MARK, true);
    s.complete();
  });
  expect(await rawText(true)).toBe(EVENTS.join("") + END_MARK);
});

it("its whole answer is the one in its last event", async () => {
  await native(sendAll);
  expect(JSON.parse(await rawText(false))).toEqual(response("completed", item("completed", part("Grüße"))));
  const streamed = await client.responses.stream(params).finalResponse();
  const whole = await client.responses.create(params);
  expect(streamed.output_text).toBe("Grüße");
  expect(whole.output_text).toBe("Grüße");
});

it("a failure before content goes to another provider, though the response has begun", async () => {
  let attempts = 0;
  const script: Script = (s) => {
    attempts += 1;
    if (attempts > 1) return sendAll(s);
    for (const bytes of EVENTS.slice(0, 4)) s.raw(bytes);
    const failed = { type: "response.failed", response: { error: { code: "server_error", message: "secret" } } };
    return s.raw(`event: response.failed\ndata: ${JSON.stringify(failed)}\n\n`);
  };
  await native(script);
  await native(script);
  expect(await rawText(true)).toBe(EVENTS.join("") + END_MARK);
  expect(attempts).toBe(2);
});

it("a failure after content goes on where the backend's events broke off", async () => {
  await native((s) => {
    for (const bytes of EVENTS.slice(0, 6)) s.raw(bytes);
    s.error();
  });
  const events: OpenAI.Responses.ResponseStreamEvent[] = [];
  for await (const event of await client.responses.create({ ...params, stream: true })) events.push(event);
  expect(events.map((event) => event.sequence_number)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(events.slice(-2)).toMatchObject([
    { type: "error", code: "provider_error" },
    {
      type: "response.failed",
      response: {
        id: "resp_up",
        status: "failed",
        error: { code: "server_error" },
        output: [{ id: "msg_up", status: "incomplete", content: [{ text: "Grüße" }] }],
      },
    },
  ]);
});

it("an end that the provider takes back is never told", async () => {
  await native((s) => {
    for (const bytes of EVENTS) s.raw(bytes);
    s.error();
  });
  const text = await rawText(true);
  expect(text).not.toContain("event: response.completed");
  expect(text.match(/^event: response.failed$/gm)).toHaveLength(1);
});

it("a stream without its end is an error", async () => {
  await native((s) => {
    for (const bytes of EVENTS.slice(0, -1)) s.raw(bytes);
    s.raw("", true);
    s.complete();
  });
  expect(await rawText(true)).toMatch(/event: response.failed\n.*\n\n$/);
  await expect(client.responses.create(params)).rejects.toMatchObject({ status: 502 });
});
