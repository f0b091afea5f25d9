import { type EventDialectName, usageInBody } from "@hearth/dialects";
import { describe, expect, it } from "vitest";
import { chunk, DONE, USAGE_EVENT } from "../testing/scripted-backend.js";
import { EventScan } from "./event-scan.js";

function scan(...events: readonly string[]): EventScan {
  const result = new EventScan();
  for (const event of events) result.read(Buffer.from(event));
  return result;
}

describe("reading events", () => {
  it("knows content from a role, an empty delta and a comment", () => {
    expect(scan(chunk({ role: "assistant", content: "" }), ": ping\n\n", chunk({ content: null })).sawContent).toBe(
      false,
    );
    for (const delta of [{ content: "x" }, { reasoning_content: "x" }, { tool_calls: [{ index: 0 }] }]) {
      expect(scan(chunk(delta)).sawContent).toBe(true);
    }
    expect(read("completions", 'data: {"choices":[{"index":0,"text":"x"}]}\n\n').content).toEqual([true]);
  });

  it("takes the end mark only as an event of its own", () => {
    expect(scan(chunk({ content: "data: [DONE]" })).done).toBe(false);
    expect(scan(DONE).done).toBe(true);
    expect(scan("data: [DONE]\r\n\r\n").done).toBe(true);
  });

  it("reads events as the standard does: whatever ends their lines, and data in several of them", () => {
    const cr = scan(chunk({ content: "a" }).replaceAll("\n", "\r"), DONE.replaceAll("\n", "\r"));
    expect(cr).toMatchObject({ sawContent: true, tokens: 1, done: true });
    expect(scan('event: x\rdata: {"choices":\rdata: [{"delta":{"content":"a"}}]}\r\r').tokens).toBe(1);
    expect(scan('data: {"choices":\ndata: [{"delta":{"content":"a"}}]}\n\n').tokens).toBe(1);
  });

  it("estimates what a backend says nothing was of, and says that it does", () => {
    const zeros = `data: {"choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}}\n\n`;
    const prompt = Buffer.from(JSON.stringify({ messages: [{ role: "user", content: "word ".repeat(4_000) }] }));
    const settled = scan(chunk({ content: "a" }), chunk({ content: "b" }), zeros).settledUsage(prompt);
    expect(settled).toMatchObject({ completion_tokens: 2, estimated: true });
    expect(settled.prompt_tokens).toBeGreaterThan(2_000);
  });

  it("takes the backend's counts, and counts events where it has none", () => {
    expect(scan(chunk({ content: "a" }), USAGE_EVENT).usage).toEqual({
      prompt_tokens: 7,
      completion_tokens: 3,
      cached_tokens: 2,
    });
    expect(scan(chunk({ content: "a" }), chunk({ content: "b" })).usage).toEqual({
      prompt_tokens: 0,
      completion_tokens: 2,
    });
  });

  it("takes what llama-server measured of the prompt, and knows whether a server tells what was cached", () => {
    const timings = { cache_n: 1_400, prompt_n: 109, prompt_ms: 21.5, predicted_n: 3, predicted_ms: 0.7 };
    const last = `data: ${JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }], timings })}\n\n`;
    expect(scan(chunk({ content: "a" }), last, USAGE_EVENT)).toMatchObject({
      prefill: { tokens: 109, ms: 21.5 },
      knowsCached: true,
    });
    const plain = 'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3},"timings":null}\n\n';
    expect(scan(plain)).toMatchObject({ prefill: undefined, knowsCached: false });
  });

  it("is not misled by what a model writes, nor by what is no JSON or no count", () => {
    const events = [
      chunk({ content: '"usage":{"prompt_tokens":1000}' }),
      "data: {broken\n\n",
      "data: null\n\n",
      'data: {"usage":{"prompt_tokens":-1}}\n\n',
      'data: {"usage":null,"choices":[null]}\n\n',
    ];
    expect(scan(...events).usage.prompt_tokens).toBe(0);
  });
});

describe("what a backend says of its work", () => {
  const progress = (processed: number): string =>
    `data: ${JSON.stringify({
      choices: [{ index: 0, delta: { role: "assistant", content: null }, finish_reason: null }],
      prompt_progress: { total: 900, cache: 0, processed, time_ms: 1 },
    })}\n\n`;

  function heard(progressIsOurs: boolean, ...events: readonly string[]) {
    const told: (number | string)[] = [];
    const parsed: unknown[] = [];
    const scan = new EventScan("chat_completions", {
      progress: ({ processed }) => told.push(processed),
      stirred: () => told.push("stirred"),
      parsed: (each) => parsed.push(each),
    });
    scan.habits = { progressIsOurs, pingsByTimer: progressIsOurs };
    const text = events.join("");
    const { parts } = scan.read(Buffer.from(text));
    return { told, parsed, parts: parts.map(({ holds, from, to }) => [holds, text.slice(from, to)]) };
  }

  it("is told, and left out where the agent has asked for it", () => {
    const role = chunk({ role: "assistant", content: null });
    const content = chunk({ content: "x" });
    const { told, parsed, parts } = heard(true, progress(0), ": ping\n\n", progress(512), role, content);
    expect(told).toEqual([0, 512, "stirred"]);
    expect(parsed).toHaveLength(2);
    expect(parts).toEqual([
      ["progress", progress(0)],
      ["preamble", ": ping\n\n"],
      ["progress", progress(512)],
      ["preamble", role],
      ["content", content],
    ]);
  });

  it("is passed on where the consumer has, and comments without counters are told as what they are", () => {
    const { told, parts } = heard(false, progress(512), ": ping\n\n", ": keepalive 600/900\n\n");
    expect(told).toEqual([512, "stirred", 600]);
    expect(parts.map(([holds]) => holds)).toEqual(["preamble"]);
  });
});

