import { type ChatChunk, MessageFold, type NamedEvent } from "@hearth/dialects";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anySayings, chunksOf, type Saying, saidIn, sensibleSayings } from "../../testing/chat-answers.js";
import { messagesProblems } from "../../testing/messages-grammar.js";
import { BodyText } from "../json/body-text.js";
import { type MessageFacts, MessagesTranslator } from "./from-events.js";
import { parseCreateMessage } from "./parse.js";
import { toConversation } from "./to-chat.js";

const FACTS: MessageFacts = {
  id: "msg_1",
  model: "m",
  promptTokens: 9,
  showsThinking: true,
  stopSequences: ["END"],
  oneCall: false,
};
const USAGE = { prompt_tokens: 10, completion_tokens: 4, cached_tokens: 6 };

function eventsOf(chunks: readonly ChatChunk[], facts: Partial<MessageFacts> = {}): NamedEvent[] {
  const translator = new MessagesTranslator({ ...FACTS, ...facts });
  return [...chunks.flatMap((chunk) => translator.next(chunk)), ...translator.end(USAGE)];
}

interface Folded {
  readonly content: readonly (Readonly<Record<string, unknown>> & { readonly type: string })[];
  readonly stop_reason: string;
  readonly [member: string]: unknown;
}

function folded(events: readonly NamedEvent[]): Folded {
  const fold = new MessageFold();
  for (const event of events) fold.add(event);
  return JSON.parse(Buffer.from(fold.body()).toString()) as Folded;
}

const say = (...sayings: readonly Saying[]): ChatChunk[] => chunksOf(sayings, 1);

describe("the events of a message", () => {
  it("keep the life cycle of blocks and every byte, for any interleaving and chunking", () => {
    fc.assert(
      fc.property(anySayings, fc.integer({ min: 1, max: 4 }), (sayings, together) => {
        const events = eventsOf(chunksOf(sayings, together));
        expect(messagesProblems(events)).toEqual([]);
        const said = saidIn(sayings);
        const deltas = events.flatMap((event) =>
          event.type === "content_block_delta"
            ? [{ index: event["index"], ...(event["delta"] as Record<string, string>) }]
            : [],
        );
        const join = (member: string): string => deltas.map((each) => Reflect.get(each, member) ?? "").join("");
        expect(join("thinking")).toBe(said.reasoning);
        expect(join("text")).toBe(
          sayings.flatMap((each) => (each.kind === "text" || each.kind === "refusal" ? [each.text] : [])).join(""),
        );
        const tools = events.filter(
          (event) => (event["content_block"] as { type?: string } | undefined)?.type === "tool_use",
        );
        const calls = tools.map((tool) => ({
          name: (tool["content_block"] as { name: string }).name,
          arguments: deltas
            .filter((each) => each.index === tool["index"])
            .map((each) => Reflect.get(each, "partial_json"))
            .join(""),
        }));
        expect(calls).toEqual(
          said.calls.map(({ name, arguments: args }) => ({ name, arguments: args.trim() === "" ? `${args}{}` : args })),
        );
      }),
      { numRuns: 300 },
    );
  });

  it("begin with no output tokens, and end with all of them and the true input", () => {
    const events = eventsOf(say({ kind: "text", text: "hi" }));
    expect(events[0]).toMatchObject({
      message: { id: "msg_1", content: [], usage: { input_tokens: 9, output_tokens: 0 } },
    });
    expect(events.at(-2)).toMatchObject({
      usage: { input_tokens: 4, cache_read_input_tokens: 6, output_tokens: 4 },
    });
  });

  it("end with how much of it was thought, where that is told", () => {
    const usage = { prompt_tokens: 10, completion_tokens: 4, completion_tokens_details: { reasoning_tokens: 3 } };
    const told = folded(eventsOf([...say({ kind: "text", text: "a" }), { choices: [], usage }]));
    expect(told["usage"]).toMatchObject({ output_tokens: 4, output_tokens_details: { thinking_tokens: 3 } });
    const untold = eventsOf(say({ kind: "text", text: "a" }));
    expect(untold.at(-2)?.["usage"]).toMatchObject({ output_tokens_details: null });
  });

  it("are a valid message even where nothing was said", () => {
    const events = eventsOf([]);
    expect(messagesProblems(events)).toEqual([]);
    expect(folded(events)).toMatchObject({ content: [], stop_reason: "end_turn" });
  });
});

