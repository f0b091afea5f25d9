import type { BackendDialect, RequestId } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import { HearthError } from "../../platform/errors.js";
import { type ResponsesRequest, toResponsesRequest } from "./to-internal.js";

const DATA_URI = "data:image/png;base64,iVBORw0KGgo=";

function requestOf(body: object | string): ResponsesRequest {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return toResponsesRequest(Buffer.from(text), "req_1" as RequestId);
}

function sentOf(body: object | string, native: readonly BackendDialect[] = [], build = "m"): string {
  return Buffer.from(
    requestOf(body).form({ dialects: native, systemAnywhere: true, turnsAnywhere: true, vision: true }, build).body,
  ).toString();
}

const ask = (more: object = {}) => ({ model: "m", input: "hi", ...more });
const chatOf = (more: object = {}) => JSON.parse(sentOf(ask(more))) as Record<string, unknown>;
const messagesOf = (...input: readonly object[]) => chatOf({ input })["messages"];

function errorOf(body: object): HearthError {
  try {
    requestOf(body);
  } catch (error) {
    if (error instanceof HearthError) return error;
    throw error;
  }
  throw new Error("no error");
}

describe("a request for a backend that chats", () => {
  it("asks for a stream with usage, under the build's own name", () => {
    expect(JSON.parse(sentOf(ask(), [], "m-q4"))).toEqual({
      model: "m-q4",
      messages: [{ role: "user", content: "hi" }],
      stream: true,
      stream_options: { include_usage: true },
    });
  });

  it("has its settings in the terms of chat completions", () => {
    expect(
      chatOf({
        max_output_tokens: 20,
        temperature: 0.5,
        top_p: 0.9,
        reasoning: { effort: "low" },
        include: ["message.output_text.logprobs"],
        top_logprobs: 3,
      }),
    ).toMatchObject({
      max_tokens: 20,
      temperature: 0.5,
      top_p: 0.9,
      reasoning_effort: "low",
      logprobs: true,
      top_logprobs: 3,
    });
  });

  it("has nothing that tells of the end user or of OpenAI's store, and what Hearth does not know as it was", () => {
    const sent = sentOf(
      '{"model":"m","input":"hi","user":"u","prompt_cache_key":"k","safety_identifier":"s","metadata":{"a":"b"},' +
        '"store":true,"truncation":"disabled","service_tier":"auto","max_tool_calls":3,"previous_response_id":null,"seed":9007199254740993}',
    );
    expect(sent).toContain('"seed":9007199254740993');
    expect(Object.keys(JSON.parse(sent) as object).sort()).toEqual(
      ["messages", "model", "seed", "stream", "stream_options"].sort(),
    );
  });

  it("has the formats of the answer as response_format", () => {
    const schema = { type: "object", properties: { a: { type: "string" } } };
    expect(chatOf({ text: { format: { type: "json_schema", name: "A", schema, strict: true } } })).toMatchObject({
      response_format: { type: "json_schema", json_schema: { name: "A", schema, strict: true } },
    });
    expect(chatOf({ text: { format: { type: "json_object" } } })).toMatchObject({
      response_format: { type: "json_object" },
    });
    expect(chatOf({ text: { format: { type: "text" } } })).not.toHaveProperty("response_format");
  });

  it("has instructions and the developer's words first, as one message of the system", () => {
    expect(
      chatOf({
        instructions: "be kind",
        input: [
          { role: "developer", content: "be brief" },
          { type: "message", role: "user", content: [{ type: "input_text", text: "hi" }] },
        ],
      })["messages"],
    ).toEqual([
      { role: "system", content: "be kind\n\nbe brief" },
      { role: "user", content: "hi" },
    ]);
  });

  it("has content of several parts in order", () => {
    const content = [
      { type: "input_text", text: "look:" },
      { type: "input_image", image_url: DATA_URI, detail: "low" },
    ];
    expect(messagesOf({ role: "user", content })).toEqual([
      {
        role: "user",
        content: [
          { type: "text", text: "look:" },
          { type: "image_url", image_url: { url: DATA_URI, detail: "low" } },
        ],
      },
    ]);
    expect(requestOf(ask({ input: [{ role: "user", content }] })).needs.vision).toBe(true);
  });

  it("has two messages of the assistant as two", () => {
    expect(messagesOf({ role: "assistant", content: "a" }, { role: "assistant", content: "b" })).toEqual([
      { role: "assistant", content: "a" },
      { role: "assistant", content: "b" },
    ]);
  });
});

