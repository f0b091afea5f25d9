import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Engine, startEngine } from "./index.js";
import {
  chatBody,
  EngineClient,
  eventually,
  type Json,
  type OpenStream,
  PICO,
  textOf,
} from "./testing/engine-client.js";

let engine: Engine;
let client: EngineClient;

beforeAll(async () => {
  engine = await startEngine({ modelPath: PICO, modelId: "pico" });
  client = new EngineClient(engine);
});
afterAll(() => engine?.stop());

const weather = {
  type: "function",
  function: {
    name: "get_weather",
    description: "Get the weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};
const TWO_CITIES = "What is the weather in Quito and in Tbilisi?";
const PERSON = "Give me JSON with name and age: Wilhelmina is 61 years old.";

function format(schema: object): object {
  return { response_format: { type: "json_schema", json_schema: { name: "answer", strict: true, schema } } };
}

/** A grammar that keeps an answer from ending for hundreds of tokens. */
const endless = format({ type: "string", minLength: 1_900 });

function messageOf({ body }: { body: Json }): Json {
  return body.choices[0].message;
}

async function allIdle(timeoutMs: number): Promise<number> {
  return eventually(async () => (await client.health()).slots_idle === 4, timeoutMs);
}

describe("a chat completion", () => {
  it("answers in OpenAI's form", async () => {
    const { status, body } = await client.chat("What is 7 + 8?", { model: "pico" });
    expect(status).toBe(200);
    expect(body).toEqual({
      id: expect.stringMatching(/^chatcmpl-\w+$/),
      object: "chat.completion",
      created: expect.any(Number),
      model: "pico",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: "7 plus 8 is 15.", refusal: null },
          logprobs: null,
          finish_reason: "stop",
        },
      ],
      usage: {
        prompt_tokens: expect.any(Number),
        completion_tokens: expect.any(Number),
        total_tokens: body.usage.prompt_tokens + body.usage.completion_tokens,
        prompt_tokens_details: { cached_tokens: 0 },
      },
    });
    expect(body.usage.prompt_tokens).toBeGreaterThan(10);
    expect(body.usage.completion_tokens).toBeGreaterThan(5);
  });

  it("streams the same answer: the role first, a finish last, and nothing after the end", async () => {
    const whole = await client.chat("What is Hearth?");
    const events = await client.streamChat("What is Hearth?");
    expect(events.at(-1)).toBe("[DONE]");
    const chunks = events.slice(0, -1);
    const [first] = chunks;
    for (const chunk of chunks) {
      expect(chunk).toEqual({ ...first, choices: [expect.objectContaining({ index: 0, logprobs: null })] });
    }
    expect(first.object).toBe("chat.completion.chunk");
    expect(first.choices[0].delta).toEqual({ role: "assistant", content: "" });
    const contents = chunks.slice(1, -1).map((chunk) => chunk.choices[0]);
    for (const { delta, finish_reason } of contents) {
      expect(delta).toEqual({ content: expect.stringMatching(/./s) });
      expect(finish_reason).toBeNull();
    }
    expect(contents.length).toBeGreaterThan(10);
    expect(chunks.at(-1).choices[0]).toMatchObject({ delta: {}, finish_reason: "stop" });
    expect(textOf(chunks)).toBe(messageOf(whole).content);
  });

  it("counts the same usage whether it is streamed or not, in a last chunk without choices", async () => {
    const { body } = await client.chat("What is Hearth?");
    const events = await client.streamChat("What is Hearth?", { stream_options: { include_usage: true } });
    const [last, done] = events.slice(-2);
    expect(done).toBe("[DONE]");
    expect(last).toMatchObject({ object: "chat.completion.chunk", choices: [], usage: body.usage });
    for (const chunk of events.slice(0, -2)) expect(chunk.usage).toBeNull();
  });

  it("ends before a stop sequence, though it is split over tokens", async () => {
    const stop = ["9, 1", "never"];
    const { body } = await client.chat("Count to 30.", { stop });
    const ended = { finish_reason: "stop", stop_reason: "9, 1" };
    expect(body.choices[0]).toMatchObject({ message: { content: "1, 2, 3, 4, 5, 6, 7, 8, " }, ...ended });
    const events = await client.streamChat("Count to 30.", { stop: "9, 1" });
    expect(textOf(events)).toBe("1, 2, 3, 4, 5, 6, 7, 8, ");
    expect(events.at(-2).choices[0]).toMatchObject(ended);
    for (const { choices } of events.slice(0, -2)) expect(choices[0]).not.toHaveProperty("stop_reason");
    const unstopped = await client.chat("Hello", { stop: "never" });
    expect(unstopped.body.choices[0]).toMatchObject({ finish_reason: "stop" });
    expect(unstopped.body.choices[0]).not.toHaveProperty("stop_reason");
  });

  it("ends after max_tokens, under either name", async () => {
    for (const name of ["max_tokens", "max_completion_tokens"]) {
      const { body } = await client.chat("Tell me a long story.", { [name]: 7 });
      expect(body.choices[0].finish_reason).toBe("length");
      expect(body.usage.completion_tokens).toBe(7);
    }
  });

  it("ends where the context is full", async () => {
    const { body } = await client.chat("word ".repeat(1_900), endless);
    expect(body.choices[0].finish_reason).toBe("length");
    expect(body.usage.total_tokens).toBe(2_048);
  });

  it("gives the same answer to the same seed, and others to others", async () => {
    const story = async (seed: number): Promise<string> =>
      messageOf(await client.chat("Tell me a story.", { temperature: 1.5, top_p: 1, min_p: 0, top_k: 0, seed }))
        .content;
    const [first, again, other] = [await story(1), await story(1), await story(2)];
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  });

  it("reads text parts, and the conversation before", async () => {
    const { body } = await client.post("/v1/chat/completions", {
      temperature: 0,
      messages: [
        { role: "user", content: [{ type: "text", text: "My name is Greta." }] },
        { role: "assistant", content: "Nice to meet you, Greta." },
        { role: "user", content: "What is my name?" },
      ],
    });
    expect(body.choices[0].message.content).toContain("Greta");
  });

  it("never splits a character between chunks", async () => {
    const text = "é€😀日本";
    const events = await client.streamChat("Hello", format({ const: text }));
    expect(textOf(events)).toBe(JSON.stringify(text));
    expect(events.length).toBeLessThan(14);
  });

  it("evaluates the beginning of a prompt once, for requests with the same prompt_cache_key only", async () => {
    const cached = async (key?: string): Promise<number> => {
      const { body } = await client.chat("What is a provider?", { prompt_cache_key: key, max_tokens: 4 });
      return body.usage.prompt_tokens_details.cached_tokens;
    };
    expect(await cached("a")).toBe(0);
    expect(await cached("b")).toBe(0);
    expect(await cached()).toBe(0);
    expect(await cached("a")).toBeGreaterThan(5);
  });
});

