import type { BackendDialect, RequestId } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import type { ModelAbilities } from "../../dispatch/outbound-request.js";
import { HearthError } from "../../platform/errors.js";
import { inOneGo } from "../../platform/steps.js";
import { DEFAULT_BODY_BOUNDS } from "../../request/body-bounds.js";
import { parseCountTokens } from "./parse.js";
import { countTokenSteps, type MessagesRequest, NO_PDFS, readSteps, toMessagesRequest } from "./to-internal.js";

const countTokens = (raw: Buffer) =>
  inOneGo(countTokenSteps(inOneGo(readSteps(raw, DEFAULT_BODY_BOUNDS, parseCountTokens)), NO_PDFS));

const PNG = "iVBORw0KGgo=";

function requestOf(body: object | string): MessagesRequest {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return toMessagesRequest(Buffer.from(text), "req_1" as RequestId);
}

function sentOf(body: object | string, native: readonly BackendDialect[] = [], build = "m"): string {
  return Buffer.from(
    requestOf(body).form({ dialects: native, systemAnywhere: true, turnsAnywhere: true, vision: true }, build).body,
  ).toString();
}

const ask = (more: object = {}) => ({
  model: "m",
  max_tokens: 50,
  messages: [{ role: "user", content: "hi" }],
  ...more,
});
const chatOf = (more: object = {}) => JSON.parse(sentOf(ask(more))) as Record<string, unknown>;
const messagesOf = (...messages: readonly object[]) => chatOf({ messages })["messages"];

function errorOf(body: object): HearthError {
  try {
    requestOf(body);
  } catch (error) {
    if (error instanceof HearthError) return error;
    throw error;
  }
  throw new Error("no error");
}

it.each<[unknown, string]>([
  [undefined, "{}"],
  [null, "{}"],
  ["", "{}"],
  ['{"a":1}', '{"a":1}'],
  ["not JSON", '{"invalid_json":"not JSON"}'],
])("reads the input of a call that a client did not write as an object: %j", (input, args) => {
  const call = { type: "tool_use", id: "t", name: "f", input };
  const messages = [
    { role: "user", content: "q" },
    { role: "assistant", content: [call] },
  ];
  const [, turn] = messagesOf(...messages) as { readonly tool_calls: object[] }[];
  expect(turn?.tool_calls).toEqual([{ id: "t", type: "function", function: { name: "f", arguments: args } }]);
  expect(requestOf(ask({ messages })).form({ dialects: ["messages"] }, "m").dialect).toBe("chat_completions");
});

it("passes over notes of what Anthropic's servers had", () => {
  const notes = [
    { type: "mcp_tool_listing", mcp_server_name: "s", tools: [] },
    { type: "fallback", from: { model: "a" }, to: { model: "b" } },
  ];
  const [, turn] = messagesOf(
    { role: "user", content: "q" },
    { role: "assistant", content: [...notes, { type: "text", text: "a" }] },
  ) as object[];
  expect(turn).toEqual({ role: "assistant", content: "a" });
});

