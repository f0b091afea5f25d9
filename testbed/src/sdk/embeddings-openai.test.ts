import type OpenAI from "openai";
import { BadRequestError } from "openai";
import { describe, expect, it } from "vitest";
import type { Script } from "../scripted/scripted-provider.js";
import { client, hearth, openAiForEach } from "./openai-for-each.js";

openAiForEach();

const EMBEDDER = { models: [{ id: "m", capabilities: { embeddings: true }, dialects: ["embeddings" as const] }] };
const USAGE = { prompt_tokens: 4, completion_tokens: 0 };

const vectorOf = (text: string): number[] => [text.length, 0.1, -1e-3, 3.4e38];
/** What is left of a number in 32 bits. */
const rounded = (vector: readonly number[]): number[] => [...Float32Array.from(vector)];

/** A backend that embeds what it is given, in frames of this many bytes. */
function embed(frameBytes: number, change: (answer: Record<string, unknown>) => object = (answer) => answer): Script {
  return (s) => {
    const { input } = s.body as { input: string | string[] };
    const data = [input].flat().map((text, index) => ({ object: "embedding", index, embedding: vectorOf(text) }));
    const usage = { prompt_tokens: 4, total_tokens: 4 };
    const answer = Buffer.from(JSON.stringify(change({ object: "list", data, model: "m", usage })));
    for (let at = 0; at < answer.length; at += frameBytes) s.raw(answer.subarray(at, at + frameBytes));
    s.raw("", true);
    s.complete(USAGE);
  };
}

/** A backend that says this, whatever it is asked. */
function says(body: string, final = true): Script {
  return (s) => {
    s.raw(body, final);
    s.complete(USAGE);
  };
}

it("embeds a batch, asked for as base64 as the SDK does unless told otherwise", async () => {
  const provider = await hearth.provider(embed(64), EMBEDDER);
  const { data, usage } = await client.embeddings.create({ model: "m", input: ["é", "bb"], user: "u" });
  expect(data.map((each) => each.index)).toEqual([0, 1]);
  expect(data.map((each) => each.embedding)).toEqual([rounded(vectorOf("é")), rounded(vectorOf("bb"))]);
  expect(usage).toEqual({ prompt_tokens: 4, total_tokens: 4 });
  expect(provider.streams[0]?.frame).toMatchObject({ dialect: "embeddings", delivery: "whole" });
  expect(provider.streams[0]?.body).toEqual({ model: "m", input: ["é", "bb"] });
});

it("gives a backend's own numbers back digit by digit where numbers are asked for", async () => {
  await hearth.provider((s) => {
    s.raw(
      '{"object":"list","model":"m","data":[{"object":"embedding","index":0,"embedding":[0.10000000000000000555,1e2]}],',
    );
    s.raw('"usage":{"prompt_tokens":1,"total_tokens":1}}', true);
    s.complete(USAGE);
  }, EMBEDDER);
  const response = await client.embeddings.create({ model: "m", input: "a", encoding_format: "float" }).asResponse();
  expect(await response.text()).toContain('"embedding":[0.10000000000000000555,1e2]');
});

it("writes vectors as little-endian 32-bit floats", async () => {
  await hearth.provider(embed(1 << 16), EMBEDDER);
  const response = await client.embeddings.create({ model: "m", input: "abc", encoding_format: "base64" }).asResponse();
  const { data } = (await response.json()) as { data: [{ embedding: string }] };
  expect(Buffer.from(data[0].embedding, "base64").readFloatLE(0)).toBe(3);
});

it("passes the number of dimensions on, and says so where the backend has kept to its own", async () => {
  const asBase64 = ({ data }: Record<string, unknown>) => ({
    data: (data as { embedding: number[] }[]).map(({ embedding }) => ({
      embedding: Buffer.from(Float32Array.from(embedding).buffer).toString("base64"),
    })),
  });
  for (const change of [undefined, asBase64]) {
    const provider = await hearth.provider(embed(1 << 16, change), EMBEDDER);
    const { data } = await client.embeddings.create({ model: "m", input: ["a", "b"], dimensions: 4 });
    expect(provider.streams[0]?.body["dimensions"]).toBe(4);
    expect(data.map(({ embedding }) => embedding)).toEqual([rounded(vectorOf("a")), rounded(vectorOf("b"))]);
    const refused = await client.embeddings.create({ model: "m", input: "a", dimensions: 256 }).catch((error) => error);
    expect(refused).toBeInstanceOf(BadRequestError);
    expect(refused).toMatchObject({ param: "dimensions", message: expect.stringContaining("have 4 dimensions here") });
    await provider.close();
  }
});

