import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { createSealedFetch } from "@hearth/client";
import { APICallError, embed, generateText, stepCountIs, streamText, tool } from "ai";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { weatherModel } from "./chat-backend.js";

let hearth: TestCoordinator;

beforeEach(async () => {
  hearth = await startTestCoordinator();
});

afterEach(() => hearth.stop());

function settings() {
  const baseURL = `${hearth.url}/v1`;
  return { apiKey: API_KEY, baseURL, fetch: createSealedFetch({ baseUrl: baseURL }) };
}

const MODELS = [
  ["@ai-sdk/openai chat", () => createOpenAI(settings()).chat("m")],
  ["@ai-sdk/openai responses", () => createOpenAI(settings()).responses("m")],
  ["@ai-sdk/openai-compatible", () => createOpenAICompatible({ name: "hearth", ...settings() })("m")],
  ["@ai-sdk/anthropic", () => createAnthropic(settings())("m")],
] as const;

const weather = tool({
  description: "The weather in a city.",
  inputSchema: z.object({ city: z.string() }),
  execute: ({ city }) => `rain in ${city}`,
});

describe.each(MODELS)("sealed through %s", (_name, model) => {
  const common = () => ({ model: model(), maxRetries: 0 });

  it("text is generated and streamed", async () => {
    await hearth.provider((s) => s.answer("a", "b", "c"));
    expect((await generateText({ ...common(), prompt: "hi" })).text).toBe("abc");
    const pieces: string[] = [];
    for await (const piece of streamText({ ...common(), prompt: "hi" }).textStream) pieces.push(piece);
    expect(pieces).toEqual(["a", "b", "c"]);
  });

  it("tools are called, and their results go back", async () => {
    await hearth.provider(weatherModel);
    const request = { ...common(), prompt: "the weather?", tools: { weather }, stopWhen: stepCountIs(3) };
    expect((await generateText(request)).text).toBe("rain in Bern and rain in Köln");
    expect(await streamText(request).text).toBe("rain in Bern and rain in Köln");
  });

  it("errors keep their status", async () => {
    const error = await generateText({ ...common(), prompt: "hi" }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(APICallError);
    expect((error as APICallError).statusCode).toBe(404);
  });
});

it("embeds a text, sealed", async () => {
  await hearth.provider(
    (s) => {
      const data = [{ object: "embedding", index: 0, embedding: [1, 0.5] }];
      s.raw(JSON.stringify({ object: "list", data, model: "m", usage: { prompt_tokens: 4, total_tokens: 4 } }), true);
      s.complete({ prompt_tokens: 4, completion_tokens: 0 });
    },
    { models: [{ id: "m", capabilities: { embeddings: true }, dialects: ["embeddings" as const] }] },
  );
  const { embedding } = await embed({ model: createOpenAI(settings()).embedding("m"), value: "text", maxRetries: 0 });
  expect(embedding).toEqual([1, 0.5]);
});
