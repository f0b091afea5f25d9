import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readStream } from "../scripted/answers.js";
import { SpawnedHearth } from "./spawned-hearth.js";
import { startStubBackend } from "./stub-backend.js";
import { tracesOf } from "./traces-of-text.js";
import { readWebSocketBytes } from "./websocket-bytes.js";
import { startWireTap, type WireTap } from "./wire-tap.js";

const PROMPT = "the tortoise hid 48813 pearls under the lighthouse";
const COMPLETION = "a heron then sold 77120 of them to the ferryman";
const AGENT_NAME = "an agent name that anyone may read";

let hearth: SpawnedHearth;
let tap: WireTap;

const tapped = (): string => `ws://127.0.0.1:${tap.port}/ws/provider`;
const ask = (stream: boolean): object => ({ model: "pico", stream, messages: [{ role: "user", content: PROMPT }] });

/** Everything that crossed, as it was on the wire, and what the frames of each direction held, unmasked. */
function captured(): { readonly raw: Buffer; readonly fromAgent: Buffer; readonly fromCoordinator: Buffer } {
  const [connection] = tap.connections;
  if (tap.connections.length !== 1 || connection === undefined) throw new Error("the agent dialled more than once");
  const fromAgent = readWebSocketBytes(connection.toServer);
  const fromCoordinator = readWebSocketBytes(connection.toClient);
  expect(fromCoordinator.head).toMatch(/^HTTP\/1.1 101 /);
  expect(fromCoordinator.head).not.toMatch(/sec-websocket-extensions/i);
  return {
    raw: Buffer.concat([...connection.toServer, ...connection.toClient]),
    fromAgent: Buffer.concat(fromAgent.payloads),
    fromCoordinator: Buffer.concat(fromCoordinator.payloads),
  };
}

function expectNoTrace(text: string): void {
  for (const [where, bytes] of Object.entries(captured()))
    expect({ where, traces: tracesOf(text, bytes) }).toEqual({ where, traces: [] });
}

/** The same search does find what travels in the open, in the very capture that it found nothing else in. */
function expectSearchWorks(): void {
  const { raw, fromAgent, fromCoordinator } = captured();
  expect(tracesOf(AGENT_NAME, fromAgent)).toEqual(["plain"]);
  expect(tracesOf(AGENT_NAME, raw)).toEqual([]);
  expect(tracesOf('"encapsulated_key":', fromCoordinator)).toEqual(["plain"]);
}

describe("on the wire between coordinator and agent", () => {
  beforeEach(async () => {
    hearth = await SpawnedHearth.start();
    tap = await startWireTap(Number(new URL(hearth.url).port));
  });
  afterEach(async () => {
    await hearth[Symbol.asyncDispose]();
    await tap[Symbol.asyncDispose]();
  });

  it("shows neither the prompt nor the completion of a streamed and of a whole answer", async () => {
    await using backend = await startStubBackend("pico", (exchange) => {
      exchange.content(COMPLETION);
      exchange.end();
    });
    await hearth.agent({ backend: backend.url, name: AGENT_NAME, coordinator: tapped() });
    expect((await readStream(await hearth.chat(ask(true)))).content).toBe(COMPLETION);
    expect(await (await hearth.chat(ask(false))).text()).toContain(COMPLETION);
    expectNoTrace(PROMPT);
    expectNoTrace(COMPLETION);
    expectSearchWorks();
  });

  it("shows nothing of a backend's error that quotes the prompt", async () => {
    await using backend = await startStubBackend("pico", (exchange) => exchange.refuse(400, `cannot say: ${PROMPT}`));
    await hearth.agent({ backend: backend.url, name: AGENT_NAME, coordinator: tapped() });
    const refused = await hearth.chat(ask(true));
    expect(refused.status).toBe(400);
    expect(await refused.text()).toContain(PROMPT);
    expectNoTrace(PROMPT);
    expectSearchWorks();
  });

  it("shows nothing of what the embedded engine says", async () => {
    await hearth.agent({ name: AGENT_NAME, coordinator: tapped() });
    const answer = await readStream(await hearth.chat(ask(true)));
    expect(answer.content).not.toBe("");
    expectNoTrace(PROMPT);
    // Its words are too short to look for one by one; the events that carry them are not.
    expectNoTrace('"chat.completion.chunk"');
    expectNoTrace('"choices":[{"index":0');
    expectSearchWorks();
  });
});

describe("the search for traces", () => {
  it.each([
    ["plain", PROMPT],
    ["hex", Buffer.from(PROMPT).toString("hex")],
    ["hex", Buffer.from(PROMPT).toString("hex").toUpperCase()],
    ["utf-16", Buffer.from(PROMPT, "utf16le")],
    ["base64", Buffer.from(`x${PROMPT}`).toString("base64")],
    ["base64url", Buffer.from(`{"content":"${PROMPT}"}`).toString("base64url")],
    ["base64", Buffer.from(`xy${PROMPT}`).toString("base64")],
  ])("finds a planted text as %s", (form, planted) => {
    const noise = Buffer.from("noise before it ");
    expect(tracesOf(PROMPT, Buffer.concat([noise, Buffer.from(planted), noise]))).toContain(form);
    expect(tracesOf(COMPLETION, Buffer.concat([noise, Buffer.from(planted), noise]))).toEqual([]);
  });
});
