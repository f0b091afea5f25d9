import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { TestAgent } from "../../../provider-agent/src/testing/test-agent.js";
import { until } from "../scripted/answers.js";
import { API_KEY, PROVIDER_TOKEN, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

// A real agent in front of a backend that says much in one event, and a real coordinator.

let hearth: TestCoordinator;
let running: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of running.toReversed()) await each[Symbol.asyncDispose]();
  running = [];
  await hearth.stop();
});

const MIB = 2 ** 20;
const named = (value: { readonly type: string; readonly [key: string]: unknown }): string =>
  `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;
const event = (value: object): string => `data: ${JSON.stringify(value)}\n\n`;
const chunk = (delta: object, finish_reason: string | null = null): string =>
  event({ id: "c", object: "chat.completion.chunk", model: "m", choices: [{ index: 0, delta, finish_reason }] });
const DONE = "data: [DONE]\n\n";

/** A text of this many bytes that is the same nowhere for long. */
function textOf(bytes: number): string {
  let text = "";
  for (let n = 0; text.length < bytes; n += 1) text += `${n} ways, `;
  return text.slice(0, bytes);
}

interface Api {
  /** A whole stream whose text comes in one event. */
  readonly stream: (text: string) => string;
  readonly ask: object;
}

const stop = { index: 0, finish_reason: "stop" };
const usage = { input_tokens: 1, output_tokens: 9 };
const message = { id: "msg_1", type: "message", role: "assistant", model: "m", content: [], stop_reason: null, usage };
const response = { id: "resp_1", object: "response", model: "m", output: [] };

const APIS: Readonly<Record<string, Api>> = {
  "chat/completions": {
    stream: (text) => chunk({ role: "assistant" }) + chunk({ content: text }) + chunk({}, "stop") + DONE,
    ask: { messages: [{ role: "user", content: "hi" }] },
  },
  completions: {
    stream: (text) => event({ id: "c", object: "text_completion", model: "m", choices: [{ ...stop, text }] }) + DONE,
    ask: { prompt: "hi", max_tokens: 16 },
  },
  messages: {
    stream: (text) =>
      named({ type: "message_start", message }) +
      named({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }) +
      named({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } }) +
      named({ type: "content_block_stop", index: 0 }) +
      named({ type: "message_delta", delta: { stop_reason: "end_turn" }, usage }) +
      named({ type: "message_stop" }),
    ask: { messages: [{ role: "user", content: "hi" }], max_tokens: 16 },
  },
  responses: {
    stream: (text) => {
      const item = { type: "message", id: "i", role: "assistant", content: [{ type: "output_text", text }] };
      return (
        named({ type: "response.created", response: { ...response, status: "in_progress" } }) +
        named({ type: "response.output_text.delta", item_id: "i", output_index: 0, content_index: 0, delta: text }) +
        named({ type: "response.completed", response: { ...response, status: "completed", output: [item], usage } })
      );
    },
    // What is kept is made of a chat.
    ask: { input: "hi", store: false },
  },
};

interface Answering {
  readonly path: string;
  readonly answer: ServerResponse;
}

/** A server that has these endpoints and, where they are more than one, says so as vLLM does. */
async function backend(paths: readonly string[], answering: (call: Answering) => void): Promise<string> {
  const pages: Readonly<Record<string, object>> = {
    "/v1/models": { object: "list", data: [{ id: "m", owned_by: paths.length > 1 ? "vllm" : "somebody" }] },
    "/openapi.json": { paths: Object.fromEntries(paths.map((path) => [`/v1/${path}`, {}])) },
  };
  const server = createServer((request, answer) => {
    const page = pages[request.url ?? ""];
    if (page !== undefined) answer.end(JSON.stringify(page));
    else if (request.method !== "POST" || !request.url?.startsWith("/v1/")) answer.writeHead(404).end();
    else {
      request.resume().on("end", () => {
        answer.writeHead(200, { "Content-Type": "text/event-stream" });
        answering({ path: request.url?.slice("/v1/".length) ?? "", answer });
      });
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  running.push({
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
}

/** An agent of its own for such a server. */
async function agentFor(paths: readonly string[], answering: (call: Answering) => void): Promise<void> {
  const before = hearth.coordinator.registry.size;
  const agent = new TestAgent({
    coordinators: [`${hearth.url.replace("http", "ws")}/ws/provider`],
    backend: await backend(paths, answering),
    config: { tokenFor: () => PROVIDER_TOKEN, nativeDialects: ["responses", "messages"] },
  });
  running.push(agent);
  await until("the agent is connected", () => hearth.coordinator.registry.size > before, 20_000);
}

const ask = (path: string, more: object): Promise<Response> =>
  fetch(`${hearth.url}/v1/${path}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${API_KEY}`, "Content-Type": "application/json" },
    body: JSON.stringify({ model: "m", ...APIS[path]?.ask, ...more }),
  });

interface ChatAnswer {
  readonly choices: readonly {
    readonly message: { readonly tool_calls: readonly { readonly function: { readonly arguments: string } }[] };
  }[];
}
interface MessagesAnswer {
  readonly content: readonly { readonly input: unknown }[];
}

const SIZES = [1.5, 5] as const;
const TRANSLATED = ["chat/completions"] as const;
const NATIVE = ["chat/completions", "completions", "messages", "responses"] as const;

describe("an answer that comes in one large event", () => {
  it.each([
    ["translated", TRANSLATED],
    ["as the backend says it", NATIVE],
  ])("gets through in every API, streamed and whole: %s", { timeout: 60_000 }, async (_how, paths) => {
    hearth = await startTestCoordinator();
    let text = "";
    const called = new Set<string>();
    await agentFor(paths, ({ path, answer }) => {
      called.add(path);
      answer.end(APIS[path]?.stream(text));
    });
    for (const size of SIZES) {
      text = textOf(size * MIB);
      for (const path of Object.keys(APIS)) {
        for (const stream of [true, false]) {
          const answered = await ask(path, { stream });
          const whole = (await answered.text()).includes(text);
          expect({ path, stream, size, status: answered.status, whole }).toMatchObject({ status: 200, whole: true });
        }
      }
    }
    expect([...called].sort()).toEqual([...paths].sort());
  });

  it.each(SIZES)("gets through as a tool call of %s MiB", async (size) => {
    hearth = await startTestCoordinator();
    const args = JSON.stringify({ text: textOf(size * MIB) });
    const call = { index: 0, id: "call_1", type: "function", function: { name: "write", arguments: args } };
    await agentFor(TRANSLATED, ({ answer }) =>
      answer.end(chunk({ role: "assistant", tool_calls: [call] }) + chunk({}, "tool_calls") + DONE),
    );
    const tool = { name: "write", parameters: { type: "object", properties: { text: { type: "string" } } } };
    const tools = [{ type: "function", function: tool }];
    const whole = (await (await ask("chat/completions", { tools })).json()) as ChatAnswer;
    expect(whole.choices[0]?.message.tool_calls[0]?.function.arguments === args).toBe(true);
    const streamed = await (await ask("chat/completions", { tools, stream: true })).text();
    expect(streamed.includes(JSON.stringify(args))).toBe(true);
    const messages = { tools: [{ name: "write", input_schema: tool.parameters }] };
    const translated = (await (await ask("messages", messages)).json()) as MessagesAnswer;
    expect(JSON.stringify(translated.content[0]?.input) === args).toBe(true);
  });
});

describe("an event that is larger than one may be", () => {
  const endless = (answer: ServerResponse, sent: { bytes: number }): void => {
    const part = "x".repeat(64 * 1024);
    const pour = (): void => {
      while (!answer.destroyed && answer.write(part)) sent.bytes += part.length;
      sent.bytes += part.length;
    };
    answer.on("drain", pour);
    answer.write(chunk({ role: "assistant" }).slice(0, -2));
    pour();
  };

  it.each([true, false])(
    "is given up, answered by another machine, and nobody else's harm (streamed: %s)",
    async (stream) => {
      hearth = await startTestCoordinator();
      const sent = { bytes: 0 };
      let beside: ServerResponse | undefined;
      await agentFor(TRANSLATED, ({ answer }) => {
        if (beside === undefined) beside = answer.on("error", () => {});
        else endless(answer, sent);
      });
      const other = ask("chat/completions", { stream: true });
      await until("the first request is there", () => beside !== undefined);
      let good = 0;
      await agentFor(TRANSLATED, ({ answer }) => {
        good += 1;
        answer.end(chunk({ content: "good" }) + chunk({}, "stop") + DONE);
      });
      while (sent.bytes === 0) {
        const answered = await ask("chat/completions", { stream });
        expect(answered.status).toBe(200);
        expect(await answered.text()).toContain("good");
      }
      expect(good).toBeGreaterThan(0);
      expect(sent.bytes).toBeLessThan(64 * MIB);
      beside?.end(chunk({ content: "unharmed" }) + chunk({}, "stop") + DONE);
      expect(await (await other).text()).toContain("unharmed");
      expect(hearth.coordinator.registry.size).toBe(2);
    },
  );

  it("is an error where there is nobody else", async () => {
    hearth = await startTestCoordinator();
    await agentFor(TRANSLATED, ({ answer }) => endless(answer, { bytes: 0 }));
    const answered = await ask("chat/completions", { stream: true });
    expect(answered.status).toBe(502);
    const message = "The backend's answer has an event that is larger than 16 MiB.";
    expect(await answered.json()).toMatchObject({ error: { message } });
    expect(hearth.coordinator.registry.size).toBe(1);
  });
});

it("lets a backend say all of a long request again before it answers", async () => {
  hearth = await startTestCoordinator();
  const instructions = textOf(1.5 * MIB);
  await agentFor(NATIVE, ({ answer }) => {
    const created = { ...response, status: "in_progress", instructions };
    answer.write(named({ type: "response.created", response: created }));
    answer.write(named({ type: "response.in_progress", response: created }));
    answer.end(APIS["responses"]?.stream("good").split("\n\n").slice(1).join("\n\n"));
  });
  const answered = await ask("responses", { stream: true, instructions });
  expect(answered.status).toBe(200);
  expect((await answered.text()).includes("good")).toBe(true);
});
