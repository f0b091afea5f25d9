import Anthropic from "@anthropic-ai/sdk";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { messagesProblems } from "../../../coordinator/src/testing/messages-grammar.js";
import { pdfOf } from "../../../coordinator/src/testing/pdf.js";
import type { ScriptedStream } from "../scripted/scripted-stream.js";
import { API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { callTools, delta, messagesOf, WEATHER, weatherModel } from "./chat-backend.js";

let hearth: TestCoordinator;
let client: Anthropic;

beforeEach(async () => {
  hearth = await startTestCoordinator();
  client = new Anthropic({ apiKey: API_KEY, baseURL: hearth.url, maxRetries: 0 });
});

afterEach(() => hearth.stop());

const ask = (more: object = {}): Anthropic.MessageCreateParamsNonStreaming => ({
  model: "m",
  max_tokens: 100,
  messages: [{ role: "user", content: "hi" }],
  ...more,
});

const weatherTool: Anthropic.Tool = {
  name: "weather",
  input_schema: { type: "object", properties: { city: { type: ["string", "null"] } } },
};

/** The content without what only the API adds to it. */
const contentOf = (message: Anthropic.Message): unknown => JSON.parse(JSON.stringify(message.content));

/** The message as it came whole, and as the helper put it together from the stream. */
async function bothWays(params: Anthropic.MessageCreateParamsNonStreaming): Promise<Anthropic.Message[]> {
  return [await client.messages.create(params), await client.messages.stream(params).finalMessage()];
}

describe("text", () => {
  it("comes whole, with its usage and the request's id", async () => {
    await hearth.provider((s) => s.answer("Grüße, ", "世界"));
    const { data, request_id } = await client.messages.create(ask()).withResponse();
    expect(data).toMatchObject({
      type: "message",
      role: "assistant",
      model: "m",
      content: [{ type: "text", text: "Grüße, 世界" }],
      stop_reason: "end_turn",
      stop_sequence: null,
      usage: { input_tokens: 3, output_tokens: 2 },
    });
    expect(request_id).toMatch(/^req_/);
  });

  it("streams by the rules, each event under its name", async () => {
    await hearth.provider((s) => s.answer("Hel", "lo"));
    const events: Anthropic.RawMessageStreamEvent[] = [];
    for await (const event of await client.messages.create({ ...ask(), stream: true })) events.push(event);
    expect(messagesProblems(events as never)).toEqual([]);
    expect(events.map((event) => event.type)).toEqual([
      "message_start",
      "content_block_start",
      "content_block_delta",
      "content_block_delta",
      "content_block_stop",
      "message_delta",
      "message_stop",
    ]);
  });

  it("streams through the helper, which sees every piece, and the same message in the end as whole", async () => {
    await hearth.provider((s) => s.answer("a", "b", "c"));
    const pieces: string[] = [];
    const stream = client.messages.stream(ask()).on("text", (piece) => pieces.push(piece));
    const streamed = await stream.finalMessage();
    expect(pieces).toEqual(["a", "b", "c"]);
    const whole = await client.messages.create(ask());
    const { parsed_output: _helpersOwn, ...message } = streamed;
    expect({ ...message, id: "" }).toEqual({ ...whole, id: "" });
  });

  it("adds up to the true number of tokens, also for clients that add", async () => {
    await hearth.provider((s) => s.answer("a"));
    let output = 0;
    for await (const event of await client.messages.create({ ...ask(), stream: true })) {
      if (event.type === "message_start") output += event.message.usage.output_tokens;
      if (event.type === "message_delta") output += event.usage.output_tokens;
    }
    expect(output).toBe(2);
  });

  it("ends for the reason that there was", async () => {
    await hearth.provider((s) => {
      s.role();
      s.content("so far");
      const choice = { index: 0, delta: {}, finish_reason: "stop", stop_reason: "END" };
      if (s.body["stop"] === undefined) s.finish("length");
      else s.event({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [choice] });
      s.end();
    });
    for (const message of await bothWays(ask())) expect(message.stop_reason).toBe("max_tokens");
    for (const message of await bothWays(ask({ stop_sequences: ["END"] }))) {
      expect(message).toMatchObject({ stop_reason: "stop_sequence", stop_sequence: "END" });
    }
  });
});

describe("tools", () => {
  it("are called in parallel, every argument byte in its block", async () => {
    const provider = await hearth.provider(weatherModel);
    for (const message of await bothWays(ask({ tools: [weatherTool] }))) {
      expect(message.stop_reason).toBe("tool_use");
      expect(contentOf(message)).toMatchObject(
        WEATHER.map(({ id, name, pieces }) => ({ type: "tool_use", id, name, input: JSON.parse(pieces.join("")) })),
      );
    }
    expect(provider.streams[0]!.body["tools"]).toMatchObject([
      { function: { name: "weather", parameters: { properties: { city: { type: ["string", "null"] } } } } },
    ]);
  });

  it("stream by the rules, though the backend interleaves them", async () => {
    await hearth.provider(weatherModel);
    const events: Anthropic.RawMessageStreamEvent[] = [];
    for await (const event of await client.messages.create({ ...ask({ tools: [weatherTool] }), stream: true })) {
      events.push(event);
    }
    expect(messagesProblems(events as never)).toEqual([]);
  });

  it.each([true, false])("make a round trip through the tool runner, streaming: %s", async (stream) => {
    const provider = await hearth.provider(weatherModel);
    const runner = client.beta.messages.toolRunner({
      model: "m",
      max_tokens: 100,
      messages: [{ role: "user", content: "weather?" }],
      stream,
      tools: [
        {
          type: "custom",
          name: "weather",
          description: "",
          input_schema: { type: "object", properties: { city: { type: "string" } } },
          parse: (input) => input as { city: string },
          run: ({ city }: { city: string }) => {
            if (city === "Köln") throw new Error("no such city");
            return `rain in ${city}`;
          },
        },
      ],
    });
    const message = await runner.runUntilDone();
    expect(contentOf(message as never)).toMatchObject([
      { type: "text", text: expect.stringMatching(/^rain in Bern and Error: .*no such city/) },
    ]);
    // The SDK would keep the conversation in a thread; it has to be sent whole.
    expect(messagesOf(provider.streams[1]!).map((each) => each.role)).toEqual(["user", "assistant", "tool", "tool"]);
    expect(provider.streams).toHaveLength(2);
  });
});

describe("thoughts", () => {
  const thinker = (s: ScriptedStream): void => {
    s.role();
    delta(s, { reasoning_content: "hm, " });
    delta(s, { reasoning_content: "well" });
    s.content("yes");
    s.finish();
    s.end();
  };

  it("are a block with a signature, and go back to the model with the next request", async () => {
    const provider = await hearth.provider(thinker);
    for (const message of await bothWays(ask({ thinking: { type: "adaptive" } }))) {
      expect(contentOf(message)).toMatchObject([
        { type: "thinking", thinking: "hm, well", signature: expect.stringMatching(/./) },
        { type: "text", text: "yes" },
      ]);
      await client.messages.create(
        ask({
          messages: [
            { role: "user", content: "hi" },
            { role: "assistant", content: message.content },
            { role: "user", content: "sure?" },
          ],
        }),
      );
      expect(messagesOf(provider.streams.at(-1)!)[1]).toEqual({
        role: "assistant",
        content: "yes",
        reasoning_content: "hm, well",
      });
    }
  });

  it("stay out where they were switched off", async () => {
    await hearth.provider(thinker);
    for (const message of await bothWays(ask({ thinking: { type: "disabled" } }))) {
      expect(contentOf(message)).toMatchObject([{ type: "text", text: "yes" }]);
    }
  });

  it("are seen by the streaming helper", async () => {
    await hearth.provider(thinker);
    const pieces: string[] = [];
    await client.messages
      .stream(ask())
      .on("thinking", (piece) => pieces.push(piece))
      .finalMessage();
    expect(pieces).toEqual(["hm, ", "well"]);
  });
});

describe("images", () => {
  const withSource = (source: object) => ask({ messages: [{ role: "user", content: [{ type: "image", source }] }] });

  it("reach the provider as data URIs", async () => {
    const provider = await hearth.provider((s) => s.answer("a cat"), {
      models: [{ id: "m", capabilities: { vision: true } }],
    });
    await client.messages.create(withSource({ type: "base64", media_type: "image/png", data: "iVBORw0KGgo=" }));
    expect(messagesOf(provider.streams[0]!)).toEqual([
      {
        role: "user",
        content: [{ type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } }],
      },
    ]);
  });

  it("at remote addresses are refused, by name", async () => {
    const refused = client.messages.create(withSource({ type: "url", url: "https://example.com/cat.png" }));
    await expect(refused).rejects.toThrow(/messages\[0\]\.content\[0\]\.source\.url.*data URI/);
  });
});

