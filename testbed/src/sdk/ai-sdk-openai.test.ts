import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, embedMany, generateText, Output, stepCountIs, streamText, tool } from "ai";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { messagesOf, WEATHER, weatherModel } from "./chat-backend.js";
import { type CheckedFetch, checkedFetch } from "./schema/checked-fetch.js";

let hearth: TestCoordinator;
let checked: CheckedFetch;

beforeEach(async () => {
  hearth = await startTestCoordinator();
  checked = checkedFetch();
});

afterEach(async () => {
  await checked.verify();
  await hearth.stop();
});

const settings = () => ({ apiKey: API_KEY, baseURL: `${hearth.url}/v1`, fetch: checked.fetch });
const compatible = () =>
  createOpenAICompatible({ name: "hearth", includeUsage: true, supportsStructuredOutputs: true, ...settings() });

const PACKAGES = [
  ["@ai-sdk/openai", () => createOpenAI(settings()).chat("m")],
  ["@ai-sdk/openai-compatible", () => compatible()("m")],
] as const;

const weather = tool({
  description: "The weather in a city.",
  inputSchema: z.object({ city: z.string() }),
  execute: ({ city }) => `rain in ${city}`,
});

describe.each(PACKAGES)("chat through %s", (_name, model) => {
  const common = () => ({ model: model(), maxRetries: 0 });

  it("generates text with its usage", async () => {
    await hearth.provider((s) => s.answer("Grüße, ", "世界"));
    const result = await generateText({ ...common(), prompt: "hi" });
    expect(result.text).toBe("Grüße, 世界");
    expect(result.finishReason).toBe("stop");
    expect(result.usage).toMatchObject({ inputTokens: 3, outputTokens: 2 });
  });

  it("streams text with its usage", async () => {
    await hearth.provider((s) => s.answer("a", "b", "c"));
    const result = streamText({ ...common(), prompt: "hi" });
    const pieces: string[] = [];
    for await (const piece of result.textStream) pieces.push(piece);
    expect(pieces).toEqual(["a", "b", "c"]);
    expect(await result.usage).toMatchObject({ inputTokens: 3, outputTokens: 2 });
  });

  it.each(["generate", "stream"])("calls tools in parallel and goes on with their results: %s", async (way) => {
    await hearth.provider(weatherModel);
    const request = { ...common(), prompt: "the weather?", tools: { weather }, stopWhen: stepCountIs(3) };
    const result = way === "generate" ? await generateText(request) : streamText(request);
    const steps = await result.steps;
    expect(steps[0]?.toolCalls.map((call) => [call.toolCallId, call.input])).toEqual(
      WEATHER.map(({ id, pieces }) => [id, JSON.parse(pieces.join(""))]),
    );
    expect(await result.text).toBe("rain in Bern and rain in Köln");
  });

  it("parses structured output", async () => {
    const provider = await hearth.provider((s) => s.answer('{"name":"Bern",', '"people":134000}'));
    const output = Output.object({ schema: z.object({ name: z.string(), people: z.number() }) });
    const result = await generateText({ ...common(), prompt: "a city", output });
    expect(result.output).toEqual({ name: "Bern", people: 134000 });
    expect(provider.streams[0]?.body["response_format"]).toMatchObject({ type: "json_schema" });
  });

  it("sends images as data", async () => {
    const provider = await hearth.provider((s) => s.answer("a cat"), {
      models: [{ id: "m", capabilities: { vision: true } }],
    });
    const content = [
      { type: "text" as const, text: "what is this?" },
      { type: "image" as const, image: new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]) },
    ];
    const result = await generateText({ ...common(), messages: [{ role: "user", content }] });
    expect(result.text).toBe("a cat");
    expect(JSON.stringify(messagesOf(provider.streams[0]!))).toContain("data:image/png;base64,iVBORw0KGgo=");
  });

  it("hears of an error before and after the first content", async () => {
    await hearth.provider((s) => {
      if (messagesOf(s)[0]?.content === "late") s.content("half");
      s.error();
    });
    const early = generateText({ ...common(), prompt: "early" });
    await expect(early).rejects.toSatisfy((error) => APICallError.isInstance(error) && error.statusCode === 502);
    const errors: unknown[] = [];
    const result = streamText({ ...common(), prompt: "late", onError: ({ error }) => void errors.push(error) });
    let text = "";
    for await (const piece of result.textStream) text += piece;
    expect(text).toBe("half");
    expect(errors).toHaveLength(1);
  });

  it("stops the provider when it aborts", async () => {
    const provider = await hearth.provider((s) => s.content("endless"));
    const abort = new AbortController();
    const result = streamText({ ...common(), prompt: "hi", abortSignal: abort.signal });
    for await (const _piece of result.textStream) abort.abort();
    expect(await provider.streams[0]?.cancelled).toBe("consumer_gone");
  });
});

it("completes a prompt through the legacy API", async () => {
  await hearth.provider((s) => s.answer(" upon", " a time"));
  for (const model of [createOpenAI(settings()).completion("m"), compatible().completionModel("m")]) {
    const result = await generateText({ model, prompt: "Once", maxRetries: 0 });
    expect(result.text).toBe(" upon a time");
    const streamed = streamText({ model, prompt: "Once", maxRetries: 0 });
    expect(await streamed.text).toBe(" upon a time");
    expect(await streamed.usage).toMatchObject({ inputTokens: 3, outputTokens: 2 });
  }
});

it("embeds many values", async () => {
  await hearth.provider(
    (s) => {
      const input = s.body["input"] as string[];
      const data = input.map((text, index) => ({ object: "embedding", index, embedding: [text.length, 0.5] }));
      s.raw(JSON.stringify({ object: "list", data, model: "m", usage: { prompt_tokens: 4, total_tokens: 4 } }), true);
      s.complete({ prompt_tokens: 4, completion_tokens: 0 });
    },
    { models: [{ id: "m", capabilities: { embeddings: true }, dialects: ["embeddings"] }] },
  );
  for (const model of [createOpenAI(settings()).embedding("m"), compatible().embeddingModel("m")]) {
    const result = await embedMany({ model, values: ["a", "bb"], maxRetries: 0 });
    expect(result.embeddings).toEqual([
      [1, 0.5],
      [2, 0.5],
    ]);
    expect(result.usage.tokens).toBe(4);
  }
});
