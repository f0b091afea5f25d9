import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { API_KEY } from "../scripted/test-coordinator.js";
import { LLAMA_SERVER, LlamaServer, noticeWithoutLlamaServer } from "./llama-server.js";
import { SpawnedHearth } from "./spawned-hearth.js";

noticeWithoutLlamaServer();

describe.skipIf(LLAMA_SERVER === undefined)("embeddings of a real llama-server, through a real agent", () => {
  let hearth: SpawnedHearth;
  let llama: LlamaServer;
  beforeAll(async () => {
    [hearth, llama] = await Promise.all([
      SpawnedHearth.start(),
      LlamaServer.start(LLAMA_SERVER ?? "", ["--embeddings", "--pooling", "mean", "--alias", "pico"]),
    ]);
    await hearth.agent({ backend: llama.url, flags: ["--embeddings"] });
  });
  afterAll(async () => {
    await hearth[Symbol.asyncDispose]();
    await llama[Symbol.asyncDispose]();
  });

  it("come in batches, as the SDK asks for them and as floats, and are the same numbers", async () => {
    const client = new OpenAI({ baseURL: `${hearth.url}/v1`, apiKey: API_KEY, maxRetries: 0 });
    const input = ["What is Hearth?", "Tell me a story."];
    // The SDK asks for base64 unless it is told otherwise.
    const packed = await client.embeddings.create({ model: "pico", input });
    const plain = await client.embeddings.create({ model: "pico", input, encoding_format: "float" });
    expect(packed.data.map((each) => each.index)).toEqual([0, 1]);
    for (const [index, { embedding }] of packed.data.entries()) {
      expect(embedding).toHaveLength(128);
      const same = plain.data[index]?.embedding ?? [];
      for (const [at, value] of embedding.entries()) expect(value).toBeCloseTo(same[at] ?? Number.NaN, 5);
    }
    expect(packed.data[0]?.embedding).not.toEqual(packed.data[1]?.embedding);
    expect(packed.usage.prompt_tokens).toBeGreaterThan(1);
  });

  it("are all that such a machine is asked for: chat fails at once", async () => {
    const response = await hearth.chat({ model: "pico", messages: [{ role: "user", content: "hi" }] });
    expect(response.status).toBe(400);
  });
});