describe("a request for a backend that chats", () => {
  it("asks for a stream with usage, under the build's own name", () => {
    expect(JSON.parse(sentOf(ask(), [], "m-q4"))).toEqual({
      model: "m-q4",
      messages: [{ role: "user", content: "hi" }],
      max_tokens: 50,
      stream: true,
      stream_options: { include_usage: true },
    });
  });

  it("has its settings in the terms of chat completions", () => {
    expect(
      chatOf({
        stop_sequences: ["END"],
        temperature: 0.5,
        top_p: 0.9,
        top_k: 40,
        output_config: { effort: "max", format: { type: "json_schema", schema: { type: "object" } } },
      }),
    ).toMatchObject({
      stop: ["END"],
      temperature: 0.5,
      top_p: 0.9,
      top_k: 40,
      reasoning_effort: "high",
      response_format: { type: "json_schema", json_schema: { schema: { type: "object" }, strict: true } },
    });
  });

  it("asks llama-server to tell which stop sequence ended the answer, unless a large prompt would come back with it", () => {
    const chatFor = (backend: string, body: object): object =>
      JSON.parse(Buffer.from(requestOf(body).form({ dialects: [], backend }, "m").body).toString());
    const stop = { stop_sequences: ["END"] };
    expect(chatFor("llama-server", ask(stop))).toMatchObject({ stop: ["END"], verbose: true });
    const large = [{ role: "user", content: "x".repeat(1024 * 1024) }];
    expect(chatFor("llama-server", ask({ ...stop, messages: large }))).not.toHaveProperty("verbose");
    expect(chatFor("llama-server", ask({ stop_sequences: [] }))).not.toHaveProperty("verbose");
    expect(chatFor("vllm", ask(stop))).not.toHaveProperty("verbose");
  });

  it("has nothing that tells of the end user, and what Hearth does not know as it was", () => {
    const sent = sentOf(
      '{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"hi"}],"metadata":{"user_id":"u"},' +
        '"service_tier":"auto","thinking":{"type":"adaptive"},"seed":9007199254740993,"min_p":null}',
    );
    expect(sent).toContain('"seed":9007199254740993');
    expect(Object.keys(JSON.parse(sent) as object).sort()).toEqual(
      ["max_tokens", "messages", "model", "seed", "stream", "stream_options"].sort(),
    );
  });

  it("has the system's words first, as one message", () => {
    const blocks = [
      { type: "text", text: "be kind" },
      { type: "text", text: "be brief", cache_control: { type: "ephemeral" } },
    ];
    expect(chatOf({ system: blocks })["messages"]).toEqual([
      { role: "system", content: "be kind\n\nbe brief" },
      { role: "user", content: "hi" },
    ]);
  });

  it("has content of several parts in order, images as data URIs", () => {
    const content = [
      { type: "text", text: "look:" },
      { type: "image", source: { type: "base64", media_type: "image/png", data: PNG } },
      { type: "text", text: "what is it?" },
    ];
    expect(messagesOf({ role: "user", content })).toEqual([
      {
        role: "user",
        content: [
          { type: "text", text: "look:" },
          { type: "image_url", image_url: { url: `data:image/png;base64,${PNG}` } },
          { type: "text", text: "what is it?" },
        ],
      },
    ]);
    expect(requestOf(ask({ messages: [{ role: "user", content }] })).needs).toMatchObject({
      tools: false,
      vision: true,
    });
  });

  it("has documents and search results as text", () => {
    const content = [
      { type: "document", title: "T", source: { type: "text", media_type: "text/plain", data: "body" } },
      { type: "search_result", title: "S", source: "https://s", content: [{ type: "text", text: "found" }] },
    ];
    expect(messagesOf({ role: "user", content })).toEqual([
      {
        role: "user",
        content: [
          { type: "text", text: "T" },
          { type: "text", text: "body" },
          { type: "text", text: "S\nhttps://s\nfound" },
        ],
      },
    ]);
  });
});

