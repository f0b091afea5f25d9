import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { API_KEY } from "../scripted/test-coordinator.js";
import { callTools, delta, messagesOf, WEATHER, weatherModel } from "./chat-backend.js";
import { client, hearth, openAiForEach } from "./openai-for-each.js";

openAiForEach();

const ask = (more: object = {}) => ({
  model: "m",
  messages: [{ role: "user" as const, content: "hi" }],
  ...more,
});

const tools: OpenAI.ChatCompletionTool[] = [
  {
    type: "function",
    function: { name: "weather", parameters: { type: "object", properties: { city: { type: ["string", "null"] } } } },
  },
];

describe("a custom tool", () => {
  const custom: OpenAI.ChatCompletionTool[] = [{ type: "custom", custom: { name: "patch", description: "d" } }];
  const PLAN = [{ id: "call_p", name: "patch", pieces: ['{"input":"*** Be', 'gin\\n"}'] }];

  it("is called with its text, and what comes of it goes back", async () => {
    const provider = await hearth.provider((s) => (messagesOf(s).length === 1 ? callTools(s, PLAN) : s.answer("ok")));
    const asked = await client.chat.completions.create(ask({ tools: custom }));
    const call = asked.choices[0]?.message.tool_calls?.[0];
    expect(call).toEqual({ id: "call_p", type: "custom", custom: { name: "patch", input: "*** Begin\n" } });
    const messages = [
      ...ask().messages,
      { role: "assistant" as const, content: null, tool_calls: call ? [call] : [] },
      { role: "tool" as const, tool_call_id: "call_p", content: "done" },
    ];
    await client.chat.completions.create(ask({ tools: custom, messages }));
    expect(provider.streams[1]?.body["messages"]).toMatchObject([
      { role: "user" },
      { tool_calls: [{ type: "function", function: { name: "patch", arguments: '{"input":"*** Begin\\n"}' } }] },
      { role: "tool", content: "done" },
    ]);
  });

  it("streams its text as it is written", async () => {
    await hearth.provider((s) => callTools(s, PLAN));
    const pieces: string[] = [];
    // OpenAI streams such calls, and its specification has none of them yet: no schema can judge this answer.
    const unjudged = new OpenAI({ apiKey: API_KEY, baseURL: `${hearth.url}/v1`, maxRetries: 0 });
    for await (const chunk of await unjudged.chat.completions.create({ ...ask({ tools: custom }), stream: true })) {
      for (const call of chunk.choices[0]?.delta.tool_calls ?? []) {
        pieces.push((call as unknown as { readonly custom: { readonly input: string } }).custom.input);
      }
    }
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.join("")).toBe("*** Begin\n");
  });

  it("of a vendor's servers is left out and named", async () => {
    const provider = await hearth.provider((s) => s.answer("ok"));
    const { response } = await client.chat.completions
      .create(ask({ tools: [...tools, { type: "web_search" }] as OpenAI.ChatCompletionTool[] }))
      .withResponse();
    expect(response.headers.get("x-hearth-ignored")).toBe("web_search");
    expect(provider.streams[0]?.body["tools"]).toEqual(tools);
  });
});

