import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ChatAccumulator } from "./accumulate.js";
import { type ChunkReader, ChunkRepair } from "./chunk-repair.js";
import type { ChatChunk, ChatDelta, ChatUsage } from "./read-event.js";

const FACTS = { id: "chatcmpl-req", model: "asked", created: 7 };
const HEAD = { id: "c", object: "chat.completion.chunk", created: 1, model: "m" };

const chunk = (delta: ChatDelta, finish: string | null = null): ChatChunk => ({
  ...HEAD,
  choices: [{ index: 0, delta, finish_reason: finish }],
});

/** Runs the chunks through a repair; `undefined`s are left out. */
function run(...chunks: ChatChunk[]): ChatChunk[] {
  return runFor({}, ...chunks);
}

/** The same for somebody of whom something is known. */
function runFor(reader: ChunkReader, ...chunks: ChatChunk[]): ChatChunk[] {
  const repair = new ChunkRepair(FACTS, reader);
  return [...chunks.map((each) => repair.next(each)), repair.end()].filter((each) => each !== undefined);
}

const deltas = (chunks: readonly ChatChunk[]): unknown[] => chunks.map((each) => each.choices?.[0]?.delta);
const calls = (chunks: readonly ChatChunk[]): unknown[] =>
  chunks.flatMap((each) => each.choices?.[0]?.delta?.tool_calls ?? []);
const finish = (chunks: readonly ChatChunk[]): unknown => chunks.at(-1)?.choices?.[0]?.finish_reason;

it("gives a well-formed chunk back as the same object", () => {
  const given = [
    chunk({ role: "assistant", content: "" }),
    chunk({ content: "a", reasoning_content: null }),
    chunk({ tool_calls: [{ index: 0, id: "x", type: "function", function: { name: "f", arguments: "" } }] }),
    chunk({ tool_calls: [{ index: 0, function: { arguments: "{}" } }] }),
    chunk({}, "tool_calls"),
    { ...HEAD, choices: [], usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } },
  ];
  const repaired = run(...given);
  expect(repaired).toHaveLength(given.length);
  for (const [index, each] of repaired.entries()) expect(each).toBe(given[index]);
});

describe("what is said before the answer has a name", () => {
  const early = { ...HEAD, id: "", model: "", object: "", created: 0, choices: [], filters: ["hate"] };

  it("comes with the first chunk that has one", () => {
    const named = chunk({ role: "assistant", content: "a" });
    const rest = chunk({ content: "b" }, "stop");
    expect(run(early, { ...early, more: 1 }, named, rest)).toEqual([{ ...named, filters: ["hate"], more: 1 }, rest]);
  });

  it("comes with the end of an answer without words", () => {
    expect(run(early)).toMatchObject([{ ...FACTS, filters: ["hate"], choices: [{ finish_reason: "stop" }] }]);
  });
});

