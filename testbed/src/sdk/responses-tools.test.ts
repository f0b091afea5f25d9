import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import type OpenAI from "openai";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { responsesProblems } from "../../../coordinator/src/testing/responses-grammar.js";
import type { Script } from "../scripted/scripted-provider.js";
import { API_KEY } from "../scripted/test-coordinator.js";
import { callTools, delta, messagesOf } from "./chat-backend.js";
import { client, hearth, openAiForEach } from "./openai-for-each.js";

openAiForEach();

type Params = OpenAI.Responses.ResponseCreateParamsNonStreaming;

const ask = (more: object = {}): Params => ({ model: "m", input: "hi", ...more });

/** What a coding agent offers, as OpenAI's own does. */
const tools: OpenAI.Responses.Tool[] = [
  { type: "function", name: "shell", strict: false, parameters: { type: "object", properties: {} } },
  {
    type: "custom",
    name: "apply_patch",
    description: "Edits files.",
    format: { type: "grammar", syntax: "lark", definition: 'start: "x"' },
  },
  {
    type: "namespace",
    name: "mcp__sea",
    description: "The sea.",
    tools: [
      { type: "function", name: "tide", parameters: { type: "object", properties: { port: { type: "string" } } } },
    ],
  },
  { type: "local_shell" },
  { type: "tool_search", execution: "client", description: "Finds tools." },
  { type: "web_search" },
  { type: "mcp", server_label: "x", server_url: "https://example.com/mcp" },
];

/** A model that calls one of each, then says what it was told. */
const agentModel: Script = (s) => {
  const results = messagesOf(s).filter((message) => message.role === "tool");
  if (results.length > 0) return s.answer(results.map((message) => message.content).join(" | "));
  callTools(s, [
    { id: "c1", name: "apply_patch", pieces: ['{"input":"*** Begin', '\\n"}'] },
    { id: "c2", name: "mcp__sea__tide", pieces: ['{"port":', '"Brest"}'] },
    { id: "c3", name: "local_shell", pieces: ['{"command":["ls"]}'] },
    { id: "c4", name: "tool_search", pieces: ['{"query":"wind"}'] },
  ]);
};

const CALLED = [
  { type: "custom_tool_call", call_id: "c1", name: "apply_patch", input: "*** Begin\n" },
  { type: "function_call", call_id: "c2", name: "tide", namespace: "mcp__sea", arguments: '{"port":"Brest"}' },
  { type: "local_shell_call", call_id: "c3", action: { type: "exec", command: ["ls"] } },
  { type: "tool_search_call", call_id: "c4", execution: "client", arguments: { query: "wind" } },
];

describe("the tools of a coding agent", () => {
  it("are functions to the model, and their calls come back as what they are, streamed and whole", async () => {
    const provider = await hearth.provider(agentModel);
    const whole = await client.responses.create(ask({ tools }));
    expect(whole.output).toMatchObject(CALLED);
    const events: OpenAI.Responses.ResponseStreamEvent[] = [];
    const stream = await client.responses.create({ ...ask({ tools }), stream: true });
    for await (const event of stream) events.push(event);
    expect(responsesProblems(events as never)).toEqual([]);
    expect(events.at(-1)).toMatchObject({ type: "response.completed", response: { output: CALLED } });
    const functions = provider.streams[0]?.body["tools"] as { readonly function: { readonly name: string } }[];
    expect(functions.map((tool) => tool.function.name)).toEqual([
      "shell",
      "apply_patch",
      "mcp__sea__tide",
      "local_shell",
      "tool_search",
    ]);
  });

  it("make a round trip, the output sent back as it came, and one that was found is called next", async () => {
    const provider = await hearth.provider(agentModel);
    const first = await client.responses.create(ask({ tools }));
    const wind = { type: "namespace", name: "mcp__sky", description: "", tools: [{ type: "function", name: "wind" }] };
    const input = [
      { role: "user", content: "go" },
      ...first.output,
      { type: "custom_tool_call_output", call_id: "c1", output: "patched" },
      { type: "function_call_output", call_id: "c2", output: "12:34" },
      { type: "local_shell_call_output", id: "c3", call_id: "c3", output: "a.txt" },
      { type: "tool_search_output", call_id: "c4", execution: "client", status: "completed", tools: [wind] },
    ];
    const second = await client.responses.create(ask({ input, tools }));
    expect(second.output_text).toBe("patched | 12:34 | a.txt | Tools that can be called now: mcp__sky__wind");
    const sent = provider.streams[1]?.body as Record<string, { readonly function?: { readonly name: string } }[]>;
    expect(sent["tools"]?.at(-1)?.function?.name).toBe("mcp__sky__wind");
    expect(messagesOf(provider.streams[1]!)[1]).toMatchObject({
      role: "assistant",
      tool_calls: [
        { id: "c1", function: { name: "apply_patch", arguments: '{"input":"*** Begin\\n"}' } },
        { id: "c2", function: { name: "mcp__sea__tide" } },
        { id: "c3", function: { name: "local_shell" } },
        { id: "c4", function: { name: "tool_search" } },
      ],
    });
  });

  it("that would run at OpenAI are named in a header, streamed and whole, and nothing else is", async () => {
    await hearth.provider((s) => s.answer("hi"));
    for (const stream of [true, false]) {
      const { response } = await client.responses.create({ ...ask({ tools }), stream }).withResponse();
      expect(response.headers.get("x-hearth-ignored")).toBe("web_search, mcp");
    }
    const { response } = await client.responses.create(ask({ tools: tools.slice(0, 5) })).withResponse();
    expect(response.headers.get("x-hearth-ignored")).toBeNull();
  });

  it("that would run at OpenAI are refused where one of them must be called", async () => {
    const choice = client.responses.create(ask({ tools, tool_choice: { type: "web_search_preview" } }));
    await expect(choice).rejects.toMatchObject({ status: 400, param: "tool_choice" });
  });
});