it("puts in order what a backend leaves out or mixes up", async () => {
  const reverse = ({ data }: Record<string, unknown>) => ({ data: (data as object[]).toReversed() });
  await hearth.provider(embed(1 << 16, reverse), EMBEDDER);
  const { data, usage, model } = await client.embeddings.create({
    model: "m",
    input: ["a", "bb"],
    encoding_format: "float",
  });
  expect(data.map((each) => each.embedding[0])).toEqual([1, 2]);
  expect({ usage, model }).toEqual({ usage: { prompt_tokens: 4, total_tokens: 4 }, model: "m" });
});

it("carries a body that is larger than the flow-control window", async () => {
  const embedding = Array.from({ length: 60_000 }, (_, index) => index / 7);
  const provider = await hearth.provider(
    embed(60_000, (answer) => ({ ...answer, data: [{ object: "embedding", index: 0, embedding }] })),
    EMBEDDER,
  );
  const { data } = await client.embeddings.create({ model: "m", input: "a", encoding_format: "float" });
  expect(data[0]?.embedding).toEqual(embedding);
  expect(provider.streams[0]?.creditBytes).toBeGreaterThan(500_000);
});

it("refuses a body beyond the limit, and blames nobody", async () => {
  const provider = await hearth.provider(async (s) => {
    for (let frame = 0; frame < 34 && s.cancelReason === undefined; frame++) {
      s.raw(Buffer.alloc(512 * 1024, " "));
      await new Promise(setImmediate);
    }
  }, EMBEDDER);
  const refused = client.embeddings.create({ model: "m", input: "a" });
  await expect(refused).rejects.toMatchObject({ status: 400, message: expect.stringContaining("too large") });
  expect(await provider.streams[0]?.cancelled).toBe("superseded");
  expect(hearth.coordinator.registry.size).toBe(1);
});

describe("requests", () => {
  it("go to embedding models only", async () => {
    const chat = await hearth.provider((s) => s.answer("never"));
    const refused = client.embeddings.create({ model: "m", input: "a" });
    await expect(refused).rejects.toMatchObject({ status: 400, code: "capability_unsupported" });
    await hearth.provider(embed(1 << 16), EMBEDDER);
    await client.embeddings.create({ model: "m", input: "a" });
    expect(chat.streams).toHaveLength(0);
  });

  it.each([
    ["input", { input: [] }],
    ["input", { input: "" }],
    ["input[1]", { input: ["a", 7] }],
    ["encoding_format", { input: "a", encoding_format: "int8" }],
    ["dimensions", { input: "a", dimensions: 0 }],
  ])("with a bad %s are refused by name", async (param, more) => {
    const request = { model: "m", ...more } as OpenAI.EmbeddingCreateParams;
    const error = await client.embeddings.create(request).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(BadRequestError);
    expect((error as BadRequestError).param).toBe(param);
  });
});

describe("a provider that answers badly", () => {
  it.each<[string, Script]>([
    ["fewer vectors than inputs", says('{"data":[]}')],
    ["vectors of text", says('{"data":[{"embedding":["x"]}]}')],
    ["no JSON", says('{"data":[')],
    ["an error inside an HTTP 200", says('{"error":{"message":"no","code":500}}')],
    ["no final frame", says('{"data":[{"embedding":[1]}]}', false)],
  ])("with %s is passed over, and the consumer sees nothing of it", async (_name, script) => {
    const bad = await hearth.provider(script, EMBEDDER);
    await expect(client.embeddings.create({ model: "m", input: "a" })).rejects.toMatchObject({ status: 502 });
    const good = await hearth.provider(embed(1 << 16), EMBEDDER);
    // Which of the two is asked first is a matter of chance.
    for (let i = 0; i < 8; i++) {
      const { data } = await client.embeddings.create({ model: "m", input: "a" });
      expect(data).toHaveLength(1);
    }
    expect(bad.streams.length).toBeGreaterThan(0);
    expect(good.streams).toHaveLength(8);
  });
});
