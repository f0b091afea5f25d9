import { createAnthropic } from "@ai-sdk/anthropic";
import { APICallError, generateText, Output, stepCountIs, streamText, tool } from "ai";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { delta, messagesOf, weatherModel } from "./chat-backend.js";

let hearth: TestCoordinator;
let model: ReturnType<ReturnType<typeof createAnthropic>>;

beforeEach(async () => {
  hearth = await startTestCoordinator();
  model = createAnthropic({ apiKey: API_KEY, baseURL: `${hearth.url}/v1` })("m");
});

afterEach(() => hearth.stop());

const tools = {
  weather: tool({
    inputSchema: z.object({ city: z.string() }),
    execute: ({ city }) => `rain in ${city}`,
  }),
};

const weatherAnswer = /rain in Bern.* and .*rain in Köln/;

it("takes a whole answer, and a streamed one, with their usage", async () => {
  await hearth.provider((s) => s.answer("Hel", "lo"));
  const whole = await generateText({ model, maxOutputTokens: 100, prompt: "hi", system: "be kind" });
  const streamed = streamText({ model, maxOutputTokens: 100, prompt: "hi" });
  for (const [text, reason, usage] of [
    [whole.text, whole.finishReason, whole.usage],
    [await streamed.text, await streamed.finishReason, await streamed.usage],
  ] as const) {
    expect(text).toBe("Hello");
    expect(reason).toBe("stop");
    expect(usage).toMatchObject({ inputTokens: 3, outputTokens: 2 });
  }
});

describe("tools", () => {
  it("make a round trip, whole", async () => {
    const provider = await hearth.provider(weatherModel);
    const { text, steps } = await generateText({
      model,
      maxOutputTokens: 100,
      prompt: "weather?",
      tools,
      stopWhen: stepCountIs(3),
    });
    expect(text).toMatch(weatherAnswer);
    expect(steps[0]?.toolCalls.map((call) => call.input)).toEqual([{ city: "Bern" }, { city: "Köln" }]);
    expect(messagesOf(provider.streams[1]!).map((each) => each.role)).toEqual(["user", "assistant", "tool", "tool"]);
  });

  it("make a round trip, streamed", async () => {
    await hearth.provider(weatherModel);
    const result = streamText({ model, maxOutputTokens: 100, prompt: "weather?", tools, stopWhen: stepCountIs(3) });
    expect(await result.text).toMatch(weatherAnswer);
  });
});

it("shows thoughts, and sends them back in the next step", async () => {
  const provider = await hearth.provider((s) => {
    delta(s, { reasoning_content: "I must look" });
    weatherModel(s);
  });
  const result = streamText({ model, maxOutputTokens: 100, prompt: "weather?", tools, stopWhen: stepCountIs(3) });
  const [first] = await result.steps;
  expect(first?.reasoningText).toBe("I must look");
  expect(messagesOf(provider.streams[1]!)[1]).toMatchObject({ role: "assistant", reasoning_content: "I must look" });
});

it("takes structured output", async () => {
  await hearth.provider((s) => {
    // Depending on the model's name the SDK asks for a format, or for a call of a tool.
    const [forced] = (s.body["tools"] ?? []) as { function: { name: string } }[];
    if (forced === undefined) return s.answer('{"name":"Bern"}');
    const call = { index: 0, id: "c", type: "function", function: { name: forced.function.name, arguments: "" } };
    delta(s, { tool_calls: [call] });
    delta(s, { tool_calls: [{ index: 0, function: { arguments: '{"name":"Bern"}' } }] });
    s.finish("tool_calls");
    return s.end();
  });
  const output = Output.object({ schema: z.object({ name: z.string() }) });
  const { output: city } = await generateText({ model, maxOutputTokens: 100, prompt: "a city", output });
  expect(city).toEqual({ name: "Bern" });
});

it("sends images", async () => {
  const models = [{ id: "m", capabilities: { vision: true } }];
  const provider = await hearth.provider((s) => s.answer("a cat"), { models });
  const image = Buffer.from("iVBORw0KGgo=", "base64");
  const content = [{ type: "image" as const, image, mediaType: "image/png" }];
  await generateText({ model, maxOutputTokens: 100, messages: [{ role: "user", content }] });
  expect(JSON.stringify(messagesOf(provider.streams[0]!))).toContain("data:image/png;base64,iVBORw0KGgo=");
});

describe("errors", () => {
  it("before the answer carry their status and message", async () => {
    const failing = generateText({
      model: createAnthropic({ apiKey: API_KEY, baseURL: `${hearth.url}/v1` })("nobody-serves-this"),
      maxOutputTokens: 100,
      prompt: "hi",
      maxRetries: 0,
    });
    const error = await failing.catch((thrown: unknown) => thrown);
    expect(APICallError.isInstance(error) && error.statusCode).toBe(404);
    expect(String(error)).toContain("does not exist");
  });

  it("after the answer has begun arrive in the stream, with their message", async () => {
    await hearth.provider((s) => {
      s.content("half");
      s.error();
    });
    const errors: unknown[] = [];
    const result = streamText({
      model,
      maxOutputTokens: 100,
      prompt: "hi",
      onError: ({ error }) => void errors.push(error),
    });
    let text = "";
    for await (const piece of result.textStream) text += piece;
    expect(text).toBe("half");
    expect(JSON.stringify(errors)).toContain("The provider's backend failed.");
  });
});

it("stops the provider when the consumer aborts", async () => {
  const provider = await hearth.provider((s) => s.content("endless"));
  const abort = new AbortController();
  const result = streamText({ model, maxOutputTokens: 100, prompt: "hi", abortSignal: abort.signal });
  for await (const part of result.fullStream) if (part.type === "text-delta") abort.abort();
  expect(await provider.streams[0]?.cancelled).toBe("consumer_gone");
});
