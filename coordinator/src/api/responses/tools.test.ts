import type { RequestId } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import { toResponsesRequest } from "./to-internal.js";

const ask = (more: object = {}): object => ({ model: "m", input: "hi", ...more });
const requestOf = (more: object) => toResponsesRequest(Buffer.from(JSON.stringify(ask(more))), "req_1" as RequestId);

interface SentChat {
  readonly tools?: readonly { readonly function: { readonly name: string; readonly description?: string } }[];
  readonly tool_choice?: unknown;
  readonly messages: readonly object[];
}

function chatOf(more: object): SentChat {
  return JSON.parse(Buffer.from(requestOf(more).form({ dialects: [] }, "m").body).toString()) as SentChat;
}

const namesOf = (more: object): readonly string[] | undefined => chatOf(more).tools?.map((tool) => tool.function.name);
const messagesOf = (input: readonly object[], tools: readonly object[] = []) => chatOf({ input, tools }).messages;

const f = (name: string, more: object = {}): object => ({ type: "function", name, ...more });
const custom = (name: string, more: object = {}): object => ({ type: "custom", name, ...more });
const namespace = (name: string, ...tools: readonly object[]): object => ({
  type: "namespace",
  name,
  description: "About it.",
  tools,
});

describe("a namespace", () => {
  it("is its functions, under names that say whose they are, and its description is told once", () => {
    const parameters = { type: "object", properties: { port: { type: ["string", "null"] } } };
    const tools = [namespace("mcp__sea", f("tide", { description: "When.", parameters, strict: false }), f("wind"))];
    expect(chatOf({ tools }).tools).toEqual([
      {
        type: "function",
        function: { name: "mcp__sea__tide", description: "About it.\n\nWhen.", parameters, strict: false },
      },
      { type: "function", function: { name: "mcp__sea__wind" } },
    ]);
    expect(requestOf({ tools }).ignored).toEqual([]);
    expect(requestOf({ tools }).needs.tools).toBe(true);
  });

  it("has its schemas as they were written, to the last digit", () => {
    const tools = `[{"type":"namespace","name":"n","tools":[{"type":"function","name":"f","parameters":{ "x" : 1.50 }}]}]`;
    const raw = Buffer.from(`{"model":"m","input":"hi","tools":${tools}}`);
    const { body } = toResponsesRequest(raw, "req_1" as RequestId).form({ dialects: [] }, "m");
    expect(Buffer.from(body).toString()).toContain('"parameters":{ "x" : 1.50 }');
  });

  it("does not double what it ends with, and takes no other tool's name", () => {
    expect(namesOf({ tools: [namespace("mcp__sea__", f("tide"))] })).toEqual(["mcp__sea__tide"]);
    expect(namesOf({ tools: [f("a__b"), namespace("a", f("b")), namespace("a__b", f("c"))] })).toEqual([
      "a__b",
      "a__b_2",
      "a__b__c",
    ]);
  });

  it("has no name that is longer than a name may be", () => {
    const [first, second] = namesOf({ tools: [namespace("n".repeat(128), f("a"), f("b"))] }) ?? [];
    expect(first).toHaveLength(128);
    expect(second).toHaveLength(128);
    expect(first).not.toBe(second);
  });

  it("of very many tools, whose names are alike as far as a name may go, has a name for each", () => {
    const many = Array.from({ length: 9_000 }, (_, index) => f(`${index}`));
    const allowed = many.map((tool) => ({ ...tool, namespace: "n".repeat(128) }));
    const input = many.map((_, index) => ({
      ...{ type: "function_call", call_id: `c${index}`, name: `${index}`, arguments: "{}" },
      namespace: "n".repeat(128),
    }));
    const tool_choice = { type: "allowed_tools", mode: "auto", tools: allowed };
    const { tools, needs } = requestOf({ input, tools: [namespace("n".repeat(128), ...many)], tool_choice });
    expect(needs.tools).toBe(true);
    expect(new Set(tools.functions.map((each) => JSON.stringify(each))).size).toBe(9_000);
  });

  it("that is empty is no tool", () => {
    expect(chatOf({ tools: [namespace("n")] })).not.toHaveProperty("tools");
    expect(requestOf({ tools: [namespace("n")] }).needs.tools).toBe(false);
  });
});

describe("a custom tool", () => {
  it("is a function of one text, which is told of its grammar", () => {
    const format = { type: "grammar", syntax: "lark", definition: 'start: "x"' };
    const [tool] = chatOf({ tools: [custom("apply_patch", { description: "Edits.", format })] }).tools ?? [];
    expect(tool).toMatchObject({
      type: "function",
      function: {
        name: "apply_patch",
        parameters: { type: "object", properties: { input: { type: "string" } }, required: ["input"] },
      },
    });
    expect(tool?.function.description).toMatch(/^Edits\..*JSON.*lark.*start: "x"$/s);
  });
});