describe("what a backend leaves out", () => {
  it("is the role: it comes with the first delta and with no other", () => {
    const every = run(chunk({ role: "assistant", content: "a" }), chunk({ role: "assistant", content: "b" }));
    expect(deltas(every).slice(0, 2)).toEqual([{ role: "assistant", content: "a" }, { content: "b" }]);
    const none = run(chunk({ content: "a" }), chunk({ content: "b" }));
    expect(deltas(none).slice(0, 2)).toEqual([{ content: "a", role: "assistant" }, { content: "b" }]);
  });

  it("is the head, the index, the delta and the null of a finish reason", () => {
    const [first] = run({ choices: [{ delta: { role: "assistant", content: "a" } }] });
    expect(first).toEqual({
      id: "chatcmpl-req",
      object: "chat.completion.chunk",
      created: 7,
      model: "asked",
      choices: [{ index: 0, delta: { role: "assistant", content: "a" }, finish_reason: null }],
    });
    expect(
      run(chunk({ role: "assistant" }), { ...HEAD, choices: [{ index: 0, finish_reason: "stop" }] }),
    ).toMatchObject([{}, { choices: [{ delta: {}, finish_reason: "stop" }] }]);
  });

  it("is the finish reason: it comes at the end", () => {
    expect(finish(run(chunk({ content: "a" })))).toBe("stop");
    expect(run()).toMatchObject([
      { choices: [{ index: 0, delta: { role: "assistant", content: "" }, finish_reason: "stop" }] },
    ]);
    expect(run(chunk({ content: "a" }, "length"))).toHaveLength(1);
  });

  it("is a known finish reason", () => {
    expect(finish(run(chunk({ content: "a" }, "eos")))).toBe("stop");
    expect(finish(run(chunk({ content: "a" }, "max_tokens")))).toBe("length");
    const called = chunk({ tool_calls: [{ index: 0, id: "x", type: "function", function: { name: "f" } }] });
    expect(finish(run(called, chunk({}, "stop")))).toBe("tool_calls");
  });

  it.each([
    [
      { input_tokens: 9, output_tokens: 3 },
      { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 },
    ],
    [
      { prompt_tokens: "9", completion_tokens: 2.5 },
      { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 },
    ],
    [{ prompt_tokens: null, completion_tokens: null }, undefined],
    [{ prompt_tokens: 9, completion_tokens: -4 }, undefined],
  ])("is no count of the usage that it does not tell: %j", (usage, expected) => {
    const [told] = run({ ...HEAD, choices: [], usage: usage as ChatUsage });
    if (expected === undefined) expect(told).not.toHaveProperty("usage");
    else expect(told?.usage).toMatchObject(expected);
  });

  it("is a count of the usage", () => {
    expect(run({ ...HEAD, usage: { prompt_tokens: 2, completion_tokens: 3 } })[0]).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 2, completion_tokens: 3, total_tokens: 5 },
    });
  });
});

