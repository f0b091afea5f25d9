import { createSealedFetch } from "@hearth/client";
import OpenAI from "openai";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
// Not of the coordinator's interface: one number is changed.
import {
  DEFAULT_IDEMPOTENCY,
  type IdempotencySettings,
} from "../../../coordinator/src/http/idempotency/kept-answers.js";
import { until } from "../scripted/answers.js";
import { AttestingMachine } from "../scripted/attesting-machine.js";
import type { ScriptedProvider } from "../scripted/scripted-provider.js";
import type { ScriptedStream } from "../scripted/scripted-stream.js";
import { API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

let hearth: TestCoordinator;
beforeEach(async () => {
  hearth = await startTestCoordinator();
});
afterEach(() => hearth.stop());

const ask = (more: object = {}) => ({ model: "m", messages: [{ role: "user" as const, content: "hi" }], ...more });

/** Begins anew with other numbers. */
async function keeping(changes: Partial<IdempotencySettings>): Promise<void> {
  await hearth.stop();
  hearth = await startTestCoordinator({ settings: { idempotency: { ...DEFAULT_IDEMPOTENCY, ...changes } } });
}

/** Sends a chat under a key. */
const chat = (key: string, more: object = {}, init: RequestInit = {}): Promise<Response> =>
  hearth.chat(ask(more), { ...init, headers: { "Idempotency-Key": key, ...init.headers } });

const replayed = ({ headers }: Response): boolean => headers.get("idempotent-replayed") === "true";

async function refusal(response: Response): Promise<object> {
  const { error } = (await response.json()) as { error: { code: string; param: string } };
  return { status: response.status, code: error.code, param: error.param };
}

/** A machine whose every answer is another one. */
function counting(): Promise<ScriptedProvider> {
  let count = 0;
  return hearth.provider((s) => {
    count += 1;
    s.answer("answer ", String(count));
  });
}

describe("a request that comes again under its key", () => {
  it.each([
    ["whole", {}],
    ["streamed", { stream: true }],
    ["of several choices", { n: 2 }],
  ])("gets the answer that the first one got, %s, and is not executed", async (_how, more) => {
    const provider = await counting();
    const first = await chat("k", more);
    const told = await first.text();
    const second = await chat("k", more);
    expect(await second.text()).toBe(told);
    expect([replayed(first), replayed(second)]).toEqual([false, true]);
    expect(second.headers.get("content-type")).toBe(first.headers.get("content-type"));
    expect(second.headers.get("x-provider-id")).toBe(first.headers.get("x-provider-id"));
    expect(second.headers.get("x-request-id")).not.toBe(first.headers.get("x-request-id"));
    expect(provider.streams).toHaveLength("n" in more ? 2 : 1);
    expect(await hearth.metric("hearth_answers_replayed_total")).toBe(1);
  });

  it("gets it through the SDK, which may send the key by itself", async () => {
    const provider = await counting();
    const client = new OpenAI({ apiKey: API_KEY, baseURL: `${hearth.url}/v1`, maxRetries: 0 });
    const headers = { "Idempotency-Key": crypto.randomUUID() };
    const [one, two] = [
      await client.chat.completions.create(ask(), { headers }),
      await client.chat.completions.create(ask(), { headers }),
    ];
    expect(two).toEqual(one);
    const embedding = { model: "m", input: "x" };
    await expect(client.embeddings.create(embedding, { headers })).rejects.not.toMatchObject({ status: 422 });
    expect(provider.streams).toHaveLength(1);
  });

  it("waits while the first one runs", async () => {
    const running: ScriptedStream[] = [];
    await hearth.provider((s) => {
      running.push(s);
      s.content("half ");
    });
    const first = chat("k", { stream: true });
    await until("it runs", () => running.length === 1);
    const others = [chat("k", { stream: true }), chat("k", { stream: true })];
    await first;
    running[0]?.content("and half");
    running[0]?.finish();
    running[0]?.end();
    const texts = await Promise.all([first, ...others].map(async (each) => (await each).text()));
    expect(texts[0]).toContain("and half");
    expect(new Set(texts).size).toBe(1);
    expect((await Promise.all(others)).map(replayed)).toEqual([true, true]);
    expect(running).toHaveLength(1);
  });

  it("waits no longer than it wants to", async () => {
    const provider = await hearth.provider((s) => s.content("half "));
    const first = await chat("k", { stream: true });
    const refused = await chat("k", { stream: true }, { headers: { "X-Hearth-Timeout": "1" } });
    expect(await refusal(refused)).toMatchObject({ status: 409, code: "request_in_progress" });
    expect(refused.headers.get("retry-after")).not.toBeNull();
    provider.streams[0]?.finish();
    provider.streams[0]?.end();
    await first.text();
  });

  it("finds the answer that went on being made when its consumer had gone", async () => {
    const provider = await hearth.provider((s) => s.content("half "));
    const controller = new AbortController();
    const first = await chat("k", { stream: true }, { signal: controller.signal });
    await first.body?.getReader().read();
    controller.abort();
    const second = chat("k", { stream: true });
    const stream = provider.streams[0] as ScriptedStream;
    stream.content("and half");
    stream.finish();
    stream.end();
    expect(await (await second).text()).toContain("and half");
    expect([provider.streams.length, stream.cancelReason]).toEqual([1, undefined]);
  });

  it("is refused where its body is another one", async () => {
    await counting();
    await (await chat("k")).text();
    const other = await chat("k", { temperature: 1 });
    expect(await refusal(other)).toEqual({ status: 422, code: "idempotency_key_reused", param: "Idempotency-Key" });
    expect(other.headers.get("x-should-retry")).toBeNull();
    expect((await chat("other", { temperature: 1 })).status).toBe(200);
  });

  it("is executed anew after a failure that may pass, and not after one that would not", async () => {
    let fails = true;
    const provider = await hearth.provider((s) => {
      if (s.body["temperature"] === 1) return s.errorWithBody(400, { error: { message: "too hot" } });
      if (fails) return s.error();
      s.answer("fine");
    });
    expect((await chat("k")).status).toBe(502);
    fails = false;
    expect((await chat("k")).status).toBe(200);
    const wrong = await refusal(await chat("w", { temperature: 1 }));
    const asked = provider.streams.length;
    const again = await chat("w", { temperature: 1 });
    expect([replayed(again), await refusal(again)]).toEqual([true, wrong]);
    expect(provider.streams).toHaveLength(asked);
  });

  it("is executed anew where the first one was refused before it got anywhere, or broke off in its stream", async () => {
    expect((await chat("k")).status).toBe(404);
    let breaks = true;
    const provider = await hearth.provider((s) => {
      s.content("half");
      if (breaks) return s.error();
      s.finish();
      s.end();
    });
    expect(await (await chat("k", { stream: true })).text()).toContain('"error"');
    breaks = false;
    const whole = await (await chat("k", { stream: true })).text();
    expect(whole).not.toContain('"error"');
    expect(provider.streams).toHaveLength(2);
  });

  it("carries the receipt of the first one", async () => {
    await hearth.provider((s) => s.answer("signed"), { machine: new AttestingMachine() });
    const first = await chat("k", { stream: true });
    const text = await first.text();
    expect(text).toContain(": hearth-receipt ");
    const second = await chat("k", { stream: true });
    expect(await second.text()).toBe(text);
    expect(second.headers.get("x-receipt-id")).toBe(first.headers.get("x-receipt-id"));
    expect(await hearth.receipt(second)).toHaveProperty("receipt");
  });
});

describe("what is not kept", () => {
  it("is an answer over the bound: it is given, and not made again", async () => {
    await keeping({ answerBytes: 2_000 });
    const provider = await hearth.provider((s) => s.answer("x".repeat(3_000)));
    expect(await (await chat("k", { stream: true })).text()).toContain("xxx");
    const again = await chat("k", { stream: true });
    expect(again.headers.get("x-should-retry")).toBe("false");
    expect(await refusal(again)).toMatchObject({ status: 409, code: "answer_not_kept" });
    expect(provider.streams).toHaveLength(1);
  });

  it.each([
    ["empty", ""],
    ["too long", "k".repeat(256)],
    ["no text", "k\u00e9"],
  ])("is anything under a key that is %s", async (_what, key) => {
    expect(await refusal(await chat(key))).toMatchObject({ status: 400, param: "Idempotency-Key" });
  });

  it("is an answer to a sealed request: it is not made again either", async () => {
    const provider = await counting();
    const fetch = createSealedFetch({ baseUrl: hearth.url });
    const client = new OpenAI({ apiKey: API_KEY, baseURL: `${hearth.url}/v1`, maxRetries: 0, fetch });
    const headers = { "Idempotency-Key": "k" };
    const { choices } = await client.chat.completions.create(ask(), { headers });
    expect(choices[0]?.message.content).toBe("answer 1");
    const again = client.chat.completions.create(ask(), { headers });
    await expect(again).rejects.toMatchObject({ status: 409, code: "answer_not_kept" });
    const other = client.chat.completions.create(ask({ temperature: 1 }), { headers });
    await expect(other).rejects.toMatchObject({ status: 422, code: "idempotency_key_reused" });
    expect(provider.streams).toHaveLength(1);
  });

  it("is one whose consumer went and did not come back in time: it is called off", async () => {
    await keeping({ lingerMs: 0 });
    const provider = await hearth.provider((s) => s.content("half "));
    const controller = new AbortController();
    const first = await chat("k", { stream: true }, { signal: controller.signal });
    await first.body?.getReader().read();
    controller.abort();
    expect(await provider.streams[0]?.cancelled).toBe("consumer_gone");
    const second = await chat("k", { stream: true });
    expect([second.status, provider.streams.length]).toEqual([200, 2]);
    provider.streams[1]?.finish();
    provider.streams[1]?.end();
    await second.text();
  });

  it("says so in the form of Messages as well", async () => {
    await counting();
    const send = (content: string) =>
      fetch(`${hearth.url}/v1/messages`, {
        method: "POST",
        headers: { "x-api-key": API_KEY, "Idempotency-Key": "k" },
        body: JSON.stringify({ model: "m", max_tokens: 9, messages: [{ role: "user", content }] }),
      });
    const told = await (await send("a")).text();
    expect(await (await send("a")).text()).toBe(told);
    expect(await (await send("b")).json()).toMatchObject({ type: "error", error: { type: "invalid_request_error" } });
  });
});
