import Anthropic, { NotFoundError } from "@anthropic-ai/sdk";
import { createSealedFetch, SealedTransportError } from "@hearth/client";
import { afterEach, beforeEach, expect, it } from "vitest";
import { messagesProblems } from "../../../coordinator/src/testing/messages-grammar.js";
import { API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { WEATHER, weatherModel } from "./chat-backend.js";

let hearth: TestCoordinator;
let client: Anthropic;

beforeEach(async () => {
  hearth = await startTestCoordinator();
  const fetch = createSealedFetch({ baseUrl: hearth.url });
  client = new Anthropic({ apiKey: API_KEY, baseURL: hearth.url, maxRetries: 0, fetch });
});

afterEach(() => hearth.stop());

const ask = (more: object = {}): Anthropic.MessageCreateParamsNonStreaming => ({
  model: "m",
  max_tokens: 100,
  messages: [{ role: "user", content: "hi" }],
  ...more,
});

it("gets a message whole and as a stream, with the request's id", async () => {
  await hearth.provider((s) => s.answer("Grüße, ", "世界"));
  const { data, request_id } = await client.messages.create(ask()).withResponse();
  expect(data.content).toMatchObject([{ type: "text", text: "Grüße, 世界" }]);
  expect(data.usage).toMatchObject({ input_tokens: 3, output_tokens: 2 });
  expect(request_id).toMatch(/^req_/);
  const streamed = await client.messages.stream(ask()).finalMessage();
  expect(streamed.content).toMatchObject([{ type: "text", text: "Grüße, 世界" }]);
});

it("gets a stream that keeps the rules, each event under its name", async () => {
  await hearth.provider((s) => s.answer("Hel", "lo"));
  const events: Anthropic.RawMessageStreamEvent[] = [];
  for await (const event of await client.messages.create({ ...ask(), stream: true })) events.push(event);
  expect(messagesProblems(events as never)).toEqual([]);
  expect(events.at(-1)?.type).toBe("message_stop");
});

it("calls tools, whole and as a stream", async () => {
  await hearth.provider(weatherModel);
  const tools: Anthropic.Tool[] = [{ name: "weather", input_schema: { type: "object", properties: {} } }];
  const whole = await client.messages.create(ask({ tools }));
  const streamed = await client.messages.stream(ask({ tools })).finalMessage();
  for (const message of [whole, streamed]) {
    expect(message.content).toMatchObject(
      WEATHER.map(({ id, name, pieces }) => ({ type: "tool_use", id, name, input: JSON.parse(pieces.join("")) })),
    );
  }
});

it("is told errors in Anthropic's own form", async () => {
  await hearth.provider((s) => s.answer("never"));
  const unknown = client.messages.create(ask({ model: "nobody-has-it" }));
  await expect(unknown).rejects.toThrow(NotFoundError);
  await expect(unknown).rejects.toMatchObject({ status: 404, error: { error: { type: "not_found_error" } } });
});

it("does not count tokens, because that would send the conversation in the open", async () => {
  const refused = client.messages.countTokens({ model: "m", messages: [{ role: "user", content: "hi" }] });
  const error = await refused.catch((thrown: unknown) => thrown);
  expect((error as Error).cause).toBeInstanceOf(SealedTransportError);
  expect((error as Error).cause).toMatchObject({ code: "unsealable_request" });
});