it("structured output is asked for and parsed", async () => {
  const provider = await hearth.provider((s) => s.answer('{"name":', '"Bern"}'));
  const schema = {
    type: "object" as const,
    properties: { name: { type: "string" } },
    required: ["name"],
    additionalProperties: false,
  };
  const message = await client.messages.create(ask({ output_config: { format: { type: "json_schema", schema } } }));
  expect(message.content[0]).toMatchObject({ text: '{"name":"Bern"}' });
  expect(provider.streams[0]?.body["response_format"]).toMatchObject({ json_schema: { schema } });
});

it("tokens are counted, by estimate, without any provider", async () => {
  const { input_tokens } = await client.messages.countTokens({
    model: "m",
    system: "be kind",
    messages: [{ role: "user", content: "x".repeat(4000) }],
    tools: [weatherTool],
  });
  expect(input_tokens).toBeGreaterThan(1000);
  expect(input_tokens).toBeLessThan(1200);
});

it("stops the provider when the consumer aborts", async () => {
  const provider = await hearth.provider((s) => {
    s.role();
    s.content("endless");
  });
  const stream = client.messages.stream(ask());
  stream.on("text", () => stream.abort());
  await expect(stream.finalMessage()).rejects.toThrow(Anthropic.APIUserAbortError);
  expect(await provider.streams[0]?.cancelled).toBe("consumer_gone");
});