describe("tools", () => {
  const tools = [{ name: "f", description: "does f", input_schema: { type: "object", properties: { a: {} } } }];

  it("are functions of a chat, with their schemas as they came", () => {
    expect(chatOf({ tools })["tools"]).toEqual([
      {
        type: "function",
        function: { name: "f", description: "does f", parameters: { type: "object", properties: { a: {} } } },
      },
    ]);
    expect(requestOf(ask({ tools })).needs.tools).toBe(true);
  });

  it.each([
    [{ type: "auto" }, { tool_choice: "auto" }],
    [{ type: "any" }, { tool_choice: "required" }],
    [{ type: "none" }, { tool_choice: "none" }],
    [{ type: "tool", name: "f" }, { tool_choice: { type: "function", function: { name: "f" } } }],
    [
      { type: "any", disable_parallel_tool_use: true },
      { tool_choice: "required", parallel_tool_calls: false },
    ],
  ])("are chosen by %j", (choice, expected) => {
    expect(chatOf({ tools, tool_choice: choice })).toMatchObject(expected);
  });

  it("are asked for natively, but for one call at most by a chat: no backend's Messages keep that", () => {
    const given = [{ name: "f", input_schema: { type: "object" } }];
    const dialectOf = (disable: boolean) =>
      requestOf(ask({ tools: given, tool_choice: { type: "any", disable_parallel_tool_use: disable } })).form(
        { dialects: ["messages"], turnsAnywhere: true },
        "m",
      ).dialect;
    expect([dialectOf(false), dialectOf(true)]).toEqual(["messages", "chat_completions"]);
  });

  it("keep the digits and the order of what they were called with", () => {
    const body =
      '{"model":"m","max_tokens":5,"messages":[{"role":"assistant","content":[' +
      '{"type":"tool_use","id":"t","name":"f","input":{"2":1,"1":9007199254740993}}]}]}';
    const { messages } = JSON.parse(sentOf(body)) as {
      messages: { tool_calls: { function: { arguments: string } }[] }[];
    };
    expect(messages[0]?.tool_calls[0]?.function.arguments).toBe('{"2":1,"1":9007199254740993}');
  });

  it("stand in one message with the thoughts and the text before them", () => {
    const content = [
      { type: "thinking", thinking: "hm", signature: "s" },
      { type: "redacted_thinking", data: "x" },
      { type: "text", text: "let me see" },
      { type: "tool_use", id: "t1", name: "f", input: {} },
      { type: "tool_use", id: "t2", name: "f", input: { a: 1 } },
    ];
    expect(messagesOf({ role: "assistant", content })).toEqual([
      {
        role: "assistant",
        reasoning_content: "hm",
        content: "let me see",
        tool_calls: [
          { id: "t1", type: "function", function: { name: "f", arguments: "{}" } },
          { id: "t2", type: "function", function: { name: "f", arguments: '{"a":1}' } },
        ],
      },
    ]);
  });

  it("have results of text, of blocks and of errors, and what is said beside them comes after", () => {
    const content = [
      { type: "tool_result", tool_use_id: "t1", content: "sunny" },
      { type: "text", text: "and now?" },
      {
        type: "tool_result",
        tool_use_id: "t2",
        content: [
          { type: "text", text: "a" },
          { type: "text", text: "b" },
        ],
      },
      { type: "tool_result", tool_use_id: "t3", content: "no such city", is_error: true },
      { type: "tool_result", tool_use_id: "t4" },
    ];
    expect(messagesOf({ role: "user", content })).toEqual([
      { role: "tool", tool_call_id: "t1", content: "sunny" },
      { role: "tool", tool_call_id: "t2", content: "a\nb" },
      { role: "tool", tool_call_id: "t3", content: "Error: no such city" },
      { role: "tool", tool_call_id: "t4", content: "" },
      { role: "user", content: "and now?" },
    ]);
  });

  it("return images as the user's, behind the results", () => {
    const image = { type: "image", source: { type: "base64", media_type: "image/png", data: PNG } };
    const content = [
      { type: "tool_result", tool_use_id: "t1", content: [image] },
      { type: "tool_result", tool_use_id: "t2", content: "ok" },
    ];
    expect(messagesOf({ role: "user", content }, { role: "assistant", content: "I see" })).toEqual([
      { role: "tool", tool_call_id: "t1", content: "The result is the image that follows." },
      { role: "tool", tool_call_id: "t2", content: "ok" },
      {
        role: "user",
        content: [
          { type: "text", text: "Result of tool call t1:" },
          { type: "image_url", image_url: { url: `data:image/png;base64,${PNG}` } },
        ],
      },
      { role: "assistant", content: "I see" },
    ]);
  });
});

describe("a request for a backend that speaks Messages", () => {
  it("is the consumer's own text, but for the stream, the name and the end user", () => {
    const text =
      '{ "model": "m", "max_tokens": 5, "metadata": {"user_id":"u"}, "top_k": null, "seed": 9007199254740993,\n' +
      '  "messages": [{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"sig=="}]}],\n' +
      '  "tools": [{"name":"f","input_schema":{"type":["object","null"]}}] }';
    expect(sentOf(text, ["messages"], "m-q4")).toBe(
      '{ "model": "m-q4", "max_tokens": 5, "seed": 9007199254740993,\n' +
        '  "messages": [{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"sig=="}]}],\n' +
        '  "tools": [{"name":"f","input_schema":{"type":["object","null"]}}] ,"stream":true}',
    );
    expect(requestOf(text).form({ dialects: ["messages"] }, "m").dialect).toBe("messages");
  });
});