describe("tools that a client runs by itself", () => {
  it("are functions of their own kind", () => {
    const parameters = { type: "object", properties: { query: { type: "string" } } };
    const tools = [
      { type: "local_shell" },
      { type: "shell" },
      { type: "apply_patch" },
      { type: "tool_search", execution: "client", description: "Finds.", parameters },
    ];
    expect(chatOf({ tools }).tools).toMatchObject([
      { function: { name: "local_shell", parameters: { required: ["command"] } } },
      { function: { name: "shell", parameters: { required: ["commands"] } } },
      { function: { name: "apply_patch", parameters: { required: ["type", "path"] } } },
      { function: { name: "tool_search", description: "Finds.", parameters } },
    ]);
    expect(requestOf({ tools }).ignored).toEqual([]);
  });

  it("are told apart from functions of the same name", () => {
    const input = [
      { type: "shell_call", call_id: "s", action: { commands: ["ls"] } },
      { type: "apply_patch_call", call_id: "p", operation: { type: "delete_file", path: "x" } },
    ];
    const tools = [f("shell"), { type: "shell" }, custom("apply_patch"), { type: "apply_patch" }];
    expect(namesOf({ tools })).toEqual(["shell", "shell_2", "apply_patch", "apply_patch_2"]);
    expect(messagesOf(input, tools)[0]).toMatchObject({
      tool_calls: [{ function: { name: "shell_2" } }, { function: { name: "apply_patch_2" } }],
    });
  });

  it("are told with what the machine has instructions for", () => {
    const skills = [{ name: "tides", description: "When the water is high.", path: "/skills/tides" }];
    const [tool] = chatOf({ tools: [{ type: "shell", environment: { type: "local", skills } }] }).tools ?? [];
    expect(tool?.function.description).toMatch(/\n- tides: When the water is high\.: \/skills\/tides$/);
  });

  it("may be loaded in the course of the conversation, and once is enough", () => {
    const search = { type: "tool_search", execution: "client" };
    const found = {
      type: "tool_search_output",
      call_id: "c1",
      tools: [namespace("mcp__sea", f("tide", { defer_loading: true }))],
    };
    const input = [
      { role: "user", content: "when?" },
      { type: "tool_search_call", call_id: "c1", execution: "client", arguments: { query: "tides" } },
      found,
      { ...found, call_id: "c2" },
      { type: "additional_tools", role: "developer", tools: [custom("note")] },
    ];
    expect(namesOf({ input, tools: [search] })).toEqual(["tool_search", "mcp__sea__tide", "note"]);
    expect(messagesOf(input, [search]).slice(1, 3)).toEqual([
      {
        role: "assistant",
        content: null,
        tool_calls: [{ id: "c1", type: "function", function: { name: "tool_search", arguments: '{"query":"tides"}' } }],
      },
      { role: "tool", tool_call_id: "c1", content: "Tools that can be called now: mcp__sea__tide" },
    ]);
  });
});

describe("tools that run on OpenAI's servers", () => {
  const hosted = ["web_search", "image_generation", "file_search", "code_interpreter", "computer_use_preview", "new"];

  it("are left out by name, those among them that no one has heard of yet", () => {
    const tools = [f("f"), ...hosted.map((type) => ({ type })), { type: "web_search", filters: {} }];
    expect(namesOf({ tools })).toEqual(["f"]);
    expect(new Set(requestOf({ tools }).ignored)).toEqual(new Set(hosted));
  });

  it("are never asked of a backend, the addresses of their servers included", () => {
    const tools = [{ type: "mcp", server_label: "s", server_url: "https://example.com/mcp" }, f("f")];
    const { form, ignored } = requestOf({ tools });
    const { dialect, body } = form({ dialects: ["responses", "chat_completions"] }, "m");
    expect(dialect).toBe("chat_completions");
    expect(Buffer.from(body).toString()).not.toContain("example.com");
    expect(ignored).toEqual(["mcp"]);
  });

  it("are left out, too, where they are a shell in a container", () => {
    for (const environment of [
      { type: "container_auto", skills: [{ type: "skill_reference", skill_id: "s" }] },
      { type: "container_reference", container_id: "c" },
    ]) {
      const tools = [f("f"), { type: "shell", environment }];
      expect(namesOf({ tools })).toEqual(["f"]);
      expect(requestOf({ tools }).ignored).toEqual(["shell"]);
    }
  });

  it("and a search of theirs leave every tool to be called at once", () => {
    const tools = [{ type: "tool_search" }, f("f", { defer_loading: true })];
    expect(namesOf({ tools })).toEqual(["f"]);
    expect(requestOf({ tools }).ignored).toEqual(["tool_search"]);
  });

  it("leave no choice behind where nothing else was offered", () => {
    const chat = chatOf({ tools: [{ type: "web_search" }], tool_choice: "auto", parallel_tool_calls: true });
    expect(Object.keys(chat).sort()).toEqual(["messages", "model", "stream", "stream_options"]);
  });
});

