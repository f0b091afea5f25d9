import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { messagesProblems } from "../../../coordinator/src/testing/messages-grammar.js";
import { responsesProblems } from "../../../coordinator/src/testing/responses-grammar.js";
import { API_KEY } from "../scripted/test-coordinator.js";
import { type BehindLlamaServer, program, startBehindLlamaServer } from "./behind-llama-server.test-set-up.js";
import { type CheckedFetch, checkedFetch } from "./schema/checked-fetch.js";

describe.skipIf(program === undefined)("a real llama-server behind a real agent", () => {
  let behind: BehindLlamaServer;
  let checked: CheckedFetch;
  let anthropic: Anthropic;
  let openai: OpenAI;

  beforeAll(async () => {
    behind = await startBehindLlamaServer();
    checked = checkedFetch();
    anthropic = new Anthropic({ apiKey: API_KEY, baseURL: behind.hearth.url, maxRetries: 0 });
    openai = new OpenAI({ apiKey: API_KEY, baseURL: `${behind.hearth.url}/v1`, maxRetries: 0, fetch: checked.fetch });
  });
  afterAll(async () => {
    await checked.verify();
    await behind[Symbol.asyncDispose]();
  });

  const question = "What is 7 + 8?";
  /** The newest SDK does not name it, and the API takes it. */
  const greedy: object = { temperature: 0 };
  const tool = {
    name: "get_weather",
    description: "Get the weather in a city",
    schema: { type: "object" as const, properties: { city: { type: ["string", "null"] } }, required: ["city"] },
  };

  it("answers Messages, whole and streamed, by the rules", async () => {
    const params = { model: "pico", max_tokens: 40, ...greedy };
    const messages = [{ role: "user" as const, content: question }];
    const whole = await anthropic.messages.create({ ...params, messages });
    expect(JSON.stringify(whole.content)).toContain("15");
    expect(whole.usage.output_tokens).toBeGreaterThan(0);
    const events: Anthropic.RawMessageStreamEvent[] = [];
    const stream = anthropic.messages.stream({ ...params, messages }).on("streamEvent", (event) => events.push(event));
    expect((await stream.finalMessage()).content).toEqual(whole.content);
    expect(messagesProblems(events as never)).toEqual([]);
  });

  it("names the stop sequence that ended the answer, whole and streamed", async () => {
    const messages = [{ role: "user" as const, content: question }];
    const params = { model: "pico", max_tokens: 40, ...greedy, messages };
    for (const [stop_sequences, stopped] of [
      [["never", "5"], { stop_reason: "stop_sequence", stop_sequence: "5" }],
      [["never"], { stop_reason: "end_turn", stop_sequence: null }],
    ] as const) {
      const asked = { ...params, stop_sequences: [...stop_sequences] };
      expect(await anthropic.messages.create(asked)).toMatchObject(stopped);
      expect(await anthropic.messages.stream(asked).finalMessage()).toMatchObject(stopped);
    }
  });

  it("makes one call of a tool at most where that was asked for, in every API", async () => {
    const messages = [
      { role: "user" as const, content: "What is the weather and the time in Tokyo? Call both tools." },
    ];
    const schema = { ...tool.schema, properties: { city: { type: "string" } } };
    const tools = ["get_weather", "get_time"].map((name) => ({ name, description: `${name} of a city` }));
    const asked = { model: "pico", ...greedy };
    const chat = await openai.chat.completions.create({
      ...asked,
      max_tokens: 256,
      messages,
      tools: tools.map((each) => ({ type: "function", function: { ...each, parameters: schema } })),
      tool_choice: "required",
      parallel_tool_calls: false,
    });
    expect(chat.choices[0]?.message.tool_calls).toHaveLength(1);
    const response = await openai.responses.create({
      ...asked,
      max_output_tokens: 256,
      input: messages,
      tools: tools.map((each) => ({ type: "function", ...each, parameters: schema, strict: false })),
      tool_choice: "required",
      parallel_tool_calls: false,
    });
    expect(response.output.filter(({ type }) => type === "function_call")).toHaveLength(1);
    const message = await anthropic.messages.create({
      ...asked,
      max_tokens: 256,
      messages,
      tools: tools.map((each) => ({ ...each, input_schema: schema })),
      tool_choice: { type: "any", disable_parallel_tool_use: true },
    });
    expect(message.content.filter(({ type }) => type === "tool_use")).toHaveLength(1);
  });

  it("calls a tool for Messages", async () => {
    const message = await anthropic.messages.create({
      model: "pico",
      max_tokens: 200,
      ...greedy,
      messages: [{ role: "user", content: "What is the weather in Paris?" }],
      tools: [{ name: tool.name, description: tool.description, input_schema: tool.schema }],
      tool_choice: { type: "any" },
    });
    expect(message.stop_reason).toBe("tool_use");
    expect(message.content.at(-1)).toMatchObject({
      type: "tool_use",
      name: "get_weather",
      input: { city: expect.any(String) },
    });
  });

  it("answers Responses, whole and streamed, by the rules", async () => {
    const params = { model: "pico", max_output_tokens: 40, temperature: 0, input: question };
    const whole = await openai.responses.create(params);
    expect(whole.output_text).toContain("15");
    expect(whole.usage?.output_tokens).toBeGreaterThan(0);
    const events: OpenAI.Responses.ResponseStreamEvent[] = [];
    for await (const event of await openai.responses.create({ ...params, stream: true })) events.push(event);
    expect(responsesProblems(events as never)).toEqual([]);
    expect(events.at(-1)).toMatchObject({ response: { output: [{ content: [{ text: whole.output_text }] }] } });
  });

  it("calls a tool for Responses, and stops where the answer has to", async () => {
    const called = await openai.responses.create({
      model: "pico",
      temperature: 0,
      max_output_tokens: 200,
      input: "What is the weather in Paris?",
      tools: [
        {
          type: "function",
          name: tool.name,
          description: tool.description,
          parameters: tool.schema,
          strict: false,
        },
      ],
      tool_choice: "required",
    });
    expect(called.output.at(-1)).toMatchObject({ type: "function_call", name: "get_weather" });
    const cut = await openai.responses.create({ model: "pico", max_output_tokens: 2, input: question });
    expect(cut).toMatchObject({ status: "incomplete", incomplete_details: { reason: "max_output_tokens" } });
  });
});