const named = (value: { readonly type: string; readonly [key: string]: unknown }): string =>
  `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;

/** What a scan of each event in turn came to, and what it knows at the end. */
function read(dialect: EventDialectName, ...events: readonly string[]) {
  const scan = new EventScan(dialect);
  const content: boolean[] = [];
  let last: { readonly type: string; readonly bytes?: number | undefined } = { type: "goes_on" };
  const parts: string[] = [];
  for (const event of events) {
    const result = scan.read(Buffer.from(event));
    for (const { holds, from, to } of result.parts) parts.push(`${holds} ${from}-${to}`);
    const { parts: told, ...verdict } = result;
    last = verdict.type === "goes_on" ? verdict : { ...verdict, bytes: told.at(-1)?.to };
    content.push(scan.sawContent);
  }
  return { content, last, parts, usage: scan.usage };
}

describe("what events hold", () => {
  it("is told by their places: what goes before content, content, and what follows it", () => {
    const role = chunk({ role: "assistant", content: "" });
    const [a, b] = [chunk({ content: "ä" }), chunk({ content: "b" })];
    const together = Buffer.from(`: hi\n\n${role}${a}: ping\n\n${b}${USAGE_EVENT}${DONE}`);
    const lengths = [`: hi\n\n${role}`, `${a}: ping\n\n${b}`, USAGE_EVENT + DONE].map((text) =>
      Buffer.byteLength(text),
    );
    const [first = 0, second = 0] = [lengths[0], (lengths[0] ?? 0) + (lengths[1] ?? 0)];
    expect(new EventScan().read(together)).toEqual({
      type: "ended",
      parts: [
        { holds: "preamble", from: 0, to: first },
        { holds: "content", from: first, to: second },
        { holds: "trailer", from: second, to: together.length },
      ],
    });
  });

  it("is what went before it, for comments alone", () => {
    const scan = new EventScan();
    expect(scan.read(Buffer.from(": a\n\n")).parts).toEqual([{ holds: "preamble", from: 0, to: 5 }]);
    scan.read(Buffer.from(chunk({ content: "x" })));
    expect(scan.read(Buffer.from(": a\n\n")).parts).toEqual([{ holds: "trailer", from: 0, to: 5 }]);
    expect(scan.read(Buffer.alloc(0)).parts).toEqual([]);
  });
});

describe("reading the events of Messages", () => {
  const usage = { input_tokens: 3, cache_read_input_tokens: 16, cache_creation_input_tokens: 5, output_tokens: 1 };
  const start = named({ type: "message_start", message: { id: "msg_1", content: [], usage } });
  const block = named({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } });
  const text = (text: string): string =>
    named({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } });
  const end = named({ type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 9 } });
  const stop = named({ type: "message_stop" });

  it("knows content from a start, a ping, an empty block and an empty delta; a tool call says its name", () => {
    const events = [start, named({ type: "ping" }), block, text(""), text("x")];
    expect(read("messages", ...events).content).toEqual([false, false, false, false, true]);
    const tool = { type: "tool_use", id: "t", name: "f", input: {} };
    expect(read("messages", named({ type: "content_block_start", content_block: tool })).content).toEqual([true]);
    const thought = { type: "thinking_delta", thinking: "hm" };
    expect(read("messages", named({ type: "content_block_delta", delta: thought })).content).toEqual([true]);
  });

  it("counts what came from the cache and what went into it as prompt, and takes the last count of the output", () => {
    expect(read("messages", start, text("a"), text("b"), end, stop).usage).toEqual({
      prompt_tokens: 24,
      completion_tokens: 9,
      cached_tokens: 16,
    });
  });

  it("does not forget what came from the cache when the end counts only the rest", () => {
    const rest = named({ type: "message_delta", delta: {}, usage: { input_tokens: 3, output_tokens: 9 } });
    expect(read("messages", start, text("a"), rest, stop).usage).toMatchObject({
      prompt_tokens: 24,
      cached_tokens: 16,
    });
  });

  it("counts an answer that is cut short by its deltas: the count at the start is none", () => {
    expect(read("messages", start, block, text("a"), text("b")).usage).toMatchObject({ completion_tokens: 2 });
  });

  it("finds the counts where vLLM has them: beside the message, and once more at the end", () => {
    const beside = named({
      type: "message_start",
      message: { content: [] },
      usage: { input_tokens: 7, output_tokens: 0 },
    });
    const last = named({ type: "message_delta", delta: {}, usage: { input_tokens: 7, output_tokens: 2 } });
    expect(read("messages", beside).usage).toEqual({ prompt_tokens: 7, completion_tokens: 0 });
    expect(read("messages", beside, text("a"), last).usage).toEqual({ prompt_tokens: 7, completion_tokens: 2 });
  });

  it("ends with its own end alone, and leaves out what follows in the same piece", () => {
    expect(read("messages", start, text("message_stop"), "data: [DONE]\n\n", end).last).toEqual({ type: "goes_on" });
    const piece = text("Grüße") + end + stop;
    const { last } = read("messages", start, `${piece}data: [DONE]\n\n`);
    expect(last).toEqual({ type: "ended", bytes: Buffer.byteLength(piece) });
  });

  it("needs no names of events", () => {
    const bare = [start, block, text("a"), text("b"), end, stop].map((event) => event.replace(/^event:.*\n/, ""));
    expect(read("messages", ...bare)).toMatchObject({ last: { type: "ended" }, usage: { completion_tokens: 9 } });
    const crlf = [start, text("a"), end, stop].map((event) => event.replaceAll("\n", "\r\n"));
    expect(read("messages", ...crlf)).toMatchObject({ last: { type: "ended" }, usage: { completion_tokens: 9 } });
  });

  it("takes the name of an event for that event only", () => {
    expect(read("messages", text("a"), `${text("b")}data: {"type":"message_stop"}\n\n`).last.type).toBe("ended");
  });

  it("knows an error, before content and behind it, with what goes before it", () => {
    const error = { type: "overloaded_error", message: "busy" };
    expect(read("messages", start, named({ type: "error", error })).last).toMatchObject({ type: "failed", error });
    const piece = text("b") + named({ type: "error", error });
    expect(read("messages", text("a"), `${piece}data: [DONE]\n\n`).last).toEqual({
      type: "failed",
      bytes: piece.length,
      error,
    });
    expect(read("messages", text("a"), `data: ${JSON.stringify({ error })}\n\n`).last.type).toBe("failed");
  });
});

describe("reading the events of Responses", () => {
  const usage = { input_tokens: 17, output_tokens: 10, input_tokens_details: { cached_tokens: 16 } };
  const delta = (delta: string): string => named({ type: "response.output_text.delta", delta });
  const ended = (type: string): string => named({ type, response: { output: [], usage } });

  it("knows content from what only begins", () => {
    const events = [
      named({ type: "response.created", response: {} }),
      named({ type: "response.output_item.added", item: { type: "message", content: [] } }),
      named({ type: "response.content_part.added", part: { type: "output_text", text: "" } }),
      delta(""),
      delta("x"),
    ];
    expect(read("responses", ...events).content).toEqual([false, false, false, false, true]);
    const call = { type: "function_call", name: "f" };
    expect(read("responses", named({ type: "response.output_item.added", item: call })).content).toEqual([true]);
  });

  it.each(["response.completed", "response.incomplete"])("ends with %s and its counts, whatever follows", (type) => {
    const { last, usage: counted } = read("responses", delta("a"), `${ended(type)}data: [DONE]\n\n`);
    expect(last).toEqual({ type: "ended", bytes: ended(type).length });
    expect(counted).toEqual({ prompt_tokens: 17, completion_tokens: 10, cached_tokens: 16 });
  });

  it("is not misled by what a model writes", () => {
    const piece = delta('{"type":"response.completed","response":{}}');
    expect(read("responses", delta("a"), piece, "data: [DONE]\n\n").last).toEqual({ type: "goes_on" });
  });

  it("knows a failure in each of its forms", () => {
    const error = { code: "rate_limit_exceeded", message: "slow down" };
    for (const event of [
      named({ type: "response.failed", response: { error } }),
      named({ type: "response.cancelled", response: { error } }),
      named({ type: "error", error }),
      named({ type: "error", ...error }),
    ]) {
      expect(read("responses", delta("a"), event).last).toMatchObject({ type: "failed", error });
    }
  });
});

describe("an error inside a chat", () => {
  it("is known before content and behind it", () => {
    const error = { code: 500, message: "boom" };
    const event = `data: ${JSON.stringify({ error })}\n\n`;
    expect(read("chat_completions", event).last).toEqual({ type: "failed", bytes: event.length, error });
    expect(read("chat_completions", chunk({ content: "a" }), event).last.type).toBe("failed");
    expect(read("chat_completions", chunk({ content: '{"error":1}' }), chunk({ content: "a" })).last.type).toBe(
      "goes_on",
    );
  });
});

describe("the usage in an embeddings body", () => {
  it("is found before and behind the vectors", () => {
    const usage = '"usage" : {"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 1}, "total_tokens": 5}';
    const data = `"data":[${"0.123456,".repeat(100_000)}0]`;
    for (const body of [`{${usage},${data}}`, `{${data},${usage}}`]) {
      expect(usageInBody(Buffer.from(body))).toEqual({ prompt_tokens: 5, completion_tokens: 0, cached_tokens: 1 });
    }
    expect(usageInBody(Buffer.from(`{${data}}`))).toBeUndefined();
  });
});
