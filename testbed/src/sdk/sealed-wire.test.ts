import { createSealedFetch } from "@hearth/client";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readStream } from "../scripted/answers.js";
import { API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { tracesOf } from "../system/traces-of-text.js";
import { startWireTap, type WireTap } from "../system/wire-tap.js";

const PROMPT = "the tortoise hid 48813 pearls under the lighthouse";
const COMPLETION = "a heron then sold 77120 of them to the ferryman";

let hearth: TestCoordinator;
let tap: WireTap;

beforeEach(async () => {
  hearth = await startTestCoordinator();
  tap = await startWireTap(Number(new URL(hearth.url).port));
});

afterEach(async () => {
  await hearth.stop();
  await tap[Symbol.asyncDispose]();
});

const captured = (): Buffer => Buffer.concat(tap.connections.flatMap((each) => [...each.toServer, ...each.toClient]));

function ask(carry: typeof fetch, stream: boolean): Promise<Response> {
  return carry(`http://127.0.0.1:${tap.port}/v1/chat/completions`, {
    method: "POST",
    headers: { Authorization: `Bearer ${API_KEY}`, "Content-Type": "application/json" },
    body: JSON.stringify({ model: "m", stream, messages: [{ role: "user", content: PROMPT }] }),
  });
}

const sealed = (): typeof fetch => createSealedFetch({ baseUrl: `http://127.0.0.1:${tap.port}/v1` });

describe("on the wire between a consumer who seals and the coordinator", () => {
  it("neither the prompt nor the completion shows, of a stream and of a whole answer", async () => {
    const provider = await hearth.provider((s) => s.answer(COMPLETION));
    expect((await readStream(await ask(sealed(), true))).content).toBe(COMPLETION);
    expect(await (await ask(sealed(), false)).text()).toContain(COMPLETION);
    expect(JSON.stringify(provider.streams[0]?.body)).toContain(PROMPT);
    expect(tracesOf(PROMPT, captured())).toEqual([]);
    expect(tracesOf(COMPLETION, captured())).toEqual([]);
    expect(tracesOf("chat.completion.chunk", captured())).toEqual([]);
    expect(tracesOf("application/hearth-sealed+json", captured())).toEqual(["plain"]);
  });

  it("a backend's error that quotes the prompt does not show either", async () => {
    await hearth.provider((s) => s.errorWithBody(400, { error: { message: `cannot say: ${PROMPT}` } }));
    const refused = await ask(sealed(), true);
    expect(refused.status).toBe(400);
    expect(await refused.text()).toContain(PROMPT);
    expect(tracesOf(PROMPT, captured())).toEqual([]);
  });

  it("an error in the middle of a stream does not show", async () => {
    await hearth.provider((s) => {
      s.role();
      s.content(COMPLETION);
      s.error();
    });
    const { errors } = await readStream(await ask(sealed(), true));
    expect(errors).toHaveLength(1);
    expect(tracesOf(errors[0]?.message ?? "", captured())).toEqual([]);
    expect(tracesOf(COMPLETION, captured())).toEqual([]);
  });

  it("everything shows of one who does not seal: the search does find", async () => {
    await hearth.provider((s) => s.answer(COMPLETION));
    await (await ask(fetch, true)).text();
    expect(tracesOf(PROMPT, captured())).toEqual(["plain"]);
    expect(tracesOf(COMPLETION, captured())).toEqual(["plain"]);
  });
});