describe("tools", () => {
  it("come out as tool calls, two of them if the question needs two", async () => {
    const { body } = await client.chat(TWO_CITIES, { tools: [weather] });
    expect(body.choices[0].finish_reason).toBe("tool_calls");
    expect(body.choices[0].message).toEqual({
      role: "assistant",
      content: null,
      refusal: null,
      tool_calls: ["Quito", "Tbilisi"].map((city) => ({
        id: expect.stringMatching(/^call_\w+$/),
        type: "function",
        function: { name: "get_weather", arguments: JSON.stringify({ city }).replace(":", ": ") },
      })),
    });
    const [first, second] = body.choices[0].message.tool_calls;
    expect(first.id).not.toBe(second.id);
  });

  it("stream the name of a call first, and then its arguments in pieces", async () => {
    const events = await client.streamChat(TWO_CITIES, { tools: [weather] });
    expect(textOf(events)).toBe("");
    const deltas = events.flatMap((event) => event.choices?.[0]?.delta?.tool_calls ?? []);
    for (const index of [0, 1]) {
      const [first, ...rest] = deltas.filter((delta) => delta.index === index);
      expect(first).toEqual({
        index,
        id: expect.any(String),
        type: "function",
        function: { name: "get_weather", arguments: "" },
      });
      expect(rest.length).toBeGreaterThan(1);
      const text = rest.map((delta: Json) => delta.function.arguments).join("");
      expect(JSON.parse(text)).toEqual({ city: ["Quito", "Tbilisi"][index] });
    }
    expect(events.at(-2).choices[0]).toMatchObject({ delta: {}, finish_reason: "tool_calls" });
  });

  it("give one call where parallel calls are not wanted", async () => {
    const answer = await client.chat(TWO_CITIES, { tools: [weather], parallel_tool_calls: false });
    expect(messageOf(answer).tool_calls).toHaveLength(1);
  });

  it("are called where tool_choice demands it, and not where it forbids it", async () => {
    const named = { type: "function", function: { name: "get_weather" } };
    for (const tool_choice of ["required", named]) {
      const { body } = await client.chat("Hello", { tools: [weather], tool_choice, max_tokens: 60 });
      const [call] = body.choices[0].message.tool_calls;
      expect(call.function.name).toBe("get_weather");
      expect(JSON.parse(call.function.arguments)).toEqual({ city: expect.any(String) });
    }
    const free = await client.chat("What is the weather in Quito?", { tools: [weather], tool_choice: "none" });
    expect(messageOf(free)).not.toHaveProperty("tool_calls");
  });

  it("have their results read", async () => {
    const call = { id: "call_1", type: "function", function: { name: "get_weather", arguments: '{"city": "Quito"}' } };
    const { body } = await client.post("/v1/chat/completions", {
      temperature: 0,
      tools: [weather],
      messages: [
        { role: "user", content: "What is the weather in Quito?" },
        { role: "assistant", content: null, tool_calls: [call] },
        { role: "tool", tool_call_id: "call_1", content: '{"weather": "rain"}' },
      ],
    });
    expect(body.choices[0].message.content).toMatch(/Quito|rain/);
    expect(body.choices[0].finish_reason).toBe("stop");
  });
});

