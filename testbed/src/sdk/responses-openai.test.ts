import type OpenAI from "openai";
import { zodTextFormat } from "openai/helpers/zod";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { responsesProblems } from "../../../coordinator/src/testing/responses-grammar.js";
import type { ScriptedStream } from "../scripted/scripted-stream.js";
import { callTools, delta, messagesOf, WEATHER, weatherModel } from "./chat-backend.js";
import { client, hearth, openAiForEach } from "./openai-for-each.js";

openAiForEach();

const ask = (more: object = {}) => ({ model: "m", input: "hi", ...more });

const tools: OpenAI.Responses.Tool[] = [
  {
    type: "function",
    name: "weather",
    strict: false,
    parameters: { type: "object", properties: { city: { type: ["string", "null"] } } },
  },
];

async function eventsOf(more: object = {}): Promise<OpenAI.Responses.ResponseStreamEvent[]> {
  const events: OpenAI.Responses.ResponseStreamEvent[] = [];
  for await (const event of await client.responses.create({ ...ask(more), stream: true })) events.push(event);
  return events;
}

/** The response as it came whole, and as the helper put it together from the stream. */
async function bothWays(more: object = {}): Promise<OpenAI.Responses.Response[]> {
  return [await client.responses.create(ask(more)), await client.responses.stream(ask(more)).finalResponse()];
}

describe("text", () => {
  it("comes whole, with its usage", async () => {
    await hearth.provider((s) => s.answer("Grüße, ", "世界"));
    const response = await client.responses.create(ask({ metadata: { a: "b" }, user: "u" }));
    expect(response).toMatchObject({
      object: "response",
      status: "completed",
      model: "m",
      output_text: "Grüße, 世界",
      metadata: { a: "b" },
      usage: { input_tokens: 3, output_tokens: 2, total_tokens: 5 },
    });
    expect(response._request_id).toMatch(/^req_/);
  });

  it("streams by the rules, and ends with what comes whole", async () => {
    await hearth.provider((s) => s.answer("Hel", "lo"));
    const events = await eventsOf();
    expect(responsesProblems(events as never)).toEqual([]);
    expect(events.map((event) => event.type)).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.delta",
      "response.output_text.delta",
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.completed",
    ]);
    const whole = await client.responses.create(ask());
    const [last] = events.slice(-1) as OpenAI.Responses.ResponseCompletedEvent[];
    const comparable = ({ output_text: _helpersOwn, ...response }: OpenAI.Responses.Response) =>
      JSON.parse(JSON.stringify(response).replaceAll(response.id.replace("resp_", ""), "ID")) as object;
    expect({ ...comparable(last!.response), created_at: 0, completed_at: 0 }).toEqual({
      ...comparable(whole),
      created_at: 0,
      completed_at: 0,
    });
  });

  it("streams through the helper, which sees every piece", async () => {
    await hearth.provider((s) => s.answer("a", "b", "c"));
    const pieces: string[] = [];
    const stream = client.responses.stream(ask()).on("response.output_text.delta", (event) => pieces.push(event.delta));
    expect((await stream.finalResponse()).output_text).toBe("abc");
    expect(pieces).toEqual(["a", "b", "c"]);
  });

  it("that was cut off is incomplete", async () => {
    await hearth.provider((s) => {
      s.role();
      s.content("so far");
      s.finish("length");
      s.end();
    });
    for (const response of await bothWays({ max_output_tokens: 16 })) {
      expect(response).toMatchObject({
        status: "incomplete",
        incomplete_details: { reason: "max_output_tokens" },
        output_text: "so far",
      });
    }
    expect((await eventsOf()).at(-1)?.type).toBe("response.incomplete");
  });

  it("has its log probabilities where they were asked for", async () => {
    const logprob = { token: "x", logprob: -0.5, bytes: [120], top_logprobs: [] };
    const provider = await hearth.provider((s) => {
      const choice = { index: 0, delta: { content: "x" }, finish_reason: "stop", logprobs: { content: [logprob] } };
      s.event({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [choice] });
      s.end();
    });
    for (const response of await bothWays({ include: ["message.output_text.logprobs"] })) {
      expect(response.output[0]).toMatchObject({ content: [{ logprobs: [logprob] }] });
    }
    expect(provider.streams[0]?.body).toMatchObject({ logprobs: true });
  });

  it("that is a refusal is one", async () => {
    await hearth.provider((s) => {
      s.role();
      delta(s, { refusal: "no" });
      s.finish();
      s.end();
    });
    for (const response of await bothWays()) {
      expect(response.output[0]).toMatchObject({ content: [{ type: "refusal", refusal: "no" }] });
    }
  });
});

