import { createOpenAI, type OpenAIResponsesProviderOptions } from "@ai-sdk/openai";
import { APICallError, generateText, Output, stepCountIs, streamText, tool } from "ai";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { delta, messagesOf, weatherModel } from "./chat-backend.js";
import { type CheckedFetch, checkedFetch } from "./schema/checked-fetch.js";

let hearth: TestCoordinator;
let checked: CheckedFetch;
let openai: ReturnType<typeof createOpenAI>;

beforeEach(async () => {
  hearth = await startTestCoordinator();
  checked = checkedFetch();
  openai = createOpenAI({ apiKey: API_KEY, baseURL: `${hearth.url}/v1`, fetch: checked.fetch });
});

afterEach(async () => {
  await checked.verify();
  await hearth.stop();
});

const tools = {
  weather: tool({
    inputSchema: z.object({ city: z.string() }),
    execute: ({ city }) => `rain in ${city}`,
  }),
};

const withOptions = (options: OpenAIResponsesProviderOptions) => ({ providerOptions: { openai: { ...options } } });

it("takes a whole answer, and a streamed one, with their usage", async () => {
  await hearth.provider((s) => s.answer("Hel", "lo"));
  const model = openai.responses("m");
  const whole = await generateText({ model, prompt: "hi", system: "be kind" });
  const streamed = streamText({ model, prompt: "hi" });
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
  it("make a round trip with the SDK's own settings, whole and streamed", async () => {
    const provider = await hearth.provider(weatherModel);
    const asked = { model: openai("m"), prompt: "weather?", tools, stopWhen: stepCountIs(3) };
    const { text, steps } = await generateText(asked);
    expect(text).toBe("rain in Bern and rain in Köln");
    expect(steps[0]?.toolCalls.map((call) => call.input)).toEqual([{ city: "Bern" }, { city: "Köln" }]);
    expect(messagesOf(provider.streams[1]!).map((each) => each.role)).toEqual(["user", "assistant", "tool", "tool"]);
    expect(await streamText(asked).text).toBe("rain in Bern and rain in Köln");
  });

  it("make a round trip with thoughts and words before them, where nothing is to be stored", async () => {
    const provider = await hearth.provider((s) => {
      delta(s, { reasoning_content: "I must look" });
      if (messagesOf(s).length === 1) delta(s, { content: "Let me see." });
      weatherModel(s);
    });
    const result = await generateText({
      model: openai("m"),
      prompt: "weather?",
      tools,
      stopWhen: stepCountIs(3),
      ...withOptions({
        store: false,
        reasoningSummary: "auto",
        forceReasoning: true,
        include: ["reasoning.encrypted_content"],
      }),
    });
    expect(result.steps[0]?.reasoningText).toBe("I must look");
    expect(messagesOf(provider.streams[1]!)[1]).toMatchObject({
      role: "assistant",
      reasoning_content: "I must look",
      content: "Let me see.",
      tool_calls: [{}, {}],
    });
  });

  it("that the SDK refers to by the id of an item are refused with the remedy where nothing is kept", async () => {
    await hearth.stop();
    hearth = await startTestCoordinator({ settings: { storedResponses: { keptMs: 0, bytes: 0, accountBytes: 0 } } });
    openai = createOpenAI({ apiKey: API_KEY, baseURL: `${hearth.url}/v1`, fetch: checked.fetch });
    await hearth.provider((s) => {
      delta(s, { content: "Let me see." });
      weatherModel(s);
    });
    const failing = generateText({ model: openai("m"), prompt: "weather?", tools, stopWhen: stepCountIs(3) });
    await expect(failing).rejects.toThrow(/set 'store' to false/);
  });
});

it("shows thoughts while they come, where summaries are asked for", async () => {
  await hearth.provider((s) => {
    for (const piece of ["I ", "think"]) delta(s, { reasoning_content: piece });
    s.answer("yes");
  });
  const result = streamText({
    model: openai("m"),
    prompt: "hi",
    ...withOptions({ reasoningSummary: "auto", forceReasoning: true }),
  });
  expect(await result.reasoningText).toBe("I think");
  expect(await result.text).toBe("yes");
});

it("takes structured output", async () => {
  const provider = await hearth.provider((s) => s.answer('{"name":"Bern"}'));
  const output = Output.object({ schema: z.object({ name: z.string() }) });
  const { output: city } = await generateText({ model: openai("m"), prompt: "a city", output });
  expect(city).toEqual({ name: "Bern" });
  expect(provider.streams[0]?.body["response_format"]).toMatchObject({ type: "json_schema" });
});

it("sends images", async () => {
  const models = [{ id: "m", capabilities: { vision: true } }];
  const provider = await hearth.provider((s) => s.answer("a cat"), { models });
  const image = Buffer.from("iVBORw0KGgo=", "base64");
  const content = [{ type: "image" as const, image, mediaType: "image/png" }];
  await generateText({ model: openai("m"), messages: [{ role: "user", content }] });
  expect(JSON.stringify(messagesOf(provider.streams[0]!))).toContain("data:image/png;base64,iVBORw0KGgo=");
});

describe("errors", () => {
  it("before the answer carry their status and message", async () => {
    const failing = generateText({ model: openai("nobody-serves-this"), prompt: "hi", maxRetries: 0 });
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
    const result = streamText({ model: openai("m"), prompt: "hi", onError: ({ error }) => void errors.push(error) });
    let text = "";
    for await (const piece of result.textStream) text += piece;
    expect(text).toBe("half");
    expect(JSON.stringify(errors)).toContain("The provider's backend failed.");
  });
});

it("stops the provider when the consumer aborts", async () => {
  const provider = await hearth.provider((s) => s.content("endless"));
  const abort = new AbortController();
  const result = streamText({ model: openai("m"), prompt: "hi", abortSignal: abort.signal });
  for await (const part of result.fullStream) if (part.type === "text-delta") abort.abort();
  expect(await provider.streams[0]?.cancelled).toBe("consumer_gone");
});

it("shows what the default model thinks, though nobody can ask it for a summary, streamed and whole", async () => {
  await hearth.provider((s) => {
    s.role();
    delta(s, { reasoning_content: "let me " });
    delta(s, { reasoning_content: "see" });
    s.content("yes");
    s.finish();
    s.end();
  });
  const asked = { model: openai("m"), prompt: "hi" };
  expect((await generateText(asked)).reasoningText).toBe("let me see");
  const streamed = streamText(asked);
  expect(await streamed.reasoningText).toBe("let me see");
  expect(await streamed.text).toBe("yes");
});
