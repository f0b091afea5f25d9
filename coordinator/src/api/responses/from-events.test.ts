import type { ChatChunk, NamedEvent, ToolCallDelta } from "@hearth/dialects";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anySayings, chunksOf, type Saying, saidIn, sensibleSayings } from "../../testing/chat-answers.js";
import { responsesProblems } from "../../testing/responses-grammar.js";
import { BodyText } from "../json/body-text.js";
import { toConversation } from "./conversation-items.js";
import { ResponsesTranslator } from "./from-events.js";
import type { ReasoningStyle } from "./output-items.js";
import { parseCreateResponse } from "./parse.js";
import { newResponse } from "./response-object.js";
import { ToolSet } from "./tools.js";

const { body } = parseCreateResponse({ model: "m", input: "hi" });
const RESPONSE = newResponse(body, "resp_1", 1000);
const USAGE = { prompt_tokens: 10, completion_tokens: 4, cached_tokens: 6 };
const PLAIN: ReasoningStyle = { summary: "too", packed: false };

const toolsOf = (...tools: readonly object[]): ToolSet => {
  const parsed = parseCreateResponse({ model: "m", input: "hi", tools });
  return new ToolSet(parsed.body, parsed.input, new BodyText("{}"));
};
const NO_TOOLS = toolsOf();

function eventsOf(chunks: readonly ChatChunk[], style: ReasoningStyle = PLAIN, tools = NO_TOOLS): NamedEvent[] {
  const translator = new ResponsesTranslator(RESPONSE, { style, tools }, () => 1001);
  return [...chunks.flatMap((chunk) => translator.next(chunk)), ...translator.end(USAGE)];
}

type Item = Readonly<Record<string, unknown>> & { readonly type: string };

interface Whole {
  readonly output: readonly Item[];
  readonly [member: string]: unknown;
}

const wholeOf = (events: readonly NamedEvent[]): Whole => events.at(-1)?.["response"] as Whole;
const say = (...sayings: readonly Saying[]): ChatChunk[] => chunksOf(sayings, 1);
const anyStyle = fc.record({ summary: fc.constantFrom("only" as const, "too" as const), packed: fc.boolean() });

/** All that the deltas of one type say. */
function deltasOf(events: readonly NamedEvent[], ...types: readonly string[]): string {
  return events.flatMap((event) => (types.includes(event.type) ? [event["delta"]] : [])).join("");
}

