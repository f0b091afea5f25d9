import { repeat } from "@hearth/platform";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "./platform/clock.js";
import { CountingClock } from "./testing/counting-clock.js";
import { eventually } from "./testing/eventually.js";
import { LlamaServer } from "./testing/llama-server.js";
import { type AgentLink, ScriptedCoordinator, type SentRequest } from "./testing/scripted-coordinator.js";
import { SpawnedAgent } from "./testing/spawned-agent.js";
import { TestAgent } from "./testing/test-agent.js";

const QUESTION = { model: "pico", messages: [{ role: "user", content: "What is 7 + 8?" }], temperature: 0 };
const STREAM = { stream: true, stream_options: { include_usage: true } };

/** The text of an answer, from its events. */
function textOf(sent: SentRequest): string {
  const data = sent.text.split("\n\n").flatMap((event) => (event.startsWith("data: {") ? [event.slice(6)] : []));
  return data.map((json) => JSON.parse(json).choices[0]?.delta?.content ?? "").join("");
}

async function expectAnAnswer(link: AgentLink): Promise<void> {
  for (const delivery of ["interactive", "whole"] as const) {
    const sent = link.request({ ...QUESTION, ...STREAM }, { delivery });
    const ending = await sent.end(15_000);
    expect(ending).toMatchObject({ type: "complete", usage: { completion_tokens: expect.any(Number) } });
    expect(ending.usage?.prompt_tokens).toBeGreaterThan(5);
    if (delivery === "whole") {
      expect(JSON.parse(sent.text)).toMatchObject({
        object: "chat.completion",
        choices: [{ message: { role: "assistant", content: expect.stringContaining("15") } }],
      });
      continue;
    }
    expect(textOf(sent)).toContain("15");
    expect(sent.text.endsWith("data: [DONE]\n\n")).toBe(true);
  }
}

describe("with the embedded engine", () => {
  let coordinator: ScriptedCoordinator;
  let agent: SpawnedAgent;
  let link: AgentLink;

  beforeAll(async () => {
    coordinator = await ScriptedCoordinator.start();
    agent = new SpawnedAgent(["serve", "--coordinator", coordinator.url]);
    link = await coordinator.agent(1, 30_000);
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
    await coordinator[Symbol.asyncDispose]();
  });

  /** Generates until it is stopped, or for some seconds. */
  const long = { response_format: { type: "json_schema", json_schema: { name: "l", schema: endlessArray() } } };

  it("advertises what the model can do", () => {
    expect(link.register?.models).toMatchObject([
      {
        id: "pico",
        context_length: expect.any(Number),
        capabilities: { tools: true },
        weights_bytes: expect.any(Number),
      },
    ]);
    expect(link.register?.slots[0]?.max_concurrency).toBe(4);
  });

  it("answers, event by event or as a whole", () => expectAnAnswer(link));

  it("stops within 100 ms when it is cancelled", async () => {
    const sent = link.request({ ...QUESTION, ...STREAM, ...long });
    await eventually(() => textOf(sent).length > 5);
    sent.cancel();
    expect(await eventually(() => sent.ending !== undefined)).toBeLessThan(100);
    expect(sent.ending).toMatchObject({ code: "cancelled", progress: "processed" });
  });

  it("tells of an engine that is killed, and serves with a new one", async () => {
    const { pid } = await agent.log("engine started");
    const sent = link.request({ ...QUESTION, ...STREAM, ...long });
    await eventually(() => textOf(sent).length > 5);
    process.kill(Number(pid), "SIGKILL");
    expect(await sent.end()).toMatchObject({ type: "error", code: "backend_error", progress: "processed" });
    await eventually(() => agent.logged("engine started")?.["pid"] !== pid, 15_000, "another engine");
    await expectAnAnswer(link);
  });
});

function endlessArray(): object {
  return { type: "array", minItems: 1_000, items: { type: "integer" } };
}

const program = process.env["LLAMA_SERVER"];
// biome-ignore lint/suspicious/noConsole: whoever reads the run must see that tests were skipped
if (program === undefined) console.warn("NOTICE: LLAMA_SERVER is not set; tests with a real llama-server are skipped.");

