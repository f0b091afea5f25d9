import { createSealedFetch } from "@hearth/client";
import OpenAI, { BadRequestError, NotFoundError } from "openai";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Script } from "../scripted/scripted-provider.js";
import { API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { WEATHER, weatherModel } from "./chat-backend.js";

let hearth: TestCoordinator;
let client: OpenAI;

beforeEach(async () => {
  hearth = await startTestCoordinator();
  client = clientWith(API_KEY);
});

afterEach(() => hearth.stop());

function clientWith(apiKey: string): OpenAI {
  const baseURL = `${hearth.url}/v1`;
  return new OpenAI({ apiKey, baseURL, maxRetries: 0, fetch: createSealedFetch({ baseUrl: baseURL }) });
}

const ask = (more: object = {}) => ({ model: "m", messages: [{ role: "user" as const, content: "hi" }], ...more });

it("chats, whole and as a stream, with usage and the request's id", async () => {
  await hearth.provider((s) => s.answer("Grüße, ", "世界"));
  const whole = await client.chat.completions.create(ask());
  expect(whole.choices[0]?.message.content).toBe("Grüße, 世界");
  expect(whole.usage?.total_tokens).toBe(5);
  expect(whole._request_id).toMatch(/^req_/);
  const pieces: string[] = [];
  const stream = client.chat.completions.stream(ask()).on("content", (piece) => pieces.push(piece));
  expect((await stream.finalChatCompletion()).choices[0]?.message.content).toBe("Grüße, 世界");
  expect(pieces).toEqual(["Grüße, ", "世界"]);
});

it("calls tools in parallel, whole and as a stream", async () => {
  await hearth.provider(weatherModel);
  const tools: OpenAI.ChatCompletionTool[] = [
    { type: "function", function: { name: "weather", parameters: { type: "object", properties: {} } } },
  ];
  const whole = await client.chat.completions.create(ask({ tools }));
  const streamed = await client.chat.completions.stream(ask({ tools })).finalChatCompletion();
  for (const { choices } of [whole, streamed]) {
    expect(choices[0]?.message.tool_calls).toMatchObject(
      WEATHER.map(({ id, name, pieces }) => ({ id, function: { name, arguments: pieces.join("") } })),
    );
  }
});

it("uses the other APIs: responses, completions and embeddings", async () => {
  await hearth.provider((s) => s.answer("a", "b"));
  const response = await client.responses.create({ model: "m", input: "hi" });
  expect(response.output_text).toBe("ab");
  const types: string[] = [];
  for await (const event of await client.responses.create({ model: "m", input: "hi", stream: true }))
    types.push(event.type);
  expect(types[0]).toBe("response.created");
  expect(types.at(-1)).toBe("response.completed");
  const completion = await client.completions.create({ model: "m", prompt: "hi" });
  expect(completion.choices[0]?.text).toBe("ab");
});

it("embeds", async () => {
  const embed: Script = (s) => {
    const data = [{ object: "embedding", index: 0, embedding: [1, 0.5] }];
    s.raw(JSON.stringify({ object: "list", data, model: "m", usage: { prompt_tokens: 4, total_tokens: 4 } }), true);
    s.complete({ prompt_tokens: 4, completion_tokens: 0 });
  };
  await hearth.provider(embed, {
    models: [{ id: "m", capabilities: { embeddings: true }, dialects: ["embeddings" as const] }],
  });
  const { data } = await client.embeddings.create({ model: "m", input: "text" });
  expect(data[0]?.embedding).toEqual([1, 0.5]);
});

it("carries a body of several chunks both ways", async () => {
  const long = "0123456789abcdef".repeat(60_000);
  await hearth.provider((s) => {
    const [{ content }] = s.body["messages"] as [{ content: string }];
    s.role();
    for (let at = 0; at < content.length; at += 30_000) s.content(content.slice(at, at + 30_000));
    s.finish();
    s.end();
  });
  const messages = [{ role: "user" as const, content: long }];
  const whole = await client.chat.completions.create({ model: "m", messages });
  expect(whole.choices[0]?.message.content === long).toBe(true);
  const streamed = await client.chat.completions.stream({ model: "m", messages }).finalChatCompletion();
  expect(streamed.choices[0]?.message.content === long).toBe(true);
});

it("lists models, which needs no seal", async () => {
  await hearth.provider((s) => s.answer("never"));
  expect((await client.models.list()).data.map(({ id }) => id)).toEqual(["m"]);
});

describe("errors", () => {
  it("before the first token have their class, status and parameter", async () => {
    await hearth.provider((s) => s.answer("never"));
    const unknown = client.chat.completions.create(ask({ model: "nobody-has-it" }));
    await expect(unknown).rejects.toThrow(NotFoundError);
    await expect(unknown).rejects.toMatchObject({ status: 404, code: "model_not_found" });
    const malformed = client.chat.completions.create(ask({ temperature: "hot" }) as never);
    await expect(malformed).rejects.toThrow(BadRequestError);
    await expect(malformed).rejects.toMatchObject({ param: "temperature" });
  });

  it("of the key are told though nothing was opened", async () => {
    await expect(clientWith("wrong-key").chat.completions.create(ask())).rejects.toMatchObject({ status: 401 });
  });

  it("after the first token are told in the stream", async () => {
    await hearth.provider((s) => {
      s.role();
      s.content("half");
      s.error();
    });
    const pieces: string[] = [];
    const read = async (): Promise<void> => {
      for await (const chunk of await client.chat.completions.create({ ...ask(), stream: true }))
        pieces.push(chunk.choices[0]?.delta.content ?? "");
    };
    await expect(read()).rejects.toMatchObject({ code: "provider_error" });
    expect(pieces.join("")).toBe("half");
  });
});

it("stops the provider when the consumer aborts", async () => {
  const provider = await hearth.provider((s) => {
    s.role();
    s.content("endless");
  });
  const stream = await client.chat.completions.create({ ...ask(), stream: true });
  for await (const chunk of stream) {
    if (chunk.choices[0]?.delta.content) break;
  }
  expect(await provider.streams[0]?.cancelled).toBe("consumer_gone");
});