describe("text", () => {
  it("comes whole, with its usage", async () => {
    await hearth.provider((s) => s.answer("Grüße, ", "世界"));
    const completion = await client.chat.completions.create(ask());
    expect(completion.choices[0]).toMatchObject({
      message: { role: "assistant", content: "Grüße, 世界", refusal: null },
      finish_reason: "stop",
    });
    expect(completion.usage).toMatchObject({ prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 });
    expect(completion._request_id).toMatch(/^req_/);
  });

  it("streams, with the usage only where it was asked for", async () => {
    await hearth.provider((s) => s.answer("Hel", "lo"));
    const collect = async (more: object): Promise<OpenAI.ChatCompletionChunk[]> => {
      const chunks: OpenAI.ChatCompletionChunk[] = [];
      for await (const chunk of await client.chat.completions.create({ ...ask(more), stream: true }))
        chunks.push(chunk);
      return chunks;
    };
    const plain = await collect({});
    expect(plain.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("")).toBe("Hello");
    expect(plain.some((chunk) => chunk.usage)).toBe(false);
    const counted = await collect({ stream_options: { include_usage: true } });
    expect(counted.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 5 } });
  });

  it("streams through the helper, which sees every piece and the whole", async () => {
    await hearth.provider((s) => s.answer("a", "b", "c"));
    const pieces: string[] = [];
    const stream = client.chat.completions.stream(ask()).on("content", (piece) => pieces.push(piece));
    const completion = await stream.finalChatCompletion();
    expect(pieces).toEqual(["a", "b", "c"]);
    expect(completion.choices[0]?.message.content).toBe("abc");
  });

  it("keeps reasoning, refusals, log probabilities and citations through the fold", async () => {
    const logprob = { token: "x", logprob: -0.5, bytes: [120], top_logprobs: [] };
    const citation = { type: "url_citation", url_citation: { start_index: 0, end_index: 1, title: "t", url: "u" } };
    await hearth.provider((s) => {
      s.role();
      delta(s, { reasoning_content: "hm, " });
      delta(s, { reasoning_content: "well" });
      const chunk = { id: "c", object: "chat.completion.chunk", created: 1, model: "m", citations: ["https://x"] };
      for (const content of ["x", "x"]) {
        const choice = { index: 0, delta: { content }, logprobs: { content: [logprob], refusal: null } };
        s.event({ ...chunk, choices: [{ ...choice, finish_reason: null }] });
      }
      delta(s, { annotations: [citation] });
      delta(s, { refusal: "no" });
      s.finish();
      s.end();
    });
    const completion = await client.chat.completions.create(ask({ logprobs: true }));
    expect(completion).toMatchObject({ citations: ["https://x"] });
    expect(completion.choices[0]).toMatchObject({
      message: { content: "xx", reasoning_content: "hm, well", refusal: "no", annotations: [citation] },
      logprobs: { content: [logprob, logprob] },
    });
  });
});

describe("tools", () => {
  it("are called in parallel, every argument byte in its call", async () => {
    const provider = await hearth.provider(weatherModel);
    const whole = await client.chat.completions.create(ask({ tools }));
    const streamed = await client.chat.completions.stream(ask({ tools })).finalChatCompletion();
    for (const { choices } of [whole, streamed]) {
      expect(choices[0]?.finish_reason).toBe("tool_calls");
      expect(choices[0]?.message.tool_calls).toMatchObject(
        WEATHER.map(({ id, name, pieces }) => ({
          id,
          type: "function",
          function: { name, arguments: pieces.join("") },
        })),
      );
    }
    const sent = (provider.streams[0]!.body["tools"] as typeof tools)[0];
    expect(sent).toMatchObject({
      function: { parameters: { properties: { city: { type: ["string", "null"] } } } },
    });
  });

  it.each([true, false])("make a round trip through runTools, streaming: %s", async (stream) => {
    await hearth.provider(weatherModel);
    const weather = {
      type: "function" as const,
      function: {
        name: "weather",
        description: "",
        parameters: { type: "object", properties: { city: { type: "string" } } },
        parse: (text: string) => JSON.parse(text) as { city: string },
        function: ({ city }: { city: string }) => `rain in ${city}`,
      },
    };
    const runner = stream
      ? client.chat.completions.runTools({ ...ask(), tools: [weather], stream: true })
      : client.chat.completions.runTools({ ...ask(), tools: [weather] });
    expect(await runner.finalContent()).toBe("rain in Bern and rain in Köln");
  });
});

describe("structured output", () => {
  const City = z.object({ name: z.string(), people: z.number() });

  it("is asked for and parsed", async () => {
    const provider = await hearth.provider((s) => s.answer('{"name":"Bern",', '"people":134000}'));
    const format = zodResponseFormat(City, "city");
    const completion = await client.chat.completions.parse(ask({ response_format: format }));
    expect(completion.choices[0]?.message.parsed).toEqual({ name: "Bern", people: 134000 });
    const streamed = await client.chat.completions.stream(ask({ response_format: format })).finalChatCompletion();
    expect(streamed.choices[0]?.message.parsed).toEqual({ name: "Bern", people: 134000 });
    expect(provider.streams[0]?.body["response_format"]).toEqual(format);
  });
});