describe("a choice", () => {
  const tools = [
    f("f"),
    custom("patch"),
    namespace("n", f("g")),
    { type: "local_shell" },
    { type: "shell" },
    { type: "web_search" },
  ];
  const chosen = (name: string) => ({ type: "function", function: { name } });

  it.each([
    [{ type: "function", name: "f" }, "f"],
    [{ type: "custom", name: "patch" }, "patch"],
    [{ type: "function", name: "g", namespace: "n" }, "n__g"],
    [{ type: "function", name: "g" }, "n__g"],
    [{ type: "local_shell" }, "local_shell"],
    [{ type: "shell" }, "shell"],
  ])("%j is a choice of the function that stands for it", (choice, name) => {
    expect(chatOf({ tools, tool_choice: choice }).tool_choice).toEqual(chosen(name));
  });

  it("of some leaves the others out", () => {
    const allowed = [{ type: "custom", name: "patch" }, { type: "web_search" }, { type: "namespace", name: "n" }];
    const choice = { type: "allowed_tools", mode: "required", tools: allowed };
    expect(chatOf({ tools, tool_choice: choice })).toMatchObject({ tool_choice: "required" });
    expect(namesOf({ tools, tool_choice: choice })).toEqual(["patch", "n__g"]);
  });
});

describe("the items of a conversation", () => {
  const call = (id: string, name: string, args: string) => ({
    role: "assistant",
    content: null,
    tool_calls: [{ id, type: "function", function: { name, arguments: args } }],
  });

  it.each<[string, readonly object[], readonly object[]]>([
    [
      "a custom tool's call",
      [
        { type: "custom_tool_call", call_id: "c", name: "patch", input: 'a\n"b"', status: "completed" },
        { type: "custom_tool_call_output", call_id: "c", output: [{ type: "input_text", text: "done" }] },
      ],
      [call("c", "patch", '{"input":"a\\n\\"b\\""}'), { role: "tool", tool_call_id: "c", content: "done" }],
    ],
    [
      "a call of a namespace that is gone",
      [
        { type: "function_call", call_id: "c", namespace: "mcp__x", name: "f", arguments: "{}" },
        { type: "function_call_output", call_id: "c", output: "1" },
      ],
      [call("c", "mcp__x__f", "{}"), { role: "tool", tool_call_id: "c", content: "1" }],
    ],
    [
      "a command",
      [
        { type: "local_shell_call", id: "l", call_id: null, action: { type: "exec", command: ["ls"], user: null } },
        { type: "local_shell_call_output", id: "l", output: "a" },
      ],
      [call("l", "local_shell", '{"command":["ls"]}'), { role: "tool", tool_call_id: "l", content: "a" }],
    ],
    [
      "commands and patches of newer tools",
      [
        { type: "shell_call", call_id: "s", action: { commands: ["ls"], timeout_ms: null } },
        {
          type: "shell_call_output",
          call_id: "s",
          output: [
            { stdout: "a\n", stderr: "b", outcome: { type: "exit", exit_code: 0 } },
            { stdout: "", stderr: "", outcome: { type: "exit", exit_code: 2 } },
            { stdout: "c", stderr: "", outcome: { type: "timeout" } },
          ],
        },
        { type: "apply_patch_call", call_id: "p", operation: { type: "delete_file", path: "x" }, status: "completed" },
        { type: "apply_patch_call_output", call_id: "p", status: "failed", output: "no such file" },
      ],
      [
        call("s", "shell", '{"commands":["ls"]}'),
        { role: "tool", tool_call_id: "s", content: "a\nb\nexit code 2\nc\ntimed out" },
        call("p", "apply_patch", '{"type":"delete_file","path":"x"}'),
        { role: "tool", tool_call_id: "p", content: "Error: no such file" },
      ],
    ],
    [
      "what ran at OpenAI, with what came of it",
      [
        { type: "mcp_call", id: "m", server_label: "sea", name: "tide", arguments: "{}", output: "12:34", error: null },
        { type: "code_interpreter_call", id: "i", code: "1+1", outputs: [{ type: "logs", logs: "2" }] },
        { type: "file_search_call", id: "s", queries: ["q"], results: [{ filename: "a.txt", text: "found" }] },
      ],
      [
        call("m", "sea__tide", "{}"),
        { role: "tool", tool_call_id: "m", content: "12:34" },
        call("i", "code_interpreter", '{"code":"1+1"}'),
        { role: "tool", tool_call_id: "i", content: "2" },
        call("s", "file_search", '{"queries":["q"]}'),
        { role: "tool", tool_call_id: "s", content: "a.txt\nfound" },
      ],
    ],
    [
      "notes that tell nothing",
      [
        { type: "web_search_call", id: "w", status: "completed", action: { type: "search", query: "q" } },
        { type: "image_generation_call", id: "g", status: "completed", result: "aGk=" },
        { type: "file_search_call", id: "s", queries: ["q"], results: null },
        { type: "mcp_list_tools", id: "t", server_label: "sea", tools: [] },
        { type: "tool_search_call", call_id: null, execution: "server", arguments: {} },
        { type: "tool_search_output", call_id: null, execution: "server", tools: [] },
      ],
      [],
    ],
  ])("are read: %s", (_, items, messages) => {
    expect(messagesOf([{ role: "user", content: "hi" }, ...items])).toEqual([
      { role: "user", content: "hi" },
      ...messages,
    ]);
  });

  it("are read: what agents tell each other, if it can be", () => {
    const said = (encrypted_content: string) => [
      {
        type: "agent_message",
        author: "/root",
        recipient: "/root/sub",
        content: [
          { type: "input_text", text: "Payload:\n" },
          { type: "encrypted_content", encrypted_content },
        ],
      },
    ];
    expect(messagesOf(said("do a thing"))).toEqual([{ role: "user", content: "Payload:\ndo a thing" }]);
    expect(requestOf({ input: said("do a thing") }).ignored).toEqual([]);
    const token = `gAAAAABl${"x".repeat(60)}==`;
    expect(messagesOf(said(token))).toEqual([{ role: "user", content: "Payload:\n" }]);
    expect(requestOf({ input: said(token) }).ignored).toEqual(["agent_message"]);
  });

  it("are read: a summary of what went before, if it can be", () => {
    const packed = `hearth1.${Buffer.from("We met.").toString("base64url")}`;
    for (const type of ["compaction", "compaction_summary", "context_compaction"]) {
      const input = [
        { type, encrypted_content: packed },
        { role: "user", content: "hi" },
      ];
      expect(messagesOf(input)[0]).toMatchObject({ role: "user", content: expect.stringContaining("We met.") });
      expect(requestOf({ input }).ignored).toEqual([]);
    }
    const input = [
      { type: "compaction", encrypted_content: "gAAAA" },
      { role: "user", content: "hi" },
    ];
    expect(messagesOf(input)).toEqual([{ role: "user", content: "hi" }]);
    expect(requestOf({ input }).ignored).toEqual(["compaction"]);
  });
});