describe("a response format", () => {
  it("makes the answer match a JSON Schema", async () => {
    const answer = await client.chat(
      PERSON,
      format({
        type: "object",
        properties: { name: { type: "string" }, age: { type: "integer" } },
        required: ["name", "age"],
        additionalProperties: false,
      }),
    );
    expect(JSON.parse(messageOf(answer).content)).toEqual({ name: "Wilhelmina", age: 61 });
  });

  it("makes the answer match a schema that the model has never seen", async () => {
    const city = { type: "object", properties: { x: { enum: ["north", "south"] } }, required: ["x"] };
    const answer = await client.chat("Hello", format({ type: "array", items: city, minItems: 2, maxItems: 2 }));
    const side = { x: expect.stringMatching(/^(north|south)$/) };
    expect(JSON.parse(messageOf(answer).content)).toEqual([side, side]);
  });

  it("makes the answer a JSON object", async () => {
    const answer = await client.chat(PERSON, { response_format: { type: "json_object" } });
    expect(JSON.parse(messageOf(answer).content)).toEqual({ name: "Wilhelmina", age: 61 });
  });
});

describe("a text completion", () => {
  it("answers in OpenAI's form, streamed or not", async () => {
    const request = { prompt: "Chapter 1. Once upon a time", temperature: 0, max_tokens: 6 };
    const { body } = await client.post("/v1/completions", request);
    expect(body).toMatchObject({
      id: expect.stringMatching(/^cmpl-/),
      object: "text_completion",
      model: "pico",
      choices: [{ index: 0, logprobs: null, finish_reason: "length" }],
      usage: { completion_tokens: 6 },
    });
    const options = { stream_options: { include_usage: true } };
    const events = await client.stream("/v1/completions", { ...request, ...options });
    expect(textOf(events)).toBe(body.choices[0].text);
    expect(events.at(-3).choices[0].finish_reason).toBe("length");
    expect(events.at(-2)).toMatchObject({ object: "text_completion", choices: [], usage: body.usage });
    expect(events.at(-1)).toBe("[DONE]");
  });
});

describe("the slots", () => {
  it("answer more streams than there are slots, each its own question", async () => {
    const sums = Array.from({ length: 8 }, (_, i) => [i + 2, 9 - i] as const);
    const answers = await Promise.all(sums.map(([a, b]) => client.streamChat(`What is ${a} + ${b}?`)));
    expect(answers.map(textOf)).toEqual(sums.map(([a, b]) => `${a} plus ${b} is 11.`));
    await allIdle(1_000);
  });

  it("answer a short question while long answers run, however these are interleaved", async () => {
    const long: OpenStream[] = [];
    for (let i = 0; i < 3; i++) {
      const stream = await client.open("Hello", endless);
      await stream.begun();
      long.push(stream);
    }
    for (let i = 0; i < 5; i++) expect(messageOf(await client.chat("ping")).content).toBe("pong");
    expect(await client.health()).toMatchObject({ slots_running: 3 });
    for (const stream of long) stream.leave();
    await allIdle(500);
  });

  it("are free again at once when their clients leave", async () => {
    const streams = await Promise.all(Array.from({ length: 4 }, () => client.open("Hello", endless)));
    await Promise.all(streams.map((stream) => stream.begun()));
    expect(await client.health()).toMatchObject({ slots_running: 4, slots_idle: 0 });
    for (const stream of streams) stream.leave();
    // The answers themselves would take more than two seconds; the bound is generous for a busy machine.
    await allIdle(500);
  });

  it("are free again when a client leaves whose long prompt is still being read", async () => {
    const stream = await client.open("word ".repeat(1_900));
    stream.leave();
    await allIdle(500);
  });

  it("let 64 requests wait and refuse the next, and forget those that leave", async () => {
    const waiting: AbortController[] = [];
    const running = await Promise.all(Array.from({ length: 4 }, () => client.open("Hello", endless)));
    const queued: Promise<unknown>[] = [];
    for (let i = 0; i < 64; i++) {
      const left = new AbortController();
      waiting.push(left);
      queued.push(client.chat("Hello", endless, left.signal).catch(() => undefined));
    }
    await eventually(async () => (await client.health()).queued === 64, 2_000);
    const { status, headers, body } = await client.chat("Hello");
    expect({ status, retryAfter: headers.get("retry-after") }).toEqual({ status: 503, retryAfter: "2" });
    expect(body.error).toMatchObject({ type: "server_error", code: "queue_full", param: null });
    for (const left of waiting) left.abort();
    for (const stream of running) stream.leave();
    await Promise.all(queued);
    await allIdle(1_000);
    expect(await client.health()).toMatchObject({ status: "ok", slots_running: 0, slots_idle: 4, queued: 0 });
  });
});