describe("the events of a response", () => {
  it("keep the grammar and every byte, for any interleaving and chunking", () => {
    fc.assert(
      fc.property(anySayings, fc.integer({ min: 1, max: 4 }), anyStyle, (sayings, together, style) => {
        const events = eventsOf(chunksOf(sayings, together), style);
        expect(responsesProblems(events)).toEqual([]);
        const said = saidIn(sayings);
        expect(deltasOf(events, "response.output_text.delta")).toBe(said.text);
        expect(deltasOf(events, "response.refusal.delta")).toBe(said.refusal);
        expect(deltasOf(events, "response.reasoning_summary_text.delta")).toBe(said.reasoning);
        const open = style.summary === "too" ? said.reasoning : "";
        expect(deltasOf(events, "response.reasoning_text.delta")).toBe(open);
        const calls = wholeOf(events).output.filter((item) => item.type === "function_call");
        expect(calls.map(({ call_id: id, name, arguments: args }) => ({ id, name, arguments: args }))).toEqual(
          said.calls.map((call) => ({
            ...call,
            arguments: call.arguments.trim() === "" ? `${call.arguments}{}` : call.arguments,
          })),
        );
      }),
      { numRuns: 300 },
    );
  });

  it("repeat what was asked for, from the first to the last", () => {
    const asked = parseCreateResponse({
      model: "m",
      input: "hi",
      instructions: "be kind",
      metadata: { a: "b" },
      max_output_tokens: 20,
      tools: [{ type: "function", name: "f" }],
    });
    const translator = new ResponsesTranslator(
      newResponse(asked.body, "resp_1", 1000),
      { style: PLAIN, tools: NO_TOOLS },
      () => 1001,
    );
    const events = [...translator.next(say({ kind: "text", text: "hi" })[1]!), ...translator.end(USAGE)];
    for (const event of [events[0], events.at(-1)]) {
      expect(event?.["response"]).toMatchObject({
        id: "resp_1",
        created_at: 1000,
        model: "m",
        instructions: "be kind",
        metadata: { a: "b" },
        max_output_tokens: 20,
        tools: [{ name: "f", description: null, parameters: null, strict: null }],
        store: false,
      });
    }
  });

  const source = (end_index: number, more: object = {}): object => ({
    type: "url_citation",
    url_citation: { url: "https://a.test", title: "A", start_index: 0, end_index, ...more },
  });
  const cited = (annotations: readonly unknown[], content = ""): ChatChunk => ({
    choices: [{ index: 0, delta: { content, annotations } }],
  });
  const url = { type: "url_citation", url: "https://a.test", title: "A", start_index: 0 };

  it("tell where a text is from, each source once and behind what it is of", () => {
    const later = cited([source(9, { title: null })]);
    const events = eventsOf([cited([source(2), { type: "file", file: {} }, 7], "ab"), later]);
    expect(responsesProblems(events)).toEqual([]);
    const added = events.filter((event) => event.type === "response.output_text.annotation.added");
    const annotations = [
      { ...url, end_index: 2 },
      { ...url, title: "", end_index: 9 },
    ];
    expect(added.map((event) => [event["annotation_index"], event["annotation"]])).toEqual([...annotations.entries()]);
    expect(wholeOf(events).output).toMatchObject([{ content: [{ text: "ab", annotations }] }]);
  });

  it("tell so of a text that waits for a call, too", () => {
    const events = eventsOf([
      ...say({ kind: "call", call: 0, text: "{}" }),
      cited([source(1)], "x"),
      cited([source(2)]),
    ]);
    expect(responsesProblems(events)).toEqual([]);
    expect(wholeOf(events).output.at(-1)).toMatchObject({
      content: [
        {
          text: "x",
          annotations: [
            { ...url, end_index: 1 },
            { ...url, end_index: 2 },
          ],
        },
      ],
    });
  });

  it("end with the usage", () => {
    expect(wholeOf(eventsOf(say({ kind: "text", text: "hi" })))).toMatchObject({
      status: "completed",
      completed_at: 1001,
      usage: {
        input_tokens: 10,
        input_tokens_details: { cached_tokens: 6 },
        output_tokens: 4,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens: 14,
      },
    });
  });

  it("are a valid response even where nothing was said", () => {
    const events = eventsOf([]);
    expect(responsesProblems(events)).toEqual([]);
    expect(wholeOf(events)).toMatchObject({ status: "completed", output: [] });
  });

  it("carry the log probabilities with the text that they are of", () => {
    const logprob = { token: "hi", logprob: -0.1, bytes: [104, 105], top_logprobs: [] };
    const events = eventsOf([
      { choices: [{ index: 0, delta: { content: "hi" }, logprobs: { content: [logprob] }, finish_reason: "stop" }] },
    ]);
    const delta = events.find((event) => event.type === "response.output_text.delta");
    expect(delta?.["logprobs"]).toEqual([logprob]);
    expect(wholeOf(events).output[0]).toMatchObject({ content: [{ logprobs: [logprob] }] });
  });
});

describe("an answer that was cut off", () => {
  const cut = eventsOf(
    chunksOf(
      [
        { kind: "text", text: "well" },
        { kind: "call", call: 0, text: '{"a' },
      ],
      1,
      "length",
    ),
  );

  it("is incomplete, and so is its last item", () => {
    expect(responsesProblems(cut)).toEqual([]);
    expect(cut.at(-1)?.type).toBe("response.incomplete");
    expect(wholeOf(cut)).toMatchObject({
      incomplete_details: { reason: "max_output_tokens" },
      completed_at: null,
      output: [{ status: "completed" }, { status: "incomplete" }],
    });
  });

  it("names a filter where that was the reason", () => {
    const filtered = eventsOf(chunksOf([{ kind: "text", text: "w" }], 1, "content_filter"));
    expect(wholeOf(filtered)).toMatchObject({ incomplete_details: { reason: "content_filter" } });
  });
});

