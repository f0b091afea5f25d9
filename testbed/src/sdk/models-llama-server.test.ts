import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { API_KEY } from "../scripted/test-coordinator.js";
import { type BehindLlamaServer, program, startBehindLlamaServer } from "./behind-llama-server.test-set-up.js";

describe.skipIf(program === undefined)("the models of a real llama-server behind a real agent", () => {
  let behind: BehindLlamaServer;
  let openai: OpenAI;

  beforeAll(async () => {
    behind = await startBehindLlamaServer();
    openai = new OpenAI({ apiKey: API_KEY, baseURL: `${behind.hearth.url}/v1`, maxRetries: 0 });
  });
  afterAll(async () => {
    await behind[Symbol.asyncDispose]();
  });

  it("are told with what the server says of them", async () => {
    const [model] = (await openai.models.list()).data;
    expect(model).toMatchObject({
      id: "pico",
      context_length: 2_048,
      architecture: { input_modalities: ["text"], output_modalities: ["text"] },
      features: { tools: true, structured_output: true, logprobs: true },
      quantizations: ["F16"],
      availability: { status: "ready", providers: 1, warm: 1, free_slots: 2 },
    });
    const anthropic = new Anthropic({ apiKey: API_KEY, baseURL: behind.hearth.url, maxRetries: 0 });
    expect(await anthropic.models.retrieve("pico")).toMatchObject({
      max_input_tokens: 2_048,
      capabilities: { image_input: { supported: false }, structured_outputs: { supported: true } },
    });
  });

  it("do what is told of them: an answer by a schema, with the probabilities of its tokens", async () => {
    const schema = {
      type: "object",
      properties: { a: { const: "yes" } },
      required: ["a"],
      additionalProperties: false,
    };
    const { choices } = await openai.chat.completions.create({
      model: "pico",
      messages: [{ role: "user", content: "Hi" }],
      max_tokens: 64,
      temperature: 0,
      logprobs: true,
      response_format: { type: "json_schema", json_schema: { name: "s", schema } },
    });
    expect(JSON.parse(choices[0]?.message.content ?? "")).toEqual({ a: "yes" });
    expect(choices[0]?.logprobs?.content?.length).toBeGreaterThan(3);
  });
});