describe("tools", () => {
  it("are called in parallel, every argument byte in its call", async () => {
    const provider = await hearth.provider(weatherModel);
    for (const response of await bothWays({ tools })) {
      expect(response.output).toMatchObject(
        WEATHER.map(({ id, name, pieces }) => ({
          type: "function_call",
          call_id: id,
          name,
          arguments: pieces.join(""),
        })),
      );
    }
    expect(responsesProblems((await eventsOf({ tools })) as never)).toEqual([]);
    expect(provider.streams[0]!.body["tools"]).toMatchObject([
      { function: { name: "weather", parameters: { properties: { city: { type: ["string", "null"] } } } } },
    ]);
  });

  it("make a round trip, the output sent back as it came", async () => {
    const provider = await hearth.provider(weatherModel);
    const input: OpenAI.Responses.ResponseInput = [{ role: "user", content: "weather?" }];
    const first = await client.responses.create(ask({ input, tools }));
    input.push(...(first.output as OpenAI.Responses.ResponseInput));
    for (const item of first.output) {
      if (item.type !== "function_call") continue;
      const { city } = JSON.parse(item.arguments) as { city: string };
      input.push({ type: "function_call_output", call_id: item.call_id, output: `rain in ${city}` });
    }
    const second = await client.responses.create(ask({ input, tools }));
    expect(second.output_text).toBe("rain in Bern and rain in Köln");
    expect(messagesOf(provider.streams[1]!).map((each) => each.role)).toEqual(["user", "assistant", "tool", "tool"]);
  });

  it("called without arguments are called with none", async () => {
    await hearth.provider((s) => callTools(s, [{ id: "c", name: "weather", pieces: [] }, ...WEATHER]));
    for (const response of await bothWays({ tools })) {
      expect(response.output[0]).toMatchObject({ type: "function_call", arguments: "{}" });
    }
  });
});

describe("thoughts", () => {
  const thinker = (s: ScriptedStream): void => {
    s.role();
    delta(s, { reasoning_content: "hm" });
    s.content("yes");
    s.finish();
    s.end();
  };

  it("are an item of their own, and go back to the model with the next request", async () => {
    const provider = await hearth.provider(thinker);
    for (const { output } of await bothWays()) {
      expect(output).toMatchObject([
        {
          type: "reasoning",
          summary: [{ type: "summary_text", text: "hm" }],
          content: [{ type: "reasoning_text", text: "hm" }],
        },
        { type: "message", content: [{ text: "yes" }] },
      ]);
      await client.responses.create(ask({ input: [...output, { role: "user", content: "sure?" }] }));
      expect(messagesOf(provider.streams.at(-1)!)[0]).toEqual({
        role: "assistant",
        content: "yes",
        reasoning_content: "hm",
      });
    }
  });

  it("stand only where summaries do, for those who ask for summaries", async () => {
    await hearth.provider(thinker);
    for (const { output } of await bothWays({ reasoning: { summary: "auto" } })) {
      expect(output[0]).toMatchObject({ type: "reasoning", summary: [{ type: "summary_text", text: "hm" }] });
      expect(output[0]).not.toHaveProperty("content");
    }
    const events = await eventsOf({ reasoning: { summary: "auto" }, include: ["reasoning.encrypted_content"] });
    expect(responsesProblems(events as never)).toEqual([]);
  });
});

it("structured output is asked for and parsed", async () => {
  const City = z.object({ name: z.string(), people: z.number() });
  const provider = await hearth.provider((s) => s.answer('{"name":"Bern",', '"people":134000}'));
  const format = { ...ask(), text: { format: zodTextFormat(City, "city") } };
  expect((await client.responses.parse(format)).output_parsed).toEqual({ name: "Bern", people: 134000 });
  expect((await client.responses.stream(format).finalResponse()).output_parsed).toEqual({
    name: "Bern",
    people: 134000,
  });
  expect(provider.streams[0]?.body["response_format"]).toMatchObject({
    type: "json_schema",
    json_schema: { name: "city", strict: true },
  });
});

describe("images", () => {
  const withImage = (image_url: string) =>
    ask({ input: [{ role: "user", content: [{ type: "input_image", image_url, detail: "auto" }] }] });

  it("reach the provider as they were sent", async () => {
    const models = [{ id: "m", capabilities: { vision: true } }];
    const provider = await hearth.provider((s) => s.answer("a cat"), { models });
    const url = "data:image/png;base64,iVBORw0KGgo=";
    await client.responses.create(withImage(url));
    expect(messagesOf(provider.streams[0]!)).toMatchObject([{ content: [{ type: "image_url", image_url: { url } }] }]);
  });

  it("at remote addresses are refused, by name", async () => {
    await expect(client.responses.create(withImage("https://example.com/cat.png"))).rejects.toMatchObject({
      status: 400,
      param: "input[0].content[0].image_url",
    });
  });
});

it("what was never stored is refused, by name", async () => {
  await expect(client.responses.create(ask({ previous_response_id: "resp_1" }))).rejects.toMatchObject({
    status: 400,
    code: "previous_response_not_found",
    param: "previous_response_id",
  });
});

it("stops the provider when the consumer aborts", async () => {
  const provider = await hearth.provider((s) => {
    s.role();
    s.content("endless");
  });
  const stream = await client.responses.create({ ...ask(), stream: true });
  for await (const event of stream) if (event.type === "response.output_text.delta") stream.controller.abort();
  expect(await provider.streams[0]?.cancelled).toBe("consumer_gone");
});