describe("images", () => {
  const withImage = (url: string) => ({
    model: "m",
    messages: [
      {
        role: "user" as const,
        content: [
          { type: "text" as const, text: "what is this?" },
          { type: "image_url" as const, image_url: { url } },
        ],
      },
    ],
  });

  it("reach the provider as they were sent", async () => {
    const url = `data:image/png;base64,${"iVBORw0KGgo".repeat(1000)}`;
    const models = [{ id: "m", capabilities: { vision: true } }];
    const provider = await hearth.provider((s) => s.answer("a cat"), { models });
    const completion = await client.chat.completions.create(withImage(url));
    expect(completion.choices[0]?.message.content).toBe("a cat");
    expect(messagesOf(provider.streams[0]!)).toEqual(withImage(url).messages);
  });

  it("at remote addresses are refused, by name", async () => {
    await hearth.provider((s) => s.answer("never"));
    const refused = client.chat.completions.create(withImage("https://example.com/cat.png"));
    await expect(refused).rejects.toMatchObject({ status: 400, param: "messages[0].content[1].image_url.url" });
  });
});

it("stops the provider when the consumer aborts", async () => {
  const provider = await hearth.provider((s) => {
    s.role();
    s.content("endless");
  });
  const stream = await client.chat.completions.create({ ...ask(), stream: true });
  for await (const chunk of stream) if (chunk.choices[0]?.delta.content) stream.controller.abort();
  expect(await provider.streams[0]?.cancelled).toBe("consumer_gone");
});

describe("what reaches the provider", () => {
  const bodyOf = async (request: object): Promise<Record<string, unknown>> => {
    const provider = await hearth.provider((s) => s.answer("ok"));
    await client.chat.completions.create(request as ReturnType<typeof ask>);
    return provider.streams[0]?.body ?? {};
  };

  it("has the bound of the answer under the name that every backend knows", async () => {
    expect(await bodyOf(ask({ max_completion_tokens: 7, max_tokens: 9 }))).toMatchObject({ max_tokens: 7 });
    expect(await bodyOf(ask({ max_completion_tokens: 7 }))).not.toHaveProperty("max_completion_tokens");
  });

  it.each([
    [{ max_tokens: -1 }, undefined],
    [{ max_completion_tokens: -1 }, undefined],
    [{ max_completion_tokens: -1, max_tokens: 9 }, 9],
    [{ max_completion_tokens: 7, max_tokens: -1 }, 7],
    [{ max_completion_tokens: null, max_tokens: -1 }, undefined],
  ])("has no bound where that is -1: %o", async (bounds, expected) => {
    const body = await bodyOf(ask(bounds));
    expect(body["max_tokens"]).toBe(expected);
    expect(Object.keys(body)).not.toContain("max_completion_tokens");
    expect(Object.keys(body).includes("max_tokens")).toBe(expected !== undefined);
  });

  it("has the developer's words as the system's", async () => {
    const messages = [
      { role: "developer", content: 'say "role":"developer"' },
      { role: "user", content: "hi" },
    ];
    expect((await bodyOf({ model: "m", messages }))["messages"]).toEqual([
      { role: "system", content: 'say "role":"developer"' },
      messages[1],
    ]);
  });

  it("has nothing that tells of the end user, and no null where a member may be left out", async () => {
    const body = await bodyOf(
      ask({ user: "u", prompt_cache_key: "k", safety_identifier: "s", metadata: { a: "b" }, store: true, stop: null }),
    );
    expect(Object.keys(body).sort()).toEqual(["messages", "model", "stream", "stream_options"]);
  });

  it("has what Hearth does not know, as it was", async () => {
    expect(await bodyOf(ask({ min_p: 0.05, chat_template_kwargs: { enable_thinking: false } }))).toMatchObject({
      min_p: 0.05,
      chat_template_kwargs: { enable_thinking: false },
    });
  });
});
