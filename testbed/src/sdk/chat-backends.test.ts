import { connect } from "node:net";
import { createOpenAI } from "@ai-sdk/openai";
import { ChatOpenAI } from "@langchain/openai";
import { streamText, tool } from "ai";
import OpenAI from "openai";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Script } from "../scripted/scripted-provider.js";
import type { ScriptedStream } from "../scripted/scripted-stream.js";
import { API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { type CheckedFetch, checkedFetch } from "./schema/checked-fetch.js";

let hearth: TestCoordinator;
let checked: CheckedFetch;

beforeEach(async () => {
  hearth = await startTestCoordinator();
  checked = checkedFetch();
});

afterEach(async () => {
  await checked.verify();
  await hearth.stop();
});

const HEAD = { id: "c", object: "chat.completion.chunk", created: 1, model: "m" };

/** One event whose choice has just these members. */
const choice = (s: ScriptedStream, members: object, head: object = HEAD): void =>
  s.event({ ...head, choices: [members] });

function done(s: ScriptedStream): void {
  s.raw("data: [DONE]\n\n", true);
  s.complete();
}

/** Backends as they are found, each leaving something out that an SDK relies on. */
const BACKENDS: readonly (readonly [string, Script])[] = [
  [
    "repeats the role, and gives whole tool calls under one index",
    (s) => {
      const call = (id: string, city: string): void =>
        choice(s, {
          index: 0,
          delta: {
            role: "assistant",
            content: "",
            tool_calls: [
              { index: 0, id, type: "function", function: { name: "weather", arguments: `{"city":"${city}"}` } },
            ],
          },
          finish_reason: null,
        });
      choice(s, { index: 0, delta: { role: "assistant", content: "Let me see." }, finish_reason: null });
      call("a", "Bern");
      call("b", "Köln");
      choice(s, { index: 0, delta: { role: "assistant", content: "" }, finish_reason: "stop" });
      done(s);
    },
  ],
  [
    "leaves out the head, the role, every index, the types, the ids and the finish reason",
    (s) => {
      choice(s, { delta: { content: "Let me" } }, {});
      choice(s, { delta: { content: " see." } }, {});
      for (const city of ["Bern", "Köln"]) {
        const called = { name: "weather", arguments: { city } };
        choice(s, { delta: { tool_calls: [{ id: `call_${city}`, function: called }] } }, {});
      }
      done(s);
    },
  ],
  [
    "repeats id, type and name, sends the name late, and has its own finish reasons",
    (s) => {
      choice(s, { index: 0, delta: { role: "assistant", content: "Let me see." }, finish_reason: null });
      for (const [index, city] of ["Bern", "Köln"].entries()) {
        const ids = { index, id: `call_${index}`, type: "function" };
        const send = (called: object): void =>
          choice(s, { index: 0, delta: { tool_calls: [{ ...ids, function: called }] }, finish_reason: "" });
        send({ arguments: '{"city":' });
        send({ name: "weather", arguments: `"${city}"` });
        send({ name: "weather", arguments: "}" });
      }
      choice(s, { index: 0, delta: {}, finish_reason: "tool_use" });
      s.event({ ...HEAD, usage: { prompt_tokens: 3, completion_tokens: 2 } });
      done(s);
    },
  ],
];

const CITIES = [{ city: "Bern" }, { city: "Köln" }];

describe.each(BACKENDS)("a backend that %s", (_name, script) => {
  beforeEach(async () => {
    await hearth.provider(script);
  });

  it("is understood by the openai SDK, streaming and not", async () => {
    const client = new OpenAI({ apiKey: API_KEY, baseURL: `${hearth.url}/v1`, maxRetries: 0, fetch: checked.fetch });
    const ask = { model: "m", messages: [{ role: "user" as const, content: "the weather?" }] };
    const whole = await client.chat.completions.create(ask);
    const streamed = await client.chat.completions.stream(ask).finalChatCompletion();
    for (const { choices } of [whole, streamed]) {
      const [first] = choices;
      expect(first?.message.content).toBe("Let me see.");
      expect(first?.finish_reason).toBe("tool_calls");
      const calls = first?.message.tool_calls ?? [];
      expect(calls.map((call) => call.type === "function" && JSON.parse(call.function.arguments))).toEqual(CITIES);
      expect(new Set(calls.map((call) => call.id)).size).toBe(2);
    }
  });

  it("is understood by the AI SDK", async () => {
    const model = createOpenAI({ apiKey: API_KEY, baseURL: `${hearth.url}/v1`, fetch: checked.fetch }).chat("m");
    const weather = tool({ inputSchema: z.object({ city: z.string() }), execute: () => "rain" });
    const result = streamText({ model, prompt: "the weather?", tools: { weather }, maxRetries: 0 });
    expect(await result.text).toBe("Let me see.");
    expect((await result.toolCalls).map((call) => call.input)).toEqual(CITIES);
    expect(await result.finishReason).toBe("tool-calls");
  });

  it("is understood by LangChain", async () => {
    const configuration = { baseURL: `${hearth.url}/v1`, fetch: checked.fetch };
    const model = new ChatOpenAI({ model: "m", apiKey: API_KEY, maxRetries: 0, configuration });
    const pieces = [];
    for await (const chunk of await model.stream("the weather?")) pieces.push(chunk);
    const message = pieces.reduce((before, next) => before.concat(next));
    expect(message.text).toBe("Let me see.");
    expect(message.tool_calls?.map((call) => call.args)).toEqual(CITIES);
  });
});

describe("a stream of well-formed events", () => {
  const EVENTS = [
    'event: message\nid: 7\ndata: {"id":"c", "object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n',
    ': a comment of the backend\ndata: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"Gr\\u00fc\\u00dfe 世界"},"logprobs":null,"finish_reason":null}], "x":1e2}\n\n',
    'retry: 5\r\ndata: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\r\n\r\n',
  ];

  beforeEach(async () => {
    await hearth.provider((s) => {
      s.raw(EVENTS.join(""));
      done(s);
    });
  });

  const ask = () => hearth.chat({ model: "m", messages: [{ role: "user", content: "hi" }], stream: true });

  it("comes through byte for byte, with the names, ids, retry hints and comments of the backend", async () => {
    expect(await (await ask()).text()).toBe(`${EVENTS.join("")}data: [DONE]\n\n`);
  });

  it("comes through in writes of whole events, in a stream that nothing on the way may hold back or change", async () => {
    const { hostname, port } = new URL(hearth.url);
    const socket = connect(Number(port), hostname);
    const body = JSON.stringify({ model: "m", messages: [{ role: "user", content: "hi" }], stream: true });
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${API_KEY}\r\n` +
        `Connection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    const answer = Buffer.concat(await socket.toArray());
    const headEnd = answer.indexOf("\r\n\r\n") + 4;
    const head = answer.subarray(0, headEnd).toString().toLowerCase();
    for (const header of [
      "content-type: text/event-stream; charset=utf-8",
      "cache-control: no-cache, no-transform",
      "x-accel-buffering: no",
      "transfer-encoding: chunked",
    ]) {
      expect(head).toContain(header);
    }
    const writes = writesIn(answer.subarray(headEnd));
    expect(writes.join("")).toBe(`${EVENTS.join("")}data: [DONE]\n\n`);
    // Some clients lose an event that is cut in two.
    for (const write of writes) expect(write).toMatch(/\n\r?\n$/);
  });
});

/** What was written at once, each, as HTTP's chunked coding keeps it apart. */
function writesIn(body: Buffer): string[] {
  const writes: string[] = [];
  for (let at = 0; ; ) {
    const lineEnd = body.indexOf("\r\n", at);
    const size = Number.parseInt(body.toString("latin1", at, lineEnd), 16);
    if (size === 0) return writes;
    writes.push(body.toString("utf8", lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}