it("has no lines for Anthropic's accounts, which change from request to request", () => {
  const line = "x-anthropic-billing-header: cc_version=2.1.197.1c0; cc_entrypoint=cli; cch=1;";
  const kept = { type: "text", text: "be kind", cache_control: { type: "ephemeral" } };
  const blocks = [{ type: "text", text: line }, kept];
  const told = `about x-anthropic-billing-header: ${line}`;
  for (const [given, chat, native] of [
    [blocks, "be kind", JSON.stringify([kept])],
    [`${line}\n${line}\n\nbe kind`, "be kind", '"be kind"'],
    [[{ type: "text", text: `${line}\nbe kind` }], "be kind", '[{"type":"text","text":"be kind"}]'],
    [told, told, JSON.stringify(told)],
  ] as const) {
    expect(chatOf({ system: given })["messages"]).toEqual([
      { role: "system", content: chat },
      { role: "user", content: "hi" },
    ]);
    expect(sentOf(ask({ system: given }), ["messages"])).toContain(`"system":${native}`);
  }
  expect(chatOf({ system: line })["messages"]).toEqual([{ role: "user", content: "hi" }]);
  expect(sentOf(ask({ system: [{ type: "text", text: line }] }), ["messages"])).not.toContain("system");
});

describe("what the system says in mid-conversation", () => {
  const body = ask({
    system: "s",
    messages: [
      { role: "user", content: "hi" },
      { role: "system", content: "later" },
    ],
  });
  const formFor = (able: Partial<ModelAbilities>) =>
    requestOf(body).form({ dialects: [], turnsAnywhere: true, ...able }, "m");
  const turnsFor = (able: Partial<ModelAbilities>) =>
    (JSON.parse(Buffer.from(formFor(able).body).toString()) as { messages: object[] }).messages.slice(1);

  it("stays in its place where the model takes it there, and is a part of the turn before it elsewhere", () => {
    const inPlace = [
      { role: "user", content: "hi" },
      { role: "system", content: "later" },
    ];
    const marked = [{ role: "user", content: "hi\n\n<system-reminder>\nlater\n</system-reminder>" }];
    expect(turnsFor({ systemAnywhere: true, turnsAnywhere: true })).toEqual(inPlace);
    expect(turnsFor({ systemAnywhere: false })).toEqual(marked);
    expect(turnsFor({})).toEqual(marked);
  });

  it("is a chat's for a backend that speaks Messages, too", () => {
    for (const systemAnywhere of [true, false]) {
      expect(formFor({ dialects: ["messages"], systemAnywhere }).dialect).toBe("chat_completions");
    }
  });

  it("is in a body of many turns of the event loop as it is in a small one", () => {
    const padding = "x".repeat(100_000);
    const large = toMessagesRequest(Buffer.from(JSON.stringify({ ...body, padding })), "req_1" as RequestId);
    for (const systemAnywhere of [true, false]) {
      const { messages } = JSON.parse(
        Buffer.from(large.form({ dialects: [], turnsAnywhere: true, systemAnywhere }, "m").body).toString(),
      );
      expect(messages.slice(1)).toEqual(turnsFor({ systemAnywhere }));
    }
  });
});

it("goes to a backend that speaks Messages as a chat where its turns are no template's", () => {
  const request = requestOf(
    ask({
      messages: [
        { role: "user", content: "a" },
        { role: "user", content: "b" },
      ],
    }),
  );
  expect(request.form({ dialects: ["messages"] }, "m").dialect).toBe("chat_completions");
  expect(request.form({ dialects: ["messages"], systemAnywhere: true, turnsAnywhere: true }, "m").dialect).toBe(
    "messages",
  );
});

