import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import OpenAI from "openai";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ageOfStamp } from "./stamp.js";
import { createStub, pacePrompt, STUB_SLOTS } from "./stub.js";
import { answerText, STREAM_CHUNKS } from "./stub-answer.js";

const messages = [{ role: "user" as const, content: "hello" }];

describe("the stub upstream", () => {
  let server: Server;
  let base: string;
  let client: OpenAI;

  beforeEach(async () => {
    server = createStub().listen(0, "127.0.0.1");
    await once(server, "listening");
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    client = new OpenAI({ apiKey: "any", baseURL: `${base}/v1`, maxRetries: 0 });
  });

  afterEach(() => {
    server.close().closeAllConnections();
  });

  it.each([
    ["with a usage chunk when asked", true],
    ["without one when not", false],
  ])("streams 20 chunks that the openai SDK understands, %s", async (_name, includeUsage) => {
    const options = includeUsage ? { stream_options: { include_usage: true } } : {};
    const chunks = [];
    for await (const chunk of await client.chat.completions.create({
      model: "stub",
      messages,
      stream: true,
      ...options,
    })) {
      chunks.push(chunk);
    }
    expect(chunks).toHaveLength(STREAM_CHUNKS);
    expect(chunks[0]?.choices[0]?.delta).toEqual({ role: "assistant", content: "" });
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("")).toBe(answerText(includeUsage));
    expect(chunks.flatMap((chunk) => chunk.choices[0]?.finish_reason ?? [])).toEqual(["stop"]);
    const usages = chunks.flatMap((chunk) => chunk.usage ?? []);
    expect(usages).toHaveLength(includeUsage ? 1 : 0);
    if (includeUsage) expect(chunks.at(-1)).toMatchObject({ choices: [], usage: usages[0] });
  });

  it("writes each chunk by itself and [DONE] once, with the last", async () => {
    const body = JSON.stringify({ stream: true, messages });
    const response = await fetch(`${base}/v1/chat/completions`, { method: "POST", body });
    const text = await response.text();
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    expect(text.split("data: [DONE]\n\n")).toHaveLength(2);
    expect(text.endsWith("\n\ndata: [DONE]\n\n")).toBe(true);
  });

  it("gives a plain answer with the same text when no stream is asked for", async () => {
    const completion = await client.chat.completions.create({ model: "stub", messages });
    expect(completion.object).toBe("chat.completion");
    expect(completion.choices[0]?.message).toEqual({ role: "assistant", content: answerText(true) });
    expect(completion.choices[0]?.finish_reason).toBe("stop");
    expect(completion.usage?.total_tokens).toBe(
      (completion.usage?.prompt_tokens ?? 0) + (completion.usage?.completion_tokens ?? 0),
    );
  });

  it("paces a stream as the prompt asks, every chunk with the time of its writing", async () => {
    const content = pacePrompt({ chunks: 5, perSecond: 100 });
    const startedAt = performance.now();
    const stream = await client.chat.completions.create({
      model: "stub",
      messages: [{ role: "user", content }],
      stream: true,
    });
    const ages: number[] = [];
    for await (const chunk of stream) {
      const text = chunk.choices[0]?.delta.content;
      if (text) ages.push(ageOfStamp(text));
    }
    expect(performance.now() - startedAt).toBeGreaterThan(45);
    expect(ages).toHaveLength(5);
    for (const age of ages) expect(age).toBeGreaterThan(0);
  });

  it("tells an agent its model and how many requests it serves at once", async () => {
    expect((await client.models.list()).data.map(({ id }) => id)).toEqual(["stub"]);
    expect(await (await fetch(`${base}/props`)).json()).toMatchObject({ total_slots: STUB_SLOTS });
    expect((await fetch(`${base}/health`)).status).toBe(200);
    expect((await fetch(`${base}/other`)).status).toBe(404);
  });

  it("refuses a body that is not JSON", async () => {
    const response = await fetch(`${base}/v1/chat/completions`, { method: "POST", body: "{" });
    expect(response.status).toBe(400);
  });
});