describe("tools", () => {
  const tools = [
    { type: "function", name: "f", parameters: { type: "object", properties: { a: {} } }, strict: true },
    { type: "function", name: "g", parameters: null, strict: null },
  ];

  it("are functions of a chat, with their schemas as they came", () => {
    const parameters = { type: "object", properties: { a: {} } };
    expect(chatOf({ tools })["tools"]).toEqual([
      { type: "function", function: { name: "f", parameters, strict: true } },
      { type: "function", function: { name: "g" } },
    ]);
  });

  it.each([
    ["required", { tool_choice: "required" }],
    [{ type: "function", name: "g" }, { tool_choice: { type: "function", function: { name: "g" } } }],
  ])("are chosen by %j", (choice, expected) => {
    expect(chatOf({ tools, tool_choice: choice, parallel_tool_calls: false })).toMatchObject({
      ...expected,
      parallel_tool_calls: false,
    });
  });

  it("are only those that are allowed", () => {
    const choice = { type: "allowed_tools", mode: "required", tools: [{ type: "function", name: "g" }] };
    expect(chatOf({ tools, tool_choice: choice })).toMatchObject({
      tools: [{ function: { name: "g" } }],
      tool_choice: "required",
    });
  });

  it("stand in one message with the thoughts and the text before them, and their results follow", () => {
    expect(
      messagesOf(
        { type: "reasoning", id: "rs", summary: [], content: [{ type: "reasoning_text", text: "hm" }] },
        { type: "message", id: "m", role: "assistant", content: [{ type: "output_text", text: "let me see" }] },
        { type: "function_call", id: "fc", call_id: "c1", name: "f", arguments: '{"a":1}' },
        { type: "function_call", call_id: "c2", name: "g", arguments: "{}" },
        { type: "function_call_output", call_id: "c1", output: "sunny" },
        { type: "function_call_output", call_id: "c2", output: [{ type: "input_image", image_url: DATA_URI }] },
        { role: "user", content: "and?" },
      ),
    ).toEqual([
      {
        role: "assistant",
        reasoning_content: "hm",
        content: "let me see",
        tool_calls: [
          { id: "c1", type: "function", function: { name: "f", arguments: '{"a":1}' } },
          { id: "c2", type: "function", function: { name: "g", arguments: "{}" } },
        ],
      },
      { role: "tool", tool_call_id: "c1", content: "sunny" },
      { role: "tool", tool_call_id: "c2", content: "The result is the image that follows." },
      {
        role: "user",
        content: [
          { type: "text", text: "Result of tool call c2:" },
          { type: "image_url", image_url: { url: DATA_URI } },
          { type: "text", text: "and?" },
        ],
      },
    ]);
  });
});

describe("a request for a backend that speaks Responses", () => {
  it("is the consumer's own text, but for the stream, the store, the name and the end user", () => {
    const text =
      '{ "model": "m", "user": "u", "store": true, "seed": 9007199254740993, "input": "hi",\n' +
      '  "tools": [{"type":"function","name":"f","parameters":{"type":["object","null"]}}] }';
    expect(sentOf(text, ["responses"], "m-q4")).toBe(
      '{ "model": "m-q4", "store": false, "seed": 9007199254740993, "input": "hi",\n' +
        '  "tools": [{"type":"function","name":"f","parameters":{"type":["object","null"]}}] ,"stream":true}',
    );
  });
});