it("puts what the system says in mid-conversation where each provider's model takes it", async () => {
  const lenient = await hearth.provider((s) => s.error(), {
    models: [{ id: "m", system_anywhere: true, turns_anywhere: true }],
  });
  const strict = await hearth.provider((s) => s.error(), { models: [{ id: "m", system_anywhere: false }] });
  const messages: Anthropic.Beta.BetaMessageParam[] = [
    { role: "user", content: "hi" },
    { role: "system", content: "later" },
  ];
  // Both fail, so that each is asked.
  await expect(client.beta.messages.create({ model: "m", max_tokens: 9, messages })).rejects.toThrow();
  expect(messagesOf(lenient.streams[0]!).map((each) => each.role)).toEqual(["user", "system"]);
  expect(messagesOf(strict.streams[0]!)).toEqual([
    { role: "user", content: "hi\n\n<system-reminder>\nlater\n</system-reminder>" },
  ]);
});

it("offers Anthropic's own tools that the client runs, and names what it leaves out", async () => {
  const provider = await hearth.provider((s) =>
    callTools(s, [{ id: "c", name: "bash", pieces: ['{"command":', '"ls"}'] }]),
  );
  const tools: Anthropic.ToolUnion[] = [
    { type: "bash_20250124", name: "bash" },
    { type: "web_search_20250305", name: "web_search", max_uses: 5 },
  ];
  const { data, response } = await client.messages.create({ ...ask(), tools }).withResponse();
  expect(data.content).toMatchObject([{ type: "tool_use", name: "bash", input: { command: "ls" } }]);
  expect(data.stop_reason).toBe("tool_use");
  expect(response.headers.get("x-hearth-ignored")).toBe("web_search_20250305");
  expect(provider.streams[0]?.body["tools"]).toMatchObject([{ type: "function", function: { name: "bash" } }]);
});