describe("the stop reason", () => {
  const stopOf = (chunks: readonly ChatChunk[]): object => {
    const { stop_reason, stop_sequence } = folded(eventsOf(chunks));
    return { stop_reason, stop_sequence };
  };
  const stoppedBy = (choice: object): ChatChunk[] => [
    { choices: [{ index: 0, delta: { content: "hi" }, finish_reason: "stop", ...choice }] },
  ];

  it.each([
    ["stop", "end_turn"],
    ["length", "max_tokens"],
    ["content_filter", "refusal"],
  ])("of %s is %s", (finish, reason) => {
    expect(stopOf(chunksOf([{ kind: "text", text: "hi" }], 1, finish))).toEqual({
      stop_reason: reason,
      stop_sequence: null,
    });
  });

  it("is tool_use where tools were called, whatever the backend says", () => {
    const [first] = say({ kind: "call", call: 0, text: "{}" }).slice(1);
    expect(stopOf([first!, ...stoppedBy({})])).toMatchObject({ stop_reason: "tool_use" });
  });

  it("is max_tokens where a call was cut off", () => {
    expect(stopOf(chunksOf([{ kind: "call", call: 0, text: '{"a' }], 1, "length"))).toMatchObject({
      stop_reason: "max_tokens",
    });
  });

  it("names the stop sequence that was asked for, and no other", () => {
    expect(stopOf(stoppedBy({ stop_reason: "END" }))).toEqual({ stop_reason: "stop_sequence", stop_sequence: "END" });
    expect(stopOf(stoppedBy({ stop_reason: "<|im_end|>" }))).toEqual({ stop_reason: "end_turn", stop_sequence: null });
    const verbose = (word: string): ChatChunk[] =>
      stoppedBy({}).map((chunk) => ({ ...chunk, __verbose: { stopping_word: word } }));
    expect(stopOf(verbose("END"))).toEqual({ stop_reason: "stop_sequence", stop_sequence: "END" });
    expect(stopOf(verbose(""))).toEqual({ stop_reason: "end_turn", stop_sequence: null });
  });

  it("is refusal where the model refused, and its words are text", () => {
    const message = folded(eventsOf(say({ kind: "refusal", text: "no" })));
    expect(message).toMatchObject({ stop_reason: "refusal", content: [{ type: "text", text: "no" }] });
  });
});

describe("thoughts", () => {
  const thinking = say({ kind: "reasoning", text: "hm" }, { kind: "text", text: "yes" });

  it("are a block of their own, with a signature", () => {
    expect(folded(eventsOf(thinking)).content).toEqual([
      { type: "thinking", thinking: "hm", signature: "msg_1" },
      { type: "text", text: "yes" },
    ]);
  });

  it("are left out where they were not wanted, and the blocks are still counted from 0", () => {
    const events = eventsOf(thinking, { showsThinking: false });
    expect(messagesProblems(events)).toEqual([]);
    expect(folded(events).content).toEqual([{ type: "text", text: "yes" }]);
  });
});

describe("the whole message", () => {
  const call = (text: string): string => {
    const fold = new MessageFold();
    for (const event of eventsOf(say({ kind: "call", call: 0, text }))) fold.add(event);
    return Buffer.from(fold.body()).toString();
  };

  it("keeps the digits of a tool's input", () => {
    expect(call('{"id": 9007199254740993}')).toContain('"input":{"id": 9007199254740993}');
  });

  it("shows arguments that are no object as the text they are", () => {
    expect(JSON.parse(call('{"city": "Be'))).toMatchObject({ content: [{ input: { arguments: '{"city": "Be' } }] });
    expect(JSON.parse(call("[1]"))).toMatchObject({ content: [{ input: { arguments: "[1]" } }] });
  });

  it("has an empty object for a call without arguments", () => {
    expect(JSON.parse(call(""))).toMatchObject({ content: [{ input: {} }] });
  });

  it("sent back is the same message of a chat: thoughts, text, calls and their order", () => {
    fc.assert(
      fc.property(sensibleSayings, fc.integer({ min: 1, max: 4 }), (sayings, together) => {
        const said = saidIn(sayings);
        const { content } = folded(eventsOf(chunksOf(sayings, together)));
        const value = { model: "m", max_tokens: 1, messages: [{ role: "assistant", content }] };
        const text = JSON.stringify(value);
        const [message] = toConversation(parseCreateMessage(value), new BodyText(text), new Map()).end();
        expect(message).toEqual({
          role: "assistant",
          content: said.text !== "" ? said.text : said.calls.length > 0 ? null : "",
          ...(said.reasoning === "" ? {} : { reasoning_content: said.reasoning }),
          ...(said.calls.length === 0 ? {} : { tool_calls: expect.anything() }),
        });
        const calls = (message as { tool_calls?: { id: string; function: { name: string; arguments: string } }[] })
          .tool_calls;
        expect(
          calls?.map(({ id, function: { name, arguments: args } }) => ({ id, name, input: JSON.parse(args) })) ?? [],
        ).toEqual(said.calls.map(({ id, name, arguments: args }) => ({ id, name, input: JSON.parse(args) })));
      }),
      { numRuns: 300 },
    );
  });
});