describe("a bad request", () => {
  const part = (content: object) => ({ input: [{ role: "user", content: [content] }] });

  it.each([
    ["input", { input: [] }],
    ["input", { input: undefined }],
    ["input[0].role", { input: [{ role: "tool", content: "x" }] }],
    ["input[0].call_id", { input: [{ type: "computer_call" }] }],
    [
      "input[1].call_id",
      {
        input: [
          { role: "user", content: "x" },
          { type: "function_call", name: "f", arguments: "" },
        ],
      },
    ],
    ["input[0].content[0].type", part({ type: "input_video" })],
    ["input[0].content[0].image_url", part({ type: "input_image", image_url: "https://x/a.png" })],
    ["input[0].content[0].file_id", part({ type: "input_image", file_id: "f" })],
    ["input[0].content[0].image_url", part({ type: "input_image" })],
    [
      "input[0].output[0].image_url",
      {
        input: [
          {
            type: "function_call_output",
            call_id: "c",
            output: [{ type: "input_image", image_url: "https://x/a.png" }],
          },
        ],
      },
    ],
    ["tools[0].type", { tools: [{ name: "web_search" }] }],
    ["tools[0].tools", { tools: [{ type: "namespace", name: "n" }] }],
    ["tools[0].tools[0].type", { tools: [{ type: "namespace", name: "n", tools: [{ type: "web_search" }] }] }],
    ["tool_choice", { tools: [{ type: "web_search" }], tool_choice: { type: "web_search" } }],
    ["tool_choice", { tools: [{ type: "web_search" }], tool_choice: "required" }],
    ["tool_choice", { tools: [{ type: "custom", name: "f" }], tool_choice: { type: "function", name: "f" } }],
    [
      "tool_choice",
      {
        tools: [{ type: "mcp", server_label: "s" }],
        tool_choice: { type: "allowed_tools", mode: "required", tools: [{ type: "mcp", server_label: "s" }] },
      },
    ],
    ["tool_choice.tools", { tool_choice: { type: "allowed_tools", mode: "auto" } }],
    ["truncation", { truncation: "auto" }],
    ["service_tier", { service_tier: "flex" }],
    ["max_tool_calls", { max_tool_calls: 0 }],
    ["presence_penalty", { presence_penalty: 3 }],
    ["tools[0].name", { tools: [{ type: "function", function: { name: "f" } }] }],
    ["tool_choice", { tool_choice: { type: "function", name: "f" } }],
    ["text.format.schema", { text: { format: { type: "json_schema", name: "A" } } }],
    ["max_output_tokens", { max_output_tokens: 0 }],
    ["previous_response_id", { previous_response_id: "resp_1" }],
    ["conversation", { conversation: "conv_1" }],
    ["background", { background: true }],
  ])("is refused by the name of what is wrong: %s", (param, more) => {
    const error = errorOf(ask(more));
    expect(error.code).toBe("invalid_request");
    expect(error.details.param).toBe(param);
  });

  it("says that nothing is stored, and what to do", () => {
    expect(errorOf(ask({ previous_response_id: "resp_1" })).message).toContain("nothing is stored");
    expect(errorOf(ask({ conversation: "conv_1" })).message).toContain("go on with 'previous_response_id'");
    const referring = errorOf(ask({ input: [{ type: "item_reference", id: "msg_1" }] }));
    expect(referring.details.param).toBe("input[0]");
    expect(referring.message).toContain("set 'store' to false");
  });
});

it("asks a backend by a chat for one call at most", () => {
  const tools = [{ type: "function", name: "f", parameters: { type: "object" } }];
  const dialectOf = (more: object) =>
    requestOf({ model: "m", input: "hi", ...more }).form({ dialects: ["responses"], turnsAnywhere: true }, "m").dialect;
  expect(dialectOf({ tools, parallel_tool_calls: true })).toBe("responses");
  expect(dialectOf({ tools, parallel_tool_calls: false })).toBe("chat_completions");
  expect(dialectOf({ parallel_tool_calls: false })).toBe("responses");
});

it("asks a backend natively for what the system says once, and by a chat for more than templates take", () => {
  const developer = { role: "developer", content: "d" };
  const user = { role: "user", content: "hi" };
  const dialectOf = (body: object, systemAnywhere: boolean) =>
    requestOf({ model: "m", ...body }).form({ dialects: ["responses"], systemAnywhere, turnsAnywhere: true }, "m")
      .dialect;
  expect(dialectOf({ instructions: "i", input: "hi" }, false)).toBe("responses");
  expect(dialectOf({ input: [developer, user] }, false)).toBe("responses");
  for (const body of [
    { instructions: "i", input: [developer, user] },
    { input: [user, developer] },
    { input: [developer, developer, user] },
  ]) {
    expect(dialectOf(body, false)).toBe("chat_completions");
    expect(dialectOf(body, true)).toBe("responses");
  }
});