describe("a picture for a model that nobody serves who sees", () => {
  const image: Anthropic.ImageBlockParam = {
    type: "image",
    source: { type: "base64", media_type: "image/png", data: "iVBORw0KGgo=" },
  };
  const shot: Anthropic.MessageParam[] = [
    { role: "user", content: "look" },
    { role: "assistant", content: [{ type: "tool_use", id: "t", name: "shot", input: {} }] },
    { role: "user", content: [{ type: "tool_result", tool_use_id: "t", content: [image] }] },
  ];

  it("is refused for good where the user shows it", async () => {
    await hearth.provider((s) => s.answer("never"), { models: [{ id: "m", capabilities: { tools: true } }] });
    const asking = client.messages.create(ask({ messages: [{ role: "user", content: [image] }] }));
    const error = (await asking.catch((thrown: unknown) => thrown)) as InstanceType<typeof Anthropic.APIError>;
    expect(error).toBeInstanceOf(Anthropic.BadRequestError);
    expect(error.error).toMatchObject({
      type: "error",
      error: { type: "invalid_request_error", message: "No provider of this model serves requests with images." },
    });
    expect(error.headers?.get("x-should-retry")).toBe("false");
  });

  it("is told of in words where a tool returned it, and shown to who sees", async () => {
    const blind = await hearth.provider((s) => s.answer("blind"), { models: [{ id: "m" }] });
    const told = await client.messages.create(ask({ messages: shot }));
    expect(told.content).toMatchObject([{ text: "blind" }]);
    expect(messagesOf(blind.streams[0]!).at(-1)).toMatchObject({
      role: "tool",
      content: expect.stringContaining("cannot see"),
    });
    await hearth.provider((s) => s.answer("I see"), { models: [{ id: "m", capabilities: { vision: true } }] });
    const shown = await client.messages.create(ask({ messages: shot }));
    expect(shown.content).toMatchObject([{ text: "I see" }]);
  });
});

describe("a PDF", () => {
  const document = (pdf: Buffer): Anthropic.DocumentBlockParam => ({
    type: "document",
    title: "Tides",
    source: { type: "base64", media_type: "application/pdf", data: pdf.toString("base64") },
  });
  const asking = (content: Anthropic.ContentBlockParam[]) => ask({ messages: [{ role: "user", content }] });

  it("is passed on as its text, the user's and a tool's", async () => {
    const provider = await hearth.provider((s) => s.answer("at noon"), {
      models: [{ id: "m", dialects: ["messages"] }],
    });
    await client.messages.create(asking([document(pdfOf("High at 12:34")), { type: "text", text: "When?" }]));
    expect(messagesOf(provider.streams[0]!)).toMatchObject([
      { role: "user", content: [{ text: "Tides" }, { text: "High at 12:34" }, { text: "When?" }] },
    ]);
    await client.messages.create(
      ask({
        messages: [
          { role: "user", content: "read" },
          { role: "assistant", content: [{ type: "tool_use", id: "t", name: "f", input: {} }] },
          {
            role: "user",
            content: [{ type: "tool_result", tool_use_id: "t", content: [document(pdfOf("Low at 6"))] }],
          },
        ],
      }),
    );
    expect(messagesOf(provider.streams[1]!).at(-1)).toMatchObject({ role: "tool", content: "Tides\nLow at 6" });
  });

  it("counts by its text", async () => {
    const count = async (pages: number): Promise<number> => {
      const pdf = pdfOf(...Array<string>(pages).fill("word word word"));
      const messages = [{ role: "user" as const, content: [document(pdf)] }];
      return (await client.messages.countTokens({ model: "m", messages })).input_tokens;
    };
    expect(await count(41)).toBeGreaterThan((await count(1)) + 100);
  });

  it("without text is refused by its place", async () => {
    const error = await client.messages.create(asking([document(pdfOf(""))])).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Anthropic.BadRequestError);
    expect(String(error)).toContain("messages[0].content[0].source.data");
  });
});
