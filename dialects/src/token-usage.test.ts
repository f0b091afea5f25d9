import { describe, expect, it } from "vitest";
import { readChunkUsage } from "./token-usage.js";

describe("what a chunk tells of its cost", () => {
  const nine = { prompt_tokens: 9, completion_tokens: 3 };

  it.each([
    ["OpenAI's words", { usage: { ...nine, total_tokens: 12 } }],
    ["those of Responses and Messages", { usage: { input_tokens: 9, output_tokens: 3 } }],
    ["counts as text", { usage: { prompt_tokens: "9", completion_tokens: "3" } }],
    ["a fraction of a token", { usage: { prompt_tokens: 9, completion_tokens: 2.7 } }],
    ["Groq's own member", { x_groq: { usage: nine } }],
    ["a usage beside the choice", { choices: [{ index: 0, usage: nine }] }],
    ["Ollama's counts", { prompt_eval_count: 9, eval_count: 3 }],
  ])("may be in %s", (_what, chunk) => {
    expect(readChunkUsage({ choices: [], ...chunk })).toEqual(nine);
  });

  it.each([
    ["in the details", { prompt_tokens_details: { cached_tokens: 5 } }],
    ["as Moonshot has it", { cached_tokens: 5 }],
    ["as DeepSeek has it", { prompt_cache_hit_tokens: 5, prompt_cache_miss_tokens: 4 }],
  ])("tells what was cached %s", (_where, told) => {
    expect(readChunkUsage({ usage: { ...nine, ...told } })).toEqual({ ...nine, cached_tokens: 5 });
  });

  it("takes thoughts to be counted beside what was written only where the total says so", () => {
    const told = { ...nine, completion_tokens_details: { reasoning_tokens: 2 } };
    expect(readChunkUsage({ usage: { ...told, total_tokens: 14 } })).toEqual({ ...nine, completion_tokens: 5 });
    for (const total_tokens of [12, 13, undefined])
      expect(readChunkUsage({ usage: { ...told, total_tokens } })).toEqual(nine);
  });

  it("may be in llama.cpp's timings, where these tell what was cached", () => {
    const timings = { prompt_n: 4, predicted_n: 3 };
    expect(readChunkUsage({ timings: { ...timings, cache_n: 5 } })).toEqual({ ...nine, cached_tokens: 5 });
    expect(readChunkUsage({ timings })).toEqual({ completion_tokens: 3 });
  });

  it.each([
    [{}],
    [{ usage: null, choices: [null] }],
    [{ usage: { prompt_tokens: null, completion_tokens: null, total_tokens: null } }],
    [{ usage: { prompt_tokens: -1, completion_tokens: 1e300 } }],
    [{ usage: { prompt_tokens: 1e12, completion_tokens: "999999999" } }],
    [{ usage: { prompt_tokens: {}, completion_tokens: "many" }, timings: 7, x_groq: [] }],
    [null],
  ])("is nothing in %j", (chunk) => {
    expect(readChunkUsage(chunk)).toBeUndefined();
  });
});