describe("tool calls", () => {
  it("get the index, id and type that a backend left out", () => {
    const given = run(
      chunk({ tool_calls: [{ function: { name: "f", arguments: "{" } }] }),
      chunk({ tool_calls: [{ function: { arguments: "}" } }] }),
    );
    expect(calls(given)).toEqual([
      { index: 0, id: "call_chatcmpl-req_0_0", type: "function", function: { name: "f", arguments: "{" } },
      { index: 0, function: { arguments: "}" } },
    ]);
  });

  it("are told apart by their ids where one index stands for several", () => {
    const call = (id: string): ChatChunk =>
      chunk({ tool_calls: [{ index: 0, id, type: "function", function: { name: "f", arguments: `"${id}"` } }] });
    expect(calls(run(call("a"), call("b")))).toMatchObject([
      { index: 0, id: "a", function: { arguments: '"a"' } },
      { index: 1, id: "b", function: { arguments: '"b"' } },
    ]);
  });

  it("have their id, type and name in the first delta only", () => {
    const again = chunk({
      tool_calls: [{ index: 0, id: "a", type: "function", function: { name: "f", arguments: "1" } }],
    });
    expect(calls(run(again, again))[1]).toEqual({ index: 0, function: { arguments: "1" } });
  });

  it("wait for their name", () => {
    const given = run(
      chunk({ tool_calls: [{ index: 0, id: "a", function: { arguments: "{" } }] }),
      chunk({ tool_calls: [{ index: 0, function: { name: "f", arguments: "}" } }] }),
    );
    expect(calls(given)).toEqual([{ index: 0, id: "a", type: "function", function: { name: "f", arguments: "{}" } }]);
  });

  it("wait for the rest of a name that is no tool's, and for nothing else", () => {
    const reader = { isName: (name: string) => name === "get_weather" };
    const named = (name: string): ChatChunk =>
      chunk({ tool_calls: [{ index: 0, id: "a", type: "function", function: { name, arguments: "" } }] });
    const pieces = runFor(reader, named("get_"), named("weather"), chunk({}, "tool_calls"));
    expect(deltas(pieces)[0]).toEqual({ role: "assistant" });
    expect(calls(pieces)).toEqual([
      { index: 0, id: "a", type: "function", function: { name: "get_weather", arguments: "" } },
      { index: 0, function: { arguments: "{}" } },
    ]);
    const whole = chunk({ role: "assistant", tool_calls: named("get_weather").choices?.[0]?.delta?.tool_calls ?? [] });
    expect(runFor(reader, whole)[0]).toBe(whole);
    const never = runFor(reader, named("get_"));
    expect(calls(never)).toMatchObject([{ function: { name: "get_" } }, { function: { arguments: "{}" } }]);
    expect(finish(never)).toBe("tool_calls");
  });

  it("come of a legacy call where there is no place for one", () => {
    const given = [
      chunk({ role: "assistant", function_call: { name: "f", arguments: "" } }),
      chunk({ function_call: { arguments: "{}" } }, "function_call"),
    ];
    expect(run(...given)).toEqual(given);
    expect(calls(runFor({ toolCallsOnly: true }, ...given))).toEqual([
      { index: 0, id: "call_chatcmpl-req_0_0", type: "function", function: { name: "f", arguments: "" } },
      { index: 0, function: { arguments: "{}" } },
    ]);
  });

  it("are no more than one where one was asked for, with all that belongs to it", () => {
    const call = (index: number, id: string, name: string): ChatChunk =>
      chunk({ tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }] });
    const grown = (index: number, args: string): ChatChunk =>
      chunk({ tool_calls: [{ index, function: { arguments: args } }] });
    const given = [
      chunk({ role: "assistant", content: "" }),
      ...[call(0, "a", "f"), call(1, "b", "g"), grown(0, '{"x":'), grown(1, '{"y":2}'), grown(0, "1}")],
      chunk({ tool_calls: [...(call(2, "c", "f").choices?.[0]?.delta?.tool_calls ?? [])], content: "and" }, "stop"),
    ];
    const one = runFor({ oneCall: true }, ...given);
    expect(calls(one)).toEqual([
      { index: 0, id: "a", type: "function", function: { name: "f", arguments: "" } },
      { index: 0, function: { arguments: '{"x":' } },
      { index: 0, function: { arguments: "1}" } },
    ]);
    expect(deltas(one).at(-1)).toEqual({ content: "and" });
    expect(finish(one)).toBe("tool_calls");
    expect(calls(run(...given))).toHaveLength(7);
    const known = given.slice(0, 2);
    expect(runFor({ oneCall: true }, ...known)[1]).toBe(known[1]);
  });

  it("have text for arguments", () => {
    const given = run(
      chunk({ tool_calls: [{ index: 0, id: "a", function: { name: "f", arguments: { city: "Bern" } } }] }),
    );
    expect(calls(given)).toMatchObject([{ function: { arguments: '{"city":"Bern"}' } }]);
  });
});

