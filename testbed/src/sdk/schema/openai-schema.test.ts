import { describe, expect, it } from "vitest";
import { loadOpenAiSchema } from "./openai-schema.js";

const schema = loadOpenAiSchema();

describe.skipIf(schema === undefined)("OpenAI's schema", () => {
  const problems = (name: string, value: unknown): string[] => schema?.problems(name, value) ?? [];
  const head = { id: "c", created: 1, model: "m" };
  const message = { role: "assistant", content: "hi", refusal: null };
  const choice = { index: 0, message, finish_reason: "stop", logprobs: null };
  const whole = { ...head, object: "chat.completion", choices: [choice] };

  it("takes a whole chat completion, and notices each member that is left out or of another type", () => {
    expect(problems("CreateChatCompletionResponse", whole)).toEqual([]);
    for (const spoilt of [
      { ...whole, id: undefined },
      { ...whole, created: 1.5 },
      { ...whole, choices: [{ ...choice, logprobs: undefined }] },
      { ...whole, choices: [{ ...choice, message: { ...message, refusal: undefined } }] },
      { ...whole, choices: [{ ...choice, finish_reason: "eos" }] },
    ]) {
      expect(problems("CreateChatCompletionResponse", JSON.parse(JSON.stringify(spoilt)))).not.toEqual([]);
    }
  });

  it("takes chunks whose finish reason, usage and fingerprint are null", () => {
    const chunk = {
      ...head,
      object: "chat.completion.chunk",
      system_fingerprint: null,
      usage: null,
      choices: [{ index: 0, delta: { role: "assistant" }, finish_reason: null }],
    };
    expect(problems("CreateChatCompletionStreamResponse", chunk)).toEqual([]);
    expect(problems("CreateChatCompletionStreamResponse", { ...chunk, choices: undefined })).not.toEqual([]);
  });
});