describe.skipIf(program === undefined)("with a real llama-server", () => {
  let coordinator: ScriptedCoordinator;
  let server: LlamaServer;
  let agent: TestAgent;
  let link: AgentLink;

  beforeAll(async () => {
    coordinator = await ScriptedCoordinator.start({ heartbeatIntervalMs: 100 });
    server = await LlamaServer.start(program ?? "");
    agent = new TestAgent({ coordinators: [coordinator.url], backend: server.url });
    link = await coordinator.agent(1, 10_000);
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    await coordinator[Symbol.asyncDispose]();
  });

  const long = { max_tokens: 4_000, ignore_eos: true };

  it("advertises what the server says of itself", () => {
    expect(link.register?.models).toMatchObject([
      {
        id: "pico",
        context_length: expect.any(Number),
        dialects: ["chat_completions", "completions"],
        capabilities: { vision: false },
      },
    ]);
    expect(link.register?.slots[0]?.max_concurrency).toBe(2);
  });

  it("answers, event by event or as a whole", () => expectAnAnswer(link));

  it("serves text completions in their own dialect", async () => {
    const body = { model: "pico", prompt: "Hello", max_tokens: 4, ...STREAM };
    const sent = link.request(body, { dialect: "completions" });
    expect(await sent.end()).toMatchObject({ type: "complete", usage: { completion_tokens: 4 } });
    expect(sent.text).toContain('"text":');
  });

  it("passes on why the server refuses a request, sealed", async () => {
    const sent = link.request({ ...QUESTION, ...STREAM, messages: "none" });
    expect(await sent.end()).toMatchObject({ type: "error", code: "bad_request", status: 400, progress: "refused" });
    expect(sent.errorBody()).toMatchObject({ error: { code: 400 } });
  });

  it("frees the server's slot when it is cancelled", async () => {
    const sent = link.request({ ...QUESTION, ...STREAM, ...long });
    await eventually(() => textOf(sent).length > 5);
    expect(await server.busySlots()).toBe(1);
    sent.cancel();
    expect((await sent.end()).type).toBe("error");
    // The server itself looks at its connections between two batches.
    expect(await eventually(async () => (await server.busySlots()) === 0)).toBeLessThan(500);
  });

  it("tells of a server that is killed in the middle of an answer", async () => {
    const sent = link.request({ ...QUESTION, ...STREAM, ...long });
    await eventually(() => textOf(sent).length > 5);
    server.kill();
    expect(await sent.end()).toMatchObject({ type: "error", code: "backend_error", progress: "processed" });
    expect(sent.finished).toBe(false);
    expect(await link.request(QUESTION).end()).toMatchObject({ code: "backend_unreachable", progress: "not_started" });
  });
});

describe.skipIf(program === undefined)("with a real llama-server that reads a long prompt", () => {
  let coordinator: ScriptedCoordinator;
  let server: LlamaServer;
  let agent: TestAgent;
  let link: AgentLink;
  let pings: Disposable;

  beforeAll(async () => {
    coordinator = await ScriptedCoordinator.start();
    server = await LlamaServer.start(program ?? "", ["-b", "64", "-ub", "64"]);
    // Each batch takes it about 15 ms: most of a second, by this clock.
    const clock = new CountingClock(50);
    agent = new TestAgent({ coordinators: [coordinator.url], backend: server.url }, { clock });
    link = await coordinator.agent(1, 10_000);
    pings = repeat(systemClock, 50, () => link.socket.ping());
  });
  afterAll(async () => {
    pings[Symbol.dispose]();
    await agent[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    await coordinator[Symbol.asyncDispose]();
  });

  const prompt = (word: string, times: number) => [{ role: "user", content: `${word} `.repeat(times) }];

  it("tells how much of it is read, and passes on no event of that", async () => {
    const sent = link.request({ model: "pico", messages: prompt("word", 1_500), max_tokens: 4, ...STREAM });
    const ending = await sent.end(15_000);
    const signs = sent.control.flatMap((frame) => (frame.type === "working" && !frame.scope ? [frame] : []));
    const counters = signs.map(({ counter }) => counter);
    expect(new Set(signs.map(({ sign }) => sign))).toEqual(new Set(["prefilling"]));
    expect(counters.length).toBeGreaterThan(3);
    expect(counters).toEqual(counters.toSorted((a, b) => a - b));
    expect(counters.at(-1)).toBeLessThan(ending.usage?.prompt_tokens ?? 0);
    expect(sent.text).not.toContain("prompt_progress");
    expect(sent.holdings[0]).toBe("preamble");
  });

  it("passes the events on to a consumer who asks for them", async () => {
    const body = { model: "pico", messages: prompt("another", 500), max_tokens: 4, return_progress: true, ...STREAM };
    const sent = link.request(body);
    expect((await sent.end(15_000)).type).toBe("complete");
    expect(sent.text.match(/prompt_progress/g)?.length).toBeGreaterThan(3);
    expect(sent.control.some((frame) => frame.type === "working" && frame.sign === "prefilling")).toBe(true);
  });
});