describe("what is wished of the model's thoughts", () => {
  const bodyFor = (more: object, backend?: string) =>
    JSON.parse(Buffer.from(requestOf(ask(more)).form({ dialects: [], backend }, "m").body).toString());
  const off = { thinking: { type: "disabled" } };

  it("is in the variables of its template, and in the words of its backend", () => {
    expect(bodyFor(off, "llama-server")).toMatchObject({
      chat_template_kwargs: { enable_thinking: false, thinking: false },
      reasoning_effort: "none",
    });
    expect(bodyFor(off, "vllm")).not.toHaveProperty("reasoning_effort");
    const on = { thinking: { type: "enabled", budget_tokens: 2048 }, output_config: { effort: "xhigh" } };
    expect(bodyFor(on, "llama-server")).toMatchObject({
      chat_template_kwargs: { enable_thinking: true, thinking_budget: 2048, reasoning_effort: "high" },
      reasoning_effort: "high",
      thinking_budget_tokens: 2048,
    });
  });

  it("is nothing where the model is left to think as it does", () => {
    expect(bodyFor({ thinking: { type: "adaptive" } }, "llama-server")).toEqual(bodyFor({}, "llama-server"));
    const asClaudeCode = { thinking: { type: "adaptive" }, output_config: { effort: "high" } };
    expect(bodyFor(asClaudeCode)).toMatchObject({
      reasoning_effort: "high",
      chat_template_kwargs: { reasoning_effort: "high" },
    });
    expect(bodyFor(asClaudeCode)["chat_template_kwargs"]).not.toHaveProperty("enable_thinking");
  });

  it("gives way to what the consumer has set by its name", () => {
    const own = { reasoning_effort: "low", chat_template_kwargs: { thinking: true, other: 1 } };
    expect(bodyFor({ ...off, ...own }, "llama-server")).toMatchObject({
      reasoning_effort: "low",
      chat_template_kwargs: { enable_thinking: false, thinking: true, other: 1 },
    });
  });

  it("reaches a backend that speaks Messages as its template's variables, too", () => {
    expect(JSON.parse(sentOf(ask(off), ["messages"]))).toMatchObject({
      ...off,
      chat_template_kwargs: { enable_thinking: false },
    });
    const own =
      '{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"hi"}],"chat_template_kwargs":{"x":1.0}}';
    expect(sentOf(own, ["messages"])).toContain('"chat_template_kwargs":{"x":1.0}');
    expect(sentOf(own)).toContain('"chat_template_kwargs":{"x":1.0}');
    const wished = own.replace('{"x":1.0}', '{"x":1.0,"y":12345678901234567890},"thinking":{"type":"disabled"}');
    for (const native of [["messages"], []] as const) {
      expect(sentOf(wished, native)).toContain('"enable_thinking":false');
      expect(sentOf(wished, native)).toContain('"x":1.0,"y":12345678901234567890');
    }
  });
});

describe("images that a tool returned", () => {
  const image = { type: "image", source: { type: "base64", media_type: "image/png", data: PNG } };
  const resultOf = (id: string, ...content: readonly object[]) => ({ type: "tool_result", tool_use_id: id, content });
  const called = {
    role: "assistant",
    content: ["a", "b"].map((id) => ({ type: "tool_use", id, name: "f", input: {} })),
  };
  const request = (...content: readonly object[]) => requestOf(ask({ messages: [called, { role: "user", content }] }));
  const turns = (of: MessagesRequest, vision: boolean) =>
    JSON.parse(
      Buffer.from(of.form({ dialects: [], systemAnywhere: true, turnsAnywhere: true, vision }, "m").body).toString(),
    ).messages.slice(1);
  const results = [resultOf("a", { type: "text", text: "saved" }, image), resultOf("b", image)];

  it("are told of in words where the model sees nothing", () => {
    const of = request(...results, { type: "text", text: "go on" });
    expect(of.needs).toMatchObject({ tools: false, vision: true, visionIsOptional: true });
    expect(turns(of, false)).toEqual([
      { role: "tool", tool_call_id: "a", content: "saved\n[An image, which this model cannot see.]" },
      { role: "tool", tool_call_id: "b", content: "[An image, which this model cannot see.]" },
      { role: "user", content: "go on" },
    ]);
    expect(JSON.stringify(turns(of, true))).toContain(PNG);
  });

  it("leave no turn of the user's behind where nothing else was said", () => {
    expect(turns(request(...results), false).map(({ role }: { role: string }) => role)).toEqual(["tool", "tool"]);
  });

  it("are a chat's for a model that sees nothing behind a backend that speaks Messages", () => {
    const of = request(...results);
    const able = { dialects: ["messages"], systemAnywhere: true, turnsAnywhere: true } as const;
    expect(of.form(able, "m").dialect).toBe("chat_completions");
    expect(of.form({ ...able, vision: true }, "m").dialect).toBe("messages");
  });

  it("are needed where the user shows one as well", () => {
    const of = request(...results, image);
    expect(of.needs).toMatchObject({ tools: false, vision: true });
    expect(of.needs).not.toHaveProperty("visionIsOptional");
    expect(JSON.stringify(turns(of, false))).toContain(PNG);
  });
});