describe("what only OpenAI's own servers know", () => {
  it.each<[string, object]>([
    ["a namespace", { tools: [namespace("n", f("g"))] }],
    ["a custom tool", { tools: [custom("patch")] }],
    ["a hosted tool", { tools: [f("f"), { type: "web_search" }] }],
    ["an item", { input: [{ type: "custom_tool_call", call_id: "c", name: "p", input: "x" }] }],
    [
      "a call in a namespace",
      { input: [{ type: "function_call", call_id: "c", namespace: "n", name: "f", arguments: "{}" }] },
    ],
  ])("is translated for backends that speak Responses, too: %s", (_, more) => {
    expect(requestOf(more).form({ dialects: ["responses", "chat_completions"] }, "m").dialect).toBe("chat_completions");
  });

  it("is nothing in plain functions and their results, which those get as they are", () => {
    const input = [
      { type: "function_call", call_id: "c", name: "f", arguments: "{}" },
      { type: "function_call_output", call_id: "c", output: "1" },
    ];
    expect(requestOf({ input, tools: [f("f")] }).form({ dialects: ["responses"] }, "m").dialect).toBe("responses");
  });

  it("and asks for more than an answer is named", () => {
    const more = { context_management: [{ type: "compaction" }], prompt_cache_retention: "24h", moderation: null };
    expect(requestOf(more).ignored).toEqual(["context_management", "prompt_cache_retention"]);
  });
});