describe("any answer, in any pieces", () => {
  const plans = fc.record({
    text: fc.string({ unit: "grapheme" }),
    tools: fc.array(fc.record({ name: fc.constantFrom("f", "g"), args: fc.string({ unit: "grapheme" }) }), {
      maxLength: 4,
    }),
    cuts: fc.infiniteStream(fc.nat(4)),
    order: fc.infiniteStream(fc.nat(9)),
    habits: fc.record({ index: fc.boolean(), type: fc.boolean(), repeats: fc.boolean(), role: fc.boolean() }),
  });

  it("is folded into the same text and the same calls, however the backend sent it", () => {
    fc.assert(
      fc.property(plans, ({ text, tools, cuts, order, habits }) => {
        const cut = (whole: string): string[] => {
          const pieces: string[] = [];
          for (let at = 0; at < whole.length; ) {
            const size = 1 + (cuts.next().value as number);
            pieces.push(whole.slice(at, at + size));
            at += size;
          }
          return pieces;
        };
        const queues: ChatDelta[][] = [cut(text).map((content) => ({ content }))];
        for (const [index, { name, args }] of tools.entries()) {
          const id = `id${index}`;
          const first = { index, id, ...(habits.type ? { type: "function" } : {}), function: { name, arguments: "" } };
          const rest = cut(args).map((piece) => ({
            ...(habits.index ? { index } : { id }),
            ...(habits.repeats ? { id, type: "function" } : {}),
            function: { arguments: piece, ...(habits.repeats ? { name } : {}) },
          }));
          queues.push([first, ...rest].map((call) => ({ tool_calls: [call] })));
        }
        const chunks: ChatChunk[] = [];
        // Calls open in order, as with every backend; apart from that anything may come between.
        for (const queue of queues.slice(1)) chunks.push(chunk(queue.shift() as ChatDelta));
        while (queues.some((queue) => queue.length > 0)) {
          const queue = queues[(order.next().value as number) % queues.length] as ChatDelta[];
          const next = queue.shift();
          if (next !== undefined) chunks.push(chunk(habits.role ? { role: "assistant", ...next } : next));
        }
        const accumulator = new ChatAccumulator();
        const repaired = run(...chunks);
        for (const each of repaired) accumulator.add(each);
        const { choices } = accumulator.completion(FACTS) as { choices: { message: Record<string, unknown> }[] };
        expect(choices[0]?.message["content"] ?? "").toBe(text);
        expect(choices[0]?.message["tool_calls"] ?? []).toEqual(
          tools.map(({ name, args }, index) => ({
            id: `id${index}`,
            type: "function",
            function: { name, arguments: args.trim() === "" ? `${args}{}` : args },
          })),
        );
        for (const [position, each] of repaired.entries()) {
          expect("role" in (each.choices?.[0]?.delta ?? {})).toBe(position === 0);
        }
      }),
    );
  });
});

describe("what a server says in a form of its own", () => {
  const said = (choice: object): ChatChunk => ({ ...HEAD, choices: [{ index: 0, finish_reason: null, ...choice }] });
  const text = '{"city":"Paris"}';

  it.each([
    [{ type: "text", text: "late" }, "late"],
    [42, "42"],
    [["la", "te"], "late"],
  ])("is text: %j", (content, expected) => {
    expect(deltas(run(said({ delta: { content } })))[0]).toEqual({ role: "assistant", content: expected });
  });

  it("is the text of a legacy completion", () => {
    expect(deltas(run(said({ text: "late" })))[0]).toEqual({ role: "assistant", content: "late" });
  });

  it.each([
    ["a call without a list", { index: 0, id: "x", type: "function", function: { name: "f", arguments: text } }],
    ["a call that is its function", [{ index: 0, id: "x", type: "function", name: "f", arguments: text }]],
    ["one with an object", [{ id: "x", name: "f", arguments: { city: "Paris" } }]],
  ])("is %s", (_what, tool_calls) => {
    const told = run(said({ delta: { tool_calls } }), chunk({}, "stop"));
    expect(calls(told)).toEqual([{ index: 0, id: "x", type: "function", function: { name: "f", arguments: text } }]);
    expect(finish(told)).toBe("tool_calls");
  });

  it("are the arguments of a legacy call as an object", () => {
    const legacy = said({ delta: { function_call: { name: "f", arguments: { city: "Paris" } } } });
    expect(deltas(run(legacy, chunk({}, "function_call")))[0]).toEqual({
      role: "assistant",
      function_call: { name: "f", arguments: text },
    });
    const told = runFor({ toolCallsOnly: true }, legacy, chunk({}, "function_call"));
    expect(calls(told)).toMatchObject([{ index: 0, function: { name: "f", arguments: text } }]);
    expect(finish(told)).toBe("tool_calls");
  });

  it.each([
    ["STOP", "stop"],
    ["MAX_TOKENS", "length"],
    ["Length", "length"],
    ["eos_token", "stop"],
  ])("is a finish reason: %s", (reason, expected) => {
    expect(finish(run(chunk({ content: "a" }), chunk({}, reason)))).toBe(expected);
  });
});