describe("a bad request", () => {
  const block = (content: object) => ({ messages: [{ role: "user", content: [content] }] });

  it.each([
    ["max_tokens", { max_tokens: undefined }],
    ["messages", { messages: [] }],
    ["messages[0].role", { messages: [{ role: "tool", content: "x" }] }],
    ["messages[0].content[0].type", block({ type: "video" })],
    ["messages[0].content[0].text", block({ type: "text" })],
    ["messages[0].content[0].source.url", block({ type: "image", source: { type: "url", url: "https://x/a.png" } })],
    ["messages[0].content[0].source.file_id", block({ type: "image", source: { type: "file", file_id: "f" } })],
    ["messages[0].content[0].source.type", block({ type: "image", source: { type: "file" } })],
    [
      "messages[0].content[0].content[0].source.url",
      block({
        type: "tool_result",
        tool_use_id: "t",
        content: [{ type: "image", source: { type: "url", url: "https://x/a.png" } }],
      }),
    ],
    ["messages[0].content[0].source.type", block({ type: "document", source: { type: "file", file_id: null } })],
    [
      "messages[0].content[0].source.media_type",
      block({ type: "document", source: { type: "base64", media_type: "application/zip", data: "x" } }),
    ],
    ["tools[0].input_schema", { tools: [{ name: "f" }] }],
    ["tool_choice.name", { tool_choice: { type: "tool", name: "g" } }],
    ["stop_sequences[0]", { stop_sequences: [7] }],
    ["thread", { thread: { type: "continue", previous_message_id: "msg_1" } }],
    ["mcp_servers", { mcp_servers: [{ url: "https://x" }] }],
  ])("is refused by the name of what is wrong: %s", (param, more) => {
    const error = errorOf(ask(more));
    expect(error.code).toBe("invalid_request");
    expect(error.details.param).toBe(param);
  });

  it("says that images are not fetched", () => {
    const image = { type: "image", source: { type: "url", url: "https://x/a.png" } };
    expect(errorOf(ask(block(image))).message).toContain("data URI");
  });
});

describe("counting", () => {
  it("grows with everything that a model has to read", () => {
    const count = (more: object): number =>
      countTokens(Buffer.from(JSON.stringify({ model: "m", messages: [{ role: "user", content: "hi" }], ...more })))
        .input_tokens;
    const least = count({});
    expect(least).toBeGreaterThan(0);
    expect(count({ system: "word ".repeat(100) })).toBeGreaterThanOrEqual(least + 100);
    expect(count({ tools: [{ name: "f", description: "word ".repeat(100), input_schema: {} }] })).toBeGreaterThan(
      least + 99,
    );
    const used = { type: "tool_use", id: "t", name: "f", input: { text: "word ".repeat(100) } };
    expect(count({ messages: [{ role: "assistant", content: [used] }] })).toBeGreaterThan(least + 90);
  });

  it("asks for no bound of the answer", () => {
    expect(() => countTokens(Buffer.from('{"model":"m"}'))).toThrow(/messages/);
  });
});