describe("a call of a tool that is no function", () => {
  const tools = toolsOf(
    { type: "custom", name: "patch" },
    {
      type: "namespace",
      name: "mcp__sea",
      tools: [
        { type: "function", name: "tide" },
        { type: "custom", name: "log" },
      ],
    },
    { type: "local_shell" },
    { type: "shell" },
    { type: "apply_patch" },
    { type: "tool_search", execution: "client" },
  );
  const called = (name: string, ...pieces: readonly string[]): NamedEvent[] => {
    const call = (delta: ToolCallDelta): ChatChunk => ({ choices: [{ index: 0, delta: { tool_calls: [delta] } }] });
    const first = call({ index: 0, id: "call_1", type: "function", function: { name, arguments: "" } });
    const more = pieces.map((piece) => call({ index: 0, function: { arguments: piece } }));
    const last: ChatChunk = { choices: [{ index: 0, delta: {}, finish_reason: "tool_calls" }] };
    const events = eventsOf([first, ...more, last], PLAIN, tools);
    expect(responsesProblems(events)).toEqual([]);
    return events;
  };
  const itemOf = (events: readonly NamedEvent[]): unknown => wholeOf(events).output[0];

  it("is told with its text, which streams as it is written", () => {
    const events = called("patch", '{"inp', 'ut": "*** Be', "gin\\", "n+\\u00", 'e9"', "}");
    const deltas = events.filter(({ type }) => type === "response.custom_tool_call_input.delta");
    expect(deltas.map(({ delta }) => delta)).toEqual(["*** Be", "gin", "\n+", "é"]);
    expect(itemOf(events)).toMatchObject({
      type: "custom_tool_call",
      call_id: "call_1",
      name: "patch",
      input: "*** Begin\n+é",
      status: "completed",
    });
    expect(itemOf(events)).not.toHaveProperty("namespace");
  });

  it("is told with its namespace", () => {
    expect(itemOf(called("mcp__sea__tide", '{"port":1}'))).toMatchObject({
      type: "function_call",
      name: "tide",
      namespace: "mcp__sea",
      arguments: '{"port":1}',
    });
    expect(itemOf(called("mcp__sea__log", '{"input":"x"}'))).toMatchObject({
      type: "custom_tool_call",
      name: "log",
      namespace: "mcp__sea",
      input: "x",
    });
  });

  it.each([
    [
      '{"command":["ls","-l"],"timeout_ms":5.4,"env":{"A":"b"}}',
      { command: ["ls", "-l"], timeout_ms: 5, env: { A: "b" } },
    ],
    [
      '{"command":"ls -l","env":["A"],"working_directory":"/x"}',
      { command: ["bash", "-lc", "ls -l"], env: {}, working_directory: "/x" },
    ],
    ["ls", { command: [], env: {}, timeout_ms: null, user: null }],
  ])("is told as a command: %s", (args, action) => {
    expect(itemOf(called("local_shell", args))).toMatchObject({
      type: "local_shell_call",
      call_id: "call_1",
      status: "completed",
      action: { type: "exec", ...action },
    });
  });

  it.each([
    [
      '{"commands":["ls","pwd"],"timeout_ms":5.4,"max_output_length":99}',
      { commands: ["ls", "pwd"], timeout_ms: 5, max_output_length: 99 },
    ],
    ['{"commands":"ls -l"}', { commands: ["ls -l"], timeout_ms: null, max_output_length: null }],
    ['{"command":"ls -l","timeout_ms":"5"}', { commands: ["ls -l"], timeout_ms: null, max_output_length: null }],
    ["ls", { commands: [], timeout_ms: null, max_output_length: null }],
  ])("is told as commands of a shell: %s", (args, action) => {
    expect(itemOf(called("shell", args))).toMatchObject({
      type: "shell_call",
      call_id: "call_1",
      status: "completed",
      environment: { type: "local" },
      action,
    });
  });

  it.each([
    ['{"type":"create_file","path":"a","diff":"+x"}', { type: "create_file", path: "a", diff: "+x" }],
    ['{"type":"delete_file","path":"a","diff":""}', { type: "delete_file", path: "a" }],
    ['{"type":"rewrite","path":"a","diff":1}', { type: "update_file", path: "a", diff: "" }],
    ["+x", { type: "update_file", path: "", diff: "" }],
  ])("is told as a patch: %s", (args, operation) => {
    const item = { type: "apply_patch_call", call_id: "call_1", status: "completed", operation };
    expect(itemOf(called("apply_patch", args))).toEqual({ id: expect.stringMatching(/^apc_/), ...item });
  });

  it("is told as a patch that is in progress where it breaks off, for which there is no other name", () => {
    const call = { index: 0, id: "call_1", type: "function", function: { name: "apply_patch", arguments: '{"ty' } };
    const cut: ChatChunk[] = [
      { choices: [{ index: 0, delta: { tool_calls: [call] } }] },
      { choices: [{ index: 0, delta: {}, finish_reason: "length" }] },
    ];
    const whole = wholeOf(eventsOf(cut, PLAIN, tools));
    expect(whole).toMatchObject({
      status: "incomplete",
      output: [{ type: "apply_patch_call", status: "in_progress" }],
    });
  });

  it("is told as a search of the client's", () => {
    expect(itemOf(called("tool_search", '{"query":', '"tides"}'))).toMatchObject({
      type: "tool_search_call",
      execution: "client",
      call_id: "call_1",
      arguments: { query: "tides" },
    });
  });

  it("is a function's where nobody offered a tool of that name", () => {
    expect(itemOf(called("apply", "{}"))).toMatchObject({ type: "function_call", name: "apply" });
  });

  it.each([
    ["mcp__sea__tide", '{"port":1}'],
    ["mcp__sea__log", '{"input":"x\\ny"}'],
    ["local_shell", '{"command":["ls"],"env":{}}'],
    ["shell", '{"commands":["ls"],"timeout_ms":5}'],
    ["apply_patch", '{"type":"update_file","path":"a","diff":"@@\\n-x\\n+y"}'],
    ["apply_patch", '{"type":"delete_file","path":"a"}'],
    ["tool_search", '{"query":"tides"}'],
  ])("goes back to the model as it was made: %s", (name, args) => {
    const { output } = wholeOf(called(name, args));
    const [message] = toConversation(undefined, parseCreateResponse({ model: "m", input: output }).input, tools).end();
    expect(message).toMatchObject({ tool_calls: [{ id: "call_1", function: { name } }] });
    const { arguments: sent } = (message as { tool_calls: { function: { arguments: string } }[] }).tool_calls[0]!
      .function;
    expect(JSON.parse(sent)).toEqual(JSON.parse(args));
  });
});