describe("the server", () => {
  it("describes its model", async () => {
    const { body } = await client.get("/v1/models");
    expect(body).toEqual({
      object: "list",
      data: [
        {
          id: "pico",
          object: "model",
          created: expect.any(Number),
          owned_by: "hearth",
          meta: {
            n_ctx: 2_048,
            n_ctx_train: 2_048,
            n_embd: 128,
            size: expect.any(Number),
            slots: 4,
            chat_template: true,
            tools: true,
            structured_output: true,
            logprobs: false,
          },
        },
      ],
    });
  });

  it("lays out a chat without an answer, and refuses what it would not take as one", async () => {
    const ask = (body: object) => client.post("/apply-template", body);
    const { status, body } = await ask({ messages: [{ role: "user", content: "Hi" }], tools: [weather] });
    expect(status).toBe(200);
    expect(body.prompt).toContain("get_weather");
    expect(body.prompt).toMatch(/Hi<\|im_end\|>\n<\|im_start\|>assistant\n$/);
    expect((await client.health()).slots_running).toBe(0);
    expect(await ask({ messages: [] })).toMatchObject({ status: 400 });
    expect(await ask({ model: "other", messages: [{ role: "user", content: "Hi" }] })).toMatchObject({ status: 404 });
  });

  it("refuses whoever has no key or a wrong one, on every path", async () => {
    for (const path of ["/v1/models", "/health", "/nothing"]) {
      for (const headers of [{}, { authorization: "Bearer wrong" }, { authorization: engine.apiKey }]) {
        const { status, body } = await client.get(path, headers);
        expect(status).toBe(401);
        expect(body.error.code).toBe("invalid_api_key");
      }
    }
  });

  it("knows no other paths and methods", async () => {
    expect(await client.get("/v1/nothing")).toMatchObject({ status: 404, body: { error: { code: "unknown_url" } } });
    const wrong = await client.get("/v1/chat/completions");
    expect(wrong).toMatchObject({ status: 405, body: { error: { code: "method_not_allowed" } } });
  });

  const image = { type: "image_url", image_url: { url: "data:image/png;base64,AA==" } };
  const user = { role: "user", content: "Hello" };
  const schema = { type: "json_schema", json_schema: { name: "x", schema: { not: {} } } };
  it.each<[string, unknown, { status: number; code: string; param: string | null }]>([
    ["no JSON", "{", { status: 400, code: "invalid_json", param: null }],
    ["no messages", {}, { status: 400, code: "invalid_request", param: "messages" }],
    [
      "a wrong type",
      { messages: [user], temperature: "hot" },
      { status: 400, code: "invalid_request", param: "temperature" },
    ],
    [
      "an image",
      { messages: [{ role: "user", content: [image] }] },
      { status: 400, code: "invalid_request", param: "messages[0].content" },
    ],
    ["several choices", { messages: [user], n: 2 }, { status: 400, code: "invalid_request", param: "n" }],
    [
      "five stop sequences",
      { messages: [user], stop: ["a", "b", "c", "d", "e"] },
      { status: 400, code: "invalid_request", param: "stop" },
    ],
    ["another model", { messages: [user], model: "other" }, { status: 404, code: "model_not_found", param: "model" }],
    [
      "a tool that is not there",
      { messages: [user], tool_choice: "required" },
      { status: 400, code: "invalid_request", param: "tool_choice" },
    ],
    [
      "a schema beyond grammars",
      { messages: [user], response_format: schema },
      { status: 400, code: "unsupported_schema", param: "response_format.json_schema.schema" },
    ],
    [
      "a prompt beyond the context",
      chatBody("word ".repeat(2_100)),
      { status: 400, code: "context_length_exceeded", param: "messages" },
    ],
  ])("refuses %s and names the field", async (_, body, { status, code, param }) => {
    const answer = await client.post("/v1/chat/completions", body);
    const type = "invalid_request_error";
    expect(answer).toMatchObject({ status, body: { error: { code, param, type, message: expect.any(String) } } });
  });
});
