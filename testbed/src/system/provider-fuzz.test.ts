import { once } from "node:events";
import { type Rng, seededRng } from "@hearth/coordinator/internals";
import { encodeControl } from "@hearth/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ScriptedProvider } from "../scripted/scripted-provider.js";
import { chunkOf, type ScriptedStream } from "../scripted/scripted-stream.js";
import { API_KEY, PROVIDER_TOKEN, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

/** Set `HEARTH_FUZZ_SEED` to repeat a run, `HEARTH_FUZZ_ROUNDS` to make it longer. */
const SEED = Number(process.env["HEARTH_FUZZ_SEED"] ?? Math.floor(performance.now() * 1_000) % 1_000_000);
const ROUNDS = Number(process.env["HEARTH_FUZZ_ROUNDS"] ?? 60);

/** How long a consumer of the rogue's waits at most, ms. */
const PATIENCE_MS = 1_000;

let hearth: TestCoordinator;
const ended: unknown[] = [];
const note = (thrown: unknown): void => void ended.push(thrown);

beforeAll(async () => {
  process.on("uncaughtException", note);
  process.on("unhandledRejection", note);
  // A rogue fails on purpose: the caps on connections and the breaker are not what is tried here.
  hearth = await startTestCoordinator();
});

afterAll(async () => {
  await hearth.stop();
  process.off("uncaughtException", note);
  process.off("unhandledRejection", note);
});

const pick = <T>(rng: Rng, from: readonly T[]): T => from[Math.floor(rng.next() * from.length)] as T;
const below = (rng: Rng, n: number): number => Math.floor(rng.next() * n);
const bytes = (rng: Rng, n: number): Buffer => Buffer.from(Array.from({ length: n }, () => below(rng, 256)));

const ODD = [
  null,
  true,
  0,
  -1,
  1.5,
  2 ** 53 - 1,
  1e308,
  "",
  "a",
  "\u0000",
  "__proto__",
  "constructor",
  [],
  {},
  [null],
  { toString: 1 },
  { length: -1 },
  "漢".repeat(300),
] as const;

/** The same value with some of its members replaced by what does not belong there. */
function mutated(rng: Rng, value: unknown): unknown {
  if (rng.next() < 0.12) return pick(rng, ODD);
  if (Array.isArray(value)) return value.map((each) => mutated(rng, each));
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).filter(() => rng.next() > 0.05);
  return Object.fromEntries(members.map(([key, member]) => [key, mutated(rng, member)]));
}

/** The same bytes with a few of them changed, cut or put in. */
function spoiled(rng: Rng, text: Uint8Array): Buffer {
  const copy = Buffer.from(text);
  const at = below(rng, copy.length + 1);
  switch (below(rng, 4)) {
    case 0:
      return copy.subarray(0, at);
    case 1:
      return Buffer.concat([copy.subarray(0, at), bytes(rng, below(rng, 8)), copy.subarray(at)]);
    case 2:
      if (at < copy.length) copy[at] = below(rng, 256);
      return copy;
    default:
      return Buffer.concat([copy, copy.subarray(at)]);
  }
}

const FRAMES = [
  {
    type: "heartbeat",
    slots: [{ model: "fuzzed", state: "idle", running: 0, queued: 0 }],
    memory_pressure: 0.5,
    thermal: "nominal",
  },
  { type: "models_update", models: [{ id: "fuzzed", capabilities: { tools: true }, dialects: ["chat_completions"] }] },
  { type: "working", stream: 1, sign: "prefilling", counter: 7 },
  { type: "complete", stream: 1, usage: { prompt_tokens: 1, completion_tokens: 1 } },
  { type: "error", stream: 1, code: "backend_error", status: 500, progress: "processed", sealed_body: "AAAA" },
  {
    type: "receipt",
    stream: 1,
    blob: "AAAA",
    batch: { blob: "AAAA", signature: "A".repeat(86), index: 0, proof: ["A".repeat(43)] },
  },
  { type: "challenge_response", challenge: "A".repeat(43), blob: "AAAA", signature: "A".repeat(86) },
  { type: "key_update", encryption_key: { key_id: "k", public_key: "A".repeat(43) } },
  { type: "drain" },
  { type: "who-knows", x: 1 },
] as const;

