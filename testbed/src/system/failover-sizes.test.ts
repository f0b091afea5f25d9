import { afterEach, describe, expect, it } from "vitest";
import { errorOf } from "../scripted/answers.js";
import type { Script, ScriptedProvider } from "../scripted/scripted-provider.js";
import { startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

// What a request needs and what machines have, through a real coordinator and real sockets.

let hearth: TestCoordinator;
afterEach(() => hearth.stop());

const answer: Script = (s) => s.answer("good");
const say = (content: unknown): object => ({ model: "m", messages: [{ role: "user", content }] });
const GIB = 2 ** 30;

/** Chosen before a slower one. */
const QUICK = { model: "m", state: "running", running: 0, queued: 0, decode_tps: 200, prefill_tps: 5_000 } as const;
const SLOW = { ...QUICK, decode_tps: 20, prefill_tps: 300 } as const;

interface Two {
  readonly small: ScriptedProvider;
  readonly large: ScriptedProvider;
}

/** A quick machine with 4,096 tokens of context that does this, and a slow one with 32,768 that answers. */
async function smallAndLarge(script: Script, capabilities: object = {}): Promise<Two> {
  const small = await hearth.provider(script, {
    slots: [QUICK],
    models: [{ id: "m", context_length: 4_096, capabilities }],
  });
  const large = await hearth.provider(answer, {
    slots: [SLOW],
    models: [{ id: "m", context_length: 32_768, capabilities }],
  });
  return { small, large };
}

describe("a prompt that the first machine refuses as too long", () => {
  const words = { message: "the request exceeds the available context size", code: "context_length_exceeded" };
  const REFUSALS: readonly (readonly [string, Script])[] = [
    ["a bare 400", (s) => s.error({ code: "bad_request", status: 400, progress: "refused" })],
    ["a 400 with words", (s) => s.errorWithBody(400, { error: words })],
    ["a 413", (s) => s.error({ code: "bad_request", status: 413, progress: "refused" })],
    ["an error in an event", (s) => s.event({ error: { ...words, code: 400 } })],
  ];

  it.each(REFUSALS)("is answered from the larger context: %s", async (_how, refuses) => {
    hearth = await startTestCoordinator();
    const { small, large } = await smallAndLarge(refuses);
    // Some 8,000 tokens: more than a rule of four characters a token would say.
    const response = await hearth.chat(say("漢".repeat(8_000)));
    expect(response.status).toBe(200);
    expect(large.streams).toHaveLength(1);
    expect(small.streams.length).toBeLessThanOrEqual(1);
  });

  it.each(REFUSALS)("is so also where it looks short: %s", async (_how, refuses) => {
    hearth = await startTestCoordinator();
    const { small, large } = await smallAndLarge(refuses);
    expect((await hearth.chat(say("short, as it seems"))).status).toBe(200);
    expect([small.streams.length, large.streams.length]).toEqual([1, 1]);
  });

  it("is so with a picture", async () => {
    hearth = await startTestCoordinator();
    const { small, large } = await smallAndLarge(REFUSALS[0]?.[1] as Script, { vision: true });
    const picture = { type: "image_url", image_url: { url: "data:image/png;base64,AA==" } };
    expect((await hearth.chat(say([{ type: "text", text: "What is this?" }, picture]))).status).toBe(200);
    expect([small.streams.length, large.streams.length]).toEqual([1, 1]);
  });

  it("is so behind any number of small ones", async () => {
    hearth = await startTestCoordinator();
    const { small, large } = await smallAndLarge(REFUSALS[1]?.[1] as Script);
    for (let i = 0; i < 3; i++) {
      const models = [{ id: "m", context_length: 4_096 }];
      await hearth.provider(REFUSALS[1]?.[1] as Script, { slots: [QUICK], models });
    }
    expect((await hearth.chat(say("short, as it seems"))).headers.get("x-attempts")).toBe("2");
    expect(small.streams.length).toBeLessThanOrEqual(1);
    expect(large.streams).toHaveLength(1);
  });

  it("is told in the first one's words where the larger one refuses too, and nobody is struck", async () => {
    hearth = await startTestCoordinator();
    const refuses: Script = (s) => s.errorWithBody(400, { error: { ...words, message: `no: ${s.frame.attempt_id}` } });
    const small = await hearth.provider(refuses, { slots: [QUICK], models: [{ id: "m", context_length: 4_096 }] });
    await hearth.provider(refuses, { slots: [SLOW], models: [{ id: "m", context_length: 32_768 }] });
    for (let i = 0; i < 3; i++) {
      const response = await hearth.chat(say("short, as it seems"));
      expect(response.status).toBe(400);
      const message = `no: ${small.streams[i]?.frame.attempt_id}`;
      expect(await response.json()).toMatchObject({ error: { message, code: "context_length_exceeded" } });
    }
    expect(await hearth.metric('hearth_cooldowns_total{kind="base"}')).toBe(0);
  });
});

describe("a prompt of 61,000 tokens", () => {
  const long = say("word ".repeat(61_000));

  it("is refused at once where nobody has the context", async () => {
    hearth = await startTestCoordinator();
    const provider = await hearth.provider(answer, { models: [{ id: "m", context_length: 8_192 }] });
    expect(await errorOf(await hearth.chat(long))).toEqual({ status: 400, code: "context_length_exceeded" });
    expect(provider.streams).toHaveLength(0);
  });

  it("runs where a backend has 131,072, on whatever memory is free", async () => {
    hearth = await startTestCoordinator();
    const small = await hearth.provider(answer, { slots: [QUICK], models: [{ id: "m", context_length: 8_192 }] });
    const large = await hearth.provider(answer, {
      slots: [SLOW],
      models: [{ id: "m", context_length: 131_072, weights_bytes: 5 * GIB }],
      register: { hardware: { platform: "test", arch: "test", cpu_cores: 8, memory_bytes: 24 * GIB } },
    });
    large.heartbeat([SLOW], { memory_free_bytes: GIB, memory_pressure: 0.5 });
    expect((await hearth.chat(long)).status).toBe(200);
    expect([small.streams.length, large.streams.length]).toEqual([0, 1]);
  });
});

describe("a bound of 64,000 tokens on the answer", () => {
  it.each(["running", "idle", "idle_shutdown"] as const)(
    "is no need of them: an idle machine with 24 GB takes it (%s)",
    async (state) => {
      hearth = await startTestCoordinator();
      const slot = { model: "m", state, running: 0, queued: 0 };
      const machine = await hearth.provider(answer, {
        slots: [slot],
        models: [{ id: "m", context_length: 32_768, weights_bytes: 5 * GIB }],
        register: { hardware: { platform: "test", arch: "test", cpu_cores: 8, memory_bytes: 24 * GIB } },
      });
      machine.heartbeat([slot], { memory_free_bytes: 16 * GIB });
      const response = await hearth.chat({ ...say("x".repeat(1_024)), max_tokens: 64_000 });
      expect(response.status).toBe(200);
    },
  );
});

describe("tools", () => {
  const tools = [{ type: "function", function: { name: "f", parameters: { type: "object" } } }];

  it("go to no machine that says it has none", async () => {
    hearth = await startTestCoordinator();
    const none = await hearth.provider(answer, { models: [{ id: "m", capabilities: { tools: false } }] });
    const some = await hearth.provider(answer, { models: [{ id: "m", capabilities: { tools: true } }] });
    for (let i = 0; i < 20; i++) expect((await hearth.chat({ ...say("hi"), tools })).status).toBe(200);
    expect([none.streams.length, some.streams.length]).toEqual([0, 20]);
  });

  it("are refused at once where nobody has any, and go where nothing is said of them", async () => {
    hearth = await startTestCoordinator();
    const none = await hearth.provider(answer, { models: [{ id: "m", capabilities: { tools: false } }] });
    const refused = await hearth.chat({ ...say("hi"), tools });
    expect(await errorOf(refused)).toEqual({ status: 400, code: "capability_unsupported" });
    expect(none.streams).toHaveLength(0);
    await hearth.provider(answer, { models: [{ id: "m", capabilities: {} }] });
    expect((await hearth.chat({ ...say("hi"), tools })).status).toBe(200);
  });
});

describe("a chat of twelve turns over two equal machines", () => {
  const CHATS: readonly (readonly [string, Record<string, string>])[] = [
    ["by what was said before", {}],
    ["by the name that its consumer gave it", { "X-Hearth-Session": "chat-1" }],
  ];

  it.each(CHATS)("stays on one: %s", async (_how, headers) => {
    hearth = await startTestCoordinator();
    const machines = [await hearth.provider(answer), await hearth.provider(answer)];
    const messages: object[] = [{ role: "system", content: "You are terse." }];
    for (let turn = 1; turn <= 12; turn++) {
      messages.push({ role: "user", content: `turn ${turn}` });
      const response = await hearth.chat({ model: "m", messages }, { headers });
      expect(response.status).toBe(200);
      await response.json();
      messages.push({ role: "assistant", content: "good" });
    }
    expect(machines.map((each) => each.streams.length).sort((a, b) => a - b)).toEqual([0, 12]);
  });
});