it("a conversation is compacted for a client that asks for it, and goes on from the notes", async () => {
  const provider = await hearth.provider((s) => s.answer("The user ", "likes tea."));
  const input = [{ role: "user", content: "I like tea." }, { type: "compaction_trigger" }];
  const { output } = await client.responses.create(ask({ input, tools }));
  expect(output).toMatchObject([{ type: "compaction", encrypted_content: expect.any(String) }]);
  await client.responses.create(ask({ input: [...output, { role: "user", content: "What do I like?" }] }));
  expect(JSON.stringify(messagesOf(provider.streams[1]!))).toContain("The user likes tea.");
});

it("a custom tool's call that breaks off is told as far as it had come", async () => {
  await hearth.provider((s) => {
    s.role();
    const call = { index: 0, id: "c", type: "function", function: { name: "apply_patch", arguments: '{"input":"ab' } };
    delta(s, { tool_calls: [call] });
    s.error();
  });
  const events: OpenAI.Responses.ResponseStreamEvent[] = [];
  for await (const event of await client.responses.create({ ...ask({ tools }), stream: true })) events.push(event);
  expect(events.at(-1)).toMatchObject({
    type: "response.failed",
    response: { output: [{ type: "custom_tool_call", name: "apply_patch", input: "ab", status: "incomplete" }] },
  });
});

describe("the count of an input's tokens", () => {
  const count = async (more: object): Promise<number> => {
    const counted = await client.responses.inputTokens.count({ model: "m", ...more });
    expect(counted).toEqual({ object: "response.input_tokens", input_tokens: expect.any(Number) });
    return counted.input_tokens;
  };

  it("has OpenAI's form and grows with all that a model reads, with no machine there to ask", async () => {
    const text = "All work and no play makes Jack a dull boy. ";
    const short = await count({ input: text });
    const long = await count({ input: text.repeat(100) });
    expect(short).toBeGreaterThan(5);
    expect(long / short).toBeGreaterThan(20);
    expect(await count({ input: text, instructions: text.repeat(10) })).toBeGreaterThan(short * 3);
    expect(await count({ input: text, tools: tools.slice(0, 5) })).toBeGreaterThan(short + 50);
    expect(await count({ input: text, tools: tools.slice(5) })).toBe(short);
    expect(await count({})).toBeLessThan(short);
  });

  it("is refused as a request is", async () => {
    const input = [{ type: "message", role: "user", content: [{ type: "input_image", image_url: "https://x/a.png" }] }];
    await expect(count({ input })).rejects.toMatchObject({ status: 400, param: "input[0].content[0].image_url" });
    await expect(count({ input: 1 })).rejects.toMatchObject({ status: 400, param: "input" });
    const answer = await fetch(`${hearth.url}/v1/responses/input_tokens`, {
      headers: { authorization: `Bearer ${API_KEY}` },
    });
    expect(answer.status).toBe(405);
    const stranger = await fetch(`${hearth.url}/v1/responses/input_tokens`, { method: "POST", body: "{}" });
    expect(stranger.status).toBe(401);
  });
});

it("a WebSocket is told to use HTTP, by the status that clients fall back for at once", async () => {
  const socket = new WebSocket(`${hearth.url.replace("http", "ws")}/v1/responses`, {
    headers: { authorization: `Bearer ${API_KEY}` },
  });
  const [, response] = (await once(socket, "unexpected-response")) as [unknown, IncomingMessage];
  expect(response.statusCode).toBe(426);
  let text = "";
  for await (const chunk of response) text += chunk;
  expect(JSON.parse(text)).toMatchObject({ error: { code: "websocket_unsupported" } });
});