/** One message on the socket: a control frame that is nearly right, or bytes that are nearly a data frame. */
function sendNoise(rng: Rng, provider: ScriptedProvider): void {
  const frame = { ...pick(rng, FRAMES), ...(rng.next() < 0.5 ? {} : { stream: below(rng, 4) }) };
  switch (below(rng, 4)) {
    case 0:
      return provider.sendText(JSON.stringify(mutated(rng, frame)));
    case 1:
      return provider.sendText(spoiled(rng, Buffer.from(JSON.stringify(frame))).toString("latin1"));
    case 2:
      return provider.sendBytes(bytes(rng, below(rng, 40)));
    default:
      return provider.sendBytes(
        Buffer.from([pick(rng, [0, 1, 2, 3]), 0, 0, 0, below(rng, 4), 0, 0, 0, below(rng, 3), below(rng, 20)]),
      );
  }
}

const EVENTS = [
  "\n\n",
  ":\n\n",
  "id\n\n",
  "data:\n\n",
  "\r\r",
  "data: {}\n\n",
  ": ping\r\n\r\n",
  "\ufeff\n\n",
  "data: [DONE]\n\n",
  "event: x\ndata: 1\n\n",
];

/** One sealed chunk whose plaintext is events, nearly. */
function noisyChunk(rng: Rng): Uint8Array {
  const call = { index: 0, id: "c", type: "function", function: { name: "f", arguments: "{}" } };
  const chunk = chunkOf(
    "fuzzed",
    pick<object>(rng, [{ content: "x" }, { tool_calls: [call] }, { reasoning_content: "t" }, {}]),
    pick(rng, [null, null, "stop"]),
  );
  const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };
  const deep = rng.next() < 0.05 ? `"x":${"[".repeat(20_000)}${"]".repeat(20_000)},` : "";
  const json = JSON.stringify(mutated(rng, rng.next() < 0.2 ? { ...chunk, usage } : chunk));
  const event = Buffer.from(`data: ${deep === "" ? json : json.replace("{", `{${deep}`)}\n\n`);
  switch (below(rng, 5)) {
    case 0:
      return Buffer.from(pick(rng, EVENTS));
    case 1:
      return spoiled(rng, event);
    case 2:
      return Buffer.concat([event, Buffer.from(pick(rng, EVENTS)), event]);
    default:
      return event;
  }
}

/** The one body of a whole answer, nearly. */
function noisyBody(rng: Rng): Uint8Array {
  const call = { id: "c", type: "function", function: { name: "f", arguments: "{}" } };
  const message = { role: "assistant", content: "x", ...(rng.next() < 0.5 ? { tool_calls: [call] } : {}) };
  const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };
  const choices = [{ index: 0, message, logprobs: null, finish_reason: "stop" }];
  const body = { id: "c", object: "chat.completion", created: 1, model: "fuzzed", choices, usage };
  const text = Buffer.from(JSON.stringify(mutated(rng, body)));
  return rng.next() < 0.3 ? spoiled(rng, text) : text;
}

/** Answers with noise: mostly well sealed, so that it gets as far as it can. */
function noisyAnswer(rng: Rng, provider: () => ScriptedProvider) {
  return (stream: ScriptedStream): void => {
    let final = stream.frame.delivery === "whole" && rng.next() < 0.6;
    if (final) {
      if (rng.next() < 0.5) stream.working("generating", below(rng, 100));
      stream.raw(noisyBody(rng), true);
    }
    for (let n = below(rng, 8); n > 0 && !final; n--) {
      if (rng.next() < 0.03) sendNoise(rng, provider());
      else if (rng.next() < 0.02) stream.sendFrame(spoiled(rng, stream.sealed("data: {}\n\n")));
      else {
        final = rng.next() < 0.03;
        stream.raw(noisyChunk(rng), final);
      }
    }
    const finish = `data: ${JSON.stringify(chunkOf("fuzzed", {}, "stop"))}\n\n`;
    if (!final && rng.next() < 0.7) stream.raw(rng.next() < 0.5 ? "data: [DONE]\n\n" : finish, true);
    stream.complete({ prompt_tokens: pick(rng, [1, 2 ** 53 - 1]), completion_tokens: pick(rng, [1, 2 ** 53 - 1]) });
  };
}