describe("the response object", () => {
  it("has every member that the specification asks for, as it was asked for", async () => {
    await hearth.provider((s) => s.answer("hi"));
    const asked = {
      presence_penalty: 0.5,
      frequency_penalty: -0.5,
      safety_identifier: "someone",
      prompt_cache_key: "key",
      service_tier: "auto" as const,
      truncation: "disabled" as const,
      max_tool_calls: 3,
      user: "u",
    };
    expect(await client.responses.create(ask(asked))).toMatchObject({ ...asked, service_tier: "default" });
    expect(await client.responses.create(ask())).toMatchObject({
      presence_penalty: 0,
      frequency_penalty: 0,
      safety_identifier: null,
      prompt_cache_key: null,
      service_tier: "default",
      truncation: "disabled",
      max_tool_calls: null,
      previous_response_id: null,
      background: false,
      store: true,
    });
  });

  it("has penalties that reach the backend, and nothing that tells of the end user", async () => {
    const provider = await hearth.provider((s) => s.answer("hi"));
    await client.responses.create(ask({ presence_penalty: 0.5, safety_identifier: "s", prompt_cache_key: "k" }));
    const { messages: _, model: __, stream: ___, stream_options: ____, ...rest } = provider.streams[0]?.body ?? {};
    expect(rest).toEqual({ presence_penalty: 0.5 });
  });

  it.each([
    ["truncation", { truncation: "auto" }],
    ["service_tier", { service_tier: "priority" }],
    ["max_tool_calls", { max_tool_calls: 0 }],
  ])("is refused for what cannot be honoured: %s", async (param, more) => {
    await expect(client.responses.create(ask(more))).rejects.toMatchObject({ status: 400, param });
  });
});

it("ends a stream with one mark behind the last event, and a failed one with none", async () => {
  const textOf = async (): Promise<string> => {
    const answer = await client.responses.create({ ...ask(), stream: true }).asResponse();
    return await answer.text();
  };
  const provider = await hearth.provider((s) => s.answer("hi"));
  const text = await textOf();
  expect(text.match(/\[DONE\]/g)).toHaveLength(1);
  expect(text).toMatch(/event: response\.completed\ndata: \{.*\}\n\ndata: \[DONE\]\n\n/);
  provider.socket.terminate();
  await hearth.provider((s) => {
    s.role();
    s.content("half");
    s.error();
  });
  expect(await textOf()).toMatch(/event: response\.failed\ndata: \{.*\}\n\n$/);
});

describe("errors", () => {
  it("before the answer has begun have OpenAI's form", async () => {
    await expect(client.responses.create(ask({ model: "nobody/serves-this" }))).rejects.toMatchObject({
      status: 404,
      code: "model_not_found",
    });
    await hearth.provider((s) => s.error());
    await expect(client.responses.stream(ask()).finalResponse()).rejects.toMatchObject({ code: "provider_error" });
  });

  it("after it has begun are told by both events that clients heed, and nothing follows", async () => {
    await hearth.provider((s) => {
      s.role();
      s.content("half");
      s.error();
    });
    const events = await eventsOf();
    expect(events.map((event) => event.type).slice(-3)).toEqual([
      "response.output_text.delta",
      "error",
      "response.failed",
    ]);
    expect(events.map((event) => event.sequence_number)).toEqual([...events.keys()]);
    expect(events.at(-1)).toMatchObject({
      response: { status: "failed", error: { code: "server_error", message: "The provider's backend failed." } },
    });
  });

  it("after it has begun carry what came until then: whole items, and the one that broke off", async () => {
    await hearth.provider((s) => {
      s.role();
      delta(s, { reasoning_content: "hm" });
      s.content("so ");
      s.content("far");
      s.error();
    });
    expect((await eventsOf()).at(-1)).toMatchObject({
      response: {
        output: [
          { type: "reasoning", status: "completed", summary: [{ text: "hm" }], content: [{ text: "hm" }] },
          { type: "message", status: "incomplete", content: [{ type: "output_text", text: "so far" }] },
        ],
      },
    });
  });

  it("after a call has begun carry as much of it as came", async () => {
    await hearth.provider((s) => {
      s.role();
      delta(s, { tool_calls: [{ index: 0, id: "c", type: "function", function: { name: "weather", arguments: "" } }] });
      delta(s, { tool_calls: [{ index: 0, function: { arguments: '{"ci' } }] });
      s.error();
    });
    expect((await eventsOf({ tools })).at(-1)).toMatchObject({
      response: { output: [{ type: "function_call", name: "weather", arguments: '{"ci', status: "incomplete" }] },
    });
  });

  it("are errors for a truncated stream, streamed or whole", async () => {
    await hearth.provider((s) => {
      s.role();
      s.content("half");
      s.raw("", true);
      s.complete();
    });
    expect((await eventsOf()).at(-1)?.type).toBe("response.failed");
    await expect(client.responses.create(ask())).rejects.toMatchObject({ status: 502 });
  });
});