it("tells a model that sees nothing in words of an image that a tool returned", () => {
  const image = { type: "input_image", image_url: DATA_URI };
  const input = [
    { role: "user", content: "look" },
    { type: "function_call", call_id: "c", name: "view_image", arguments: "{}" },
    { type: "function_call_output", call_id: "c", output: [image] },
  ];
  const request = requestOf({ model: "m", input });
  expect(request.needs).toMatchObject({ vision: true, visionIsOptional: true });
  const sent = (vision: boolean) => Buffer.from(request.form({ dialects: [], vision }, "m").body).toString();
  expect(JSON.parse(sent(false)).messages.at(-1)).toEqual({
    role: "tool",
    tool_call_id: "c",
    content: "[An image, which this model cannot see.]",
  });
  expect(sent(true)).toContain(DATA_URI);
  const shown = [...input, { role: "user", content: [image] }];
  expect(requestOf({ model: "m", input: shown }).needs).not.toHaveProperty("visionIsOptional");
});

it("has no bound where −1 is written for none", () => {
  const request = requestOf(ask({ max_output_tokens: -1 }));
  expect(request.maxTokens).toBeUndefined();
  for (const native of [["responses"], []] as const) {
    expect(sentOf(ask({ max_output_tokens: -1 }), native)).not.toContain("-1");
  }
});

it("has the effort in the form that backend and template know, and none of it where it would be an error", () => {
  const sent = (effort: string, backend: string) => {
    const { form } = requestOf({ model: "m", input: "hi", reasoning: { effort } });
    return JSON.parse(Buffer.from(form({ dialects: [], backend }, "m").body).toString());
  };
  expect(sent("xhigh", "vllm")).toMatchObject({
    reasoning_effort: "high",
    chat_template_kwargs: { reasoning_effort: "high" },
  });
  // Codex sends one with every request, and Ollama refuses it for a model that does not think.
  expect(sent("medium", "ollama")).not.toHaveProperty("reasoning_effort");
  expect(sent("none", "llama-server")).toMatchObject({
    reasoning_effort: "none",
    chat_template_kwargs: { enable_thinking: false },
  });
});

describe("what servers that speak Responses answer with an error", () => {
  const user = { role: "user", content: "hi" };
  const call = { type: "function_call", call_id: "c", name: "f", arguments: "{}" };
  const result = { type: "function_call_output", call_id: "c", output: "1" };
  const said = (content: unknown) => ({ type: "message", role: "assistant", content });
  const tool = { type: "function", name: "f", parameters: { type: "object", properties: {} } };
  const text = { type: "output_text", text: "yo" };
  const dialectOf = (body: object) =>
    requestOf({ model: "m", ...body }).form({ dialects: ["responses"], systemAnywhere: true }, "m").dialect;

  it.each([
    ["a description that is null", { input: "hi", tools: [{ ...tool, description: null }] }],
    ["a call without arguments", { input: [user, { ...call, arguments: "" }, result] }],
    ["arguments that were broken off", { input: [user, { ...call, arguments: '{"a' }, result] }],
    ["a plain text of the assistant's", { input: [user, said("yo"), user] }],
    ["a refusal", { input: [user, said([{ type: "refusal", refusal: "no" }]), user] }],
    ["the assistant's words as a user's", { input: [{ role: "user", content: [text] }] }],
    ["thoughts without their text", { input: [user, { type: "reasoning", id: "r", summary: [] }, said([text]), user] }],
    ["log probabilities", { input: "hi", top_logprobs: 2, include: ["message.output_text.logprobs"] }],
  ])("is asked by a chat: %s", (_what, body) => {
    expect(dialectOf(body)).toBe("chat_completions");
  });

  it("is nothing else", () => {
    const thought = { type: "reasoning", id: "r", summary: [], content: [{ type: "reasoning_text", text: "s" }] };
    const input = [{ role: "user", content: [{ type: "input_text", text: "a" }] }, thought, call, result, said([text])];
    expect(dialectOf({ input, tools: [tool, { ...tool, name: "g", description: "d", strict: null }] })).toBe(
      "responses",
    );
    expect(dialectOf({ input: [user] })).toBe("responses");
  });
});