const ASKED: readonly (readonly [string, object])[] = [
  ["/v1/chat/completions", { messages: [{ role: "user", content: "x" }] }],
  ["/v1/completions", { prompt: "x" }],
  ["/v1/messages", { messages: [{ role: "user", content: "x" }], max_tokens: 16 }],
  ["/v1/responses", { input: "x" }],
];

/** Asks in any dialect until it is answered, or nobody wants to know any more. */
async function ask(rng: Rng, signal: AbortSignal): Promise<void> {
  const [path, body] = pick(rng, ASKED);
  const asked = fetch(hearth.url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${API_KEY}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "fuzzed", stream: rng.next() < 0.5, ...body }),
    // A rogue that says it leaves is asked nothing: its consumers would wait for another.
    signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]),
  });
  await asked.then((response) => response.text()).catch(() => "hung up");
}

/** Everything that was sent so far has been read, or the socket has been closed. */
async function readByNow({ socket, closed }: ScriptedProvider): Promise<void> {
  if (socket.readyState !== socket.OPEN) return;
  const pong = once(socket, "pong");
  socket.ping();
  await Promise.race([pong, closed]);
}

describe(`noise from a provider (HEARTH_FUZZ_SEED=${SEED})`, () => {
  it("before it is registered ends its socket and nothing else", async () => {
    const rng = seededRng(SEED);
    for (let round = 0; round < ROUNDS; round++) {
      const url = `${hearth.url.replace("http", "ws")}/ws/provider`;
      const rogue = await ScriptedProvider.connectOnly({ url, token: PROVIDER_TOKEN, script: () => {} });
      const frame = rogue.registerFrame();
      if (rng.next() < 0.5) rogue.sendText(JSON.stringify(mutated(rng, frame)));
      else rogue.sendText(spoiled(rng, Buffer.from(encodeControl(frame))).toString("latin1"));
      sendNoise(rng, rogue);
      sendNoise(rng, rogue);
      await rogue.close();
    }
    expect(ended).toEqual([]);
    expect((await hearth.get("/livez")).status).toBe(200);
  });

  it("on its streams costs no other stream, and never the process", { timeout: 60_000 }, async () => {
    const rng = seededRng(SEED + 1);
    const honest = await hearth.provider((stream) => stream.answer("good"), { models: [{ id: "m" }] });
    // One stream of another consumer's stays open all the while.
    let other: ScriptedStream | undefined;
    await hearth.provider(
      (stream) => {
        other = stream;
        stream.role();
        stream.content("begun");
      },
      { models: [{ id: "long" }] },
    );
    const long = await hearth.chat({ model: "long", stream: true, messages: [{ role: "user", content: "x" }] });
    for (let round = 0; round < ROUNDS; round++) {
      const gone = new AbortController();
      let answer = (): void => {};
      const answered = new Promise<void>((resolve) => {
        answer = resolve;
      });
      const noisy = noisyAnswer(rng, () => rogue);
      const script = (stream: ScriptedStream): void => {
        noisy(stream);
        answer();
      };
      const rogue: ScriptedProvider = await hearth.provider(script, { models: [{ id: "fuzzed" }] });
      const asks = Promise.all([ask(rng, gone.signal), ask(rng, gone.signal)]);
      await Promise.race([asks, answered, rogue.closed]);
      if (rng.next() < 0.3) sendNoise(rng, rogue);
      await readByNow(rogue);
      const good = await hearth.chat({ model: "m", messages: [{ role: "user", content: "x" }] });
      expect(good.status).toBe(200);
      expect(await good.text()).toContain("good");
      gone.abort();
      await asks;
      await rogue.close();
    }
    expect(ended).toEqual([]);
    expect(honest.socket.readyState).toBe(honest.socket.OPEN);
    other?.content("ended");
    other?.finish();
    other?.end();
    expect(await long.text()).toMatch(/begun.*ended.*\[DONE\]/s);
    await expect.poll(async () => (await hearth.get("/metrics")).text()).toContain("hearth_streams_open 0");
    const metrics = await (await hearth.get("/metrics")).text();
    const total = /hearth_tokens_total\{kind="completion"\} (\S+)/.exec(metrics)?.[1];
    expect(Number(total)).toBeLessThan(1e9);
  });
});