function messagesOf(input: readonly object[]): readonly object[] {
  return toConversation(undefined, parseCreateResponse({ model: "m", input }).input, NO_TOOLS).end();
}

describe("the output, sent back", () => {
  it("is the same message of a chat: thoughts, text, calls and their order", () => {
    fc.assert(
      fc.property(sensibleSayings, fc.integer({ min: 1, max: 4 }), anyStyle, (sayings, together, style) => {
        const said = saidIn(sayings);
        const { output } = wholeOf(eventsOf(chunksOf(sayings, together), style));
        fc.pre(output.length > 0);
        const messages = messagesOf(output);
        expect(messages).toEqual([
          {
            role: "assistant",
            content: said.text !== "" ? said.text : said.calls.length > 0 ? null : "",
            ...(said.reasoning === "" ? {} : { reasoning_content: said.reasoning }),
            ...(said.calls.length === 0
              ? {}
              : {
                  tool_calls: said.calls.map(({ id, name, arguments: args }) => ({
                    id,
                    type: "function",
                    function: { name, arguments: args },
                  })),
                }),
          },
        ]);
      }),
      { numRuns: 300 },
    );
  });

  it("brings thoughts back that a client kept only in packed form", () => {
    const style: ReasoningStyle = { summary: "only", packed: true };
    const { output } = wholeOf(eventsOf(say({ kind: "reasoning", text: "grüble" }), style));
    const kept = { ...output[0], summary: [] };
    const messages = messagesOf([kept]);
    expect(messages).toMatchObject([{ role: "assistant", reasoning_content: "grüble" }]);
  });
});
