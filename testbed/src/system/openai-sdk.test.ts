import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { API_KEY } from "../scripted/test-coordinator.js";
import { eventually } from "./eventually.js";
import { LLAMA_SERVER, LlamaServer, noticeWithoutLlamaServer } from "./llama-server.js";
import { SpawnedHearth } from "./spawned-hearth.js";

noticeWithoutLlamaServer();

const MODEL = "pico";
const QUESTION = [{ role: "user" as const, content: "Count from one to twenty." }];

/** Has llama.cpp write on: an engine that is quick would be done before the consumer hangs up. */
const endless: object = { ignore_eos: true };

/** The official SDK, and the bytes that it was sent. */
function sdkOf(hearth: SpawnedHearth): { readonly client: OpenAI; readonly wire: Promise<string>[] } {
  const wire: Promise<string>[] = [];
  const client = new OpenAI({
    baseURL: `${hearth.url}/v1`,
    apiKey: API_KEY,
    maxRetries: 0,
    fetch: async (url, init) => {
      const response = await fetch(url, init);
      const [forSdk, forTest] = response.body?.tee() ?? [null, null];
      wire.push(new Response(forTest).text().catch(() => "broken off"));
      return new Response(forSdk, { status: response.status, headers: response.headers });
    },
  });
  return { client, wire };
}

/** The cases that hold whatever computes the answer. */
function servesTheSdk(hearth: () => SpawnedHearth): void {
  it("streams an answer, counts it, and ends it with exactly one [DONE]", async () => {
    const { client, wire } = sdkOf(hearth());
    const stream = await client.chat.completions.create({
      model: MODEL,
      messages: QUESTION,
      temperature: 0,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = "";
    let usage: OpenAI.CompletionUsage | undefined;
    let finish: string | null = null;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      finish = chunk.choices[0]?.finish_reason ?? finish;
      usage = chunk.usage ?? usage;
    }
    expect(text).toMatch(/\w/);
    expect(finish).toBe("stop");
    expect(usage?.prompt_tokens).toBeGreaterThan(0);
    expect(usage?.completion_tokens).toBeGreaterThan(1);
    expect(usage?.total_tokens).toBe((usage?.prompt_tokens ?? 0) + (usage?.completion_tokens ?? 0));
    expect((await wire[0])?.match(/data: \[DONE\]/g)).toHaveLength(1);
  });

  it("shows no usage chunk to a consumer who did not ask for one", async () => {
    const { client } = sdkOf(hearth());
    const stream = await client.chat.completions.create({
      model: MODEL,
      messages: QUESTION,
      temperature: 0,
      stream: true,
    });
    const chunks: OpenAI.ChatCompletionChunk[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(chunks.length).toBeGreaterThan(1);
    expect(chunks.filter((chunk) => chunk.choices.length === 0 || chunk.usage)).toEqual([]);
  });

  it("answers without streaming, and counts it in its own books", async () => {
    const before = await hearth().metric('hearth_tokens_total{kind="completion"}');
    const { client } = sdkOf(hearth());
    const answer = await client.chat.completions.create({ model: MODEL, messages: QUESTION, temperature: 0 });
    expect(answer.object).toBe("chat.completion");
    expect(answer.choices[0]?.message.content).toMatch(/\w/);
    expect(answer.choices[0]?.finish_reason).toBe("stop");
    expect(answer.usage?.completion_tokens).toBeGreaterThan(1);
    const counted = (await hearth().metric('hearth_tokens_total{kind="completion"}')) - before;
    expect(counted).toBe(answer.usage?.completion_tokens);
  });

  it("answers several times at once, whole and streamed, and counts the prompt once", async () => {
    const { client } = sdkOf(hearth());
    const asked = { model: MODEL, messages: QUESTION, temperature: 0 };
    const one = await client.chat.completions.create(asked);
    const whole = await client.chat.completions.create({ ...asked, n: 2 });
    const said = one.choices[0]?.message.content ?? "";
    expect(whole.choices.map(({ index, message }) => [index, message.content])).toEqual([
      [0, said],
      [1, said],
    ]);
    expect(whole.usage?.prompt_tokens).toBe(one.usage?.prompt_tokens);
    expect(whole.usage?.completion_tokens).toBe(2 * (one.usage?.completion_tokens ?? 0));
    const stream = client.chat.completions.stream({ ...asked, n: 2 });
    const { choices } = await stream.finalChatCompletion();
    expect(choices.map(({ message, finish_reason }) => [message.content, finish_reason])).toEqual([
      [said, "stop"],
      [said, "stop"],
    ]);
  });

  it("aborts a stream without harm to the next request", async () => {
    const { client } = sdkOf(hearth());
    const stream = await client.chat.completions.create({
      model: MODEL,
      messages: [{ role: "user", content: "Count from one to one hundred" }],
      max_tokens: 1_900,
      stream: true,
      ...endless,
    });
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.content) stream.controller.abort();
    }
    await eventually("no stream is open", async () => (await hearth().metric("hearth_streams_open")) === 0);
    expect(await hearth().metric('hearth_dispatches_total{role="primary",result="cancelled"}')).toBe(1);
    const next = await client.chat.completions.create({ model: MODEL, messages: QUESTION, temperature: 0 });
    expect(next.choices[0]?.message.content).toMatch(/\w/);
  });
}

describe("the official openai SDK, with the embedded engine", () => {
  let hearth: SpawnedHearth;
  beforeAll(async () => {
    hearth = await SpawnedHearth.start();
    await hearth.agent();
  });
  afterAll(() => hearth[Symbol.asyncDispose]());
  servesTheSdk(() => hearth);

  it("lists the model", async () => {
    const models = await sdkOf(hearth).client.models.list();
    expect(models.data.map((model) => model.id)).toEqual([MODEL]);
  });
});

describe.skipIf(LLAMA_SERVER === undefined)("the official openai SDK, with a real llama-server", () => {
  let hearth: SpawnedHearth;
  let llama: LlamaServer;
  beforeAll(async () => {
    [hearth, llama] = await Promise.all([SpawnedHearth.start(), LlamaServer.start(LLAMA_SERVER ?? "")]);
    await hearth.agent({ backend: llama.url, models: [MODEL] });
  });
  afterAll(async () => {
    await hearth[Symbol.asyncDispose]();
    await llama[Symbol.asyncDispose]();
  });
  servesTheSdk(() => hearth);
});
