import { DEFAULT_POLICY, type PolicySettings } from "@hearth/coordinator";
import { DEFAULT_CATALOG } from "@hearth/coordinator/internals";
import type { Slot } from "@hearth/protocol";
import { afterEach, describe, expect, it } from "vitest";
import { errorOf, readStream, until } from "../scripted/answers.js";
import { dispatched, type Script, type ScriptedProvider } from "../scripted/scripted-provider.js";
import type { ScriptedStream } from "../scripted/scripted-stream.js";
import { API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

// Every case of the dispatch rules through a real coordinator, real sockets and the real encryption.

let hearth: TestCoordinator;
afterEach(() => hearth.stop());

/** Clocks in hundreds of milliseconds: a backup at 100 (half the estimate), the deadline at 300, and patience at 600. */
const FAST: PolicySettings = {
  ...DEFAULT_POLICY,
  ttftBaseMs: 200,
  ttftPerThousandTokensMs: 1,
  signExtensionMs: 50,
  patienceMs: 600,
  contentGapMs: 200,
};
/** No backup gets in the way: the estimate is far. */
const PATIENT: PolicySettings = { ...DEFAULT_POLICY, ttftBaseMs: 20_000 };

async function start(policy: PolicySettings = PATIENT, more: object = {}): Promise<void> {
  hearth = await startTestCoordinator({ policy, ...more });
}

const ask = (more: object = {}): object => ({ model: "m", messages: [{ role: "user", content: "hi" }], ...more });
const stream = (more: object = {}): object => ask({ stream: true, ...more });
const tools = { tools: [{ type: "function", function: { name: "f", parameters: { type: "object" } } }] };
const image = {
  messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "data:image/png;base64,AA==" } }] }],
};

const answer: Script = (s) => s.answer("good");
const fail =
  (error: Parameters<ScriptedStream["error"]>[0] = {}): Script =>
  (s) =>
    s.error(error);

/** Two providers of which the first scripted one is asked first, whatever the choice: both run the same script. */
async function firstThenSecond(first: Script, second: Script): Promise<readonly ScriptedProvider[]> {
  let taken = false;
  const either: Script = (s) => {
    const script = taken ? second : first;
    taken = true;
    return script(s);
  };
  return [await hearth.provider(either), await hearth.provider(either)];
}

const metric = (name: string): Promise<number> => hearth.metric(name);

const place = (running: number): Slot => ({ model: "m", state: "running", running, queued: 0, max_concurrency: 1 });

describe("before the first content a failure is invisible", () => {
  it("fails over after an error behind a role-only chunk, streaming", async () => {
    await start();
    await firstThenSecond((s) => {
      s.role();
      s.error();
    }, answer);
    const got = await readStream(await hearth.chat(stream()));
    expect(got).toMatchObject({ status: 200, content: "good", done: 1, errors: [] });
    expect(got.text.match(/"role"/g)).toHaveLength(1);
    expect(got.headers.get("x-attempts")).toBe("2");
  });

  it("fails over after an error behind a role-only chunk, not streaming", async () => {
    await start();
    await firstThenSecond((s) => {
      s.role();
      s.error();
    }, answer);
    const response = await hearth.chat(ask());
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ choices: [{ message: { content: "good" } }] });
  });

  it("fails over when the socket drops after a role-only chunk", async () => {
    await start();
    await firstThenSecond((s) => {
      s.role();
      s.dropConnection();
    }, answer);
    expect(await readStream(await hearth.chat(stream()))).toMatchObject({ content: "good", done: 1, errors: [] });
  });

  it("takes a role-only chunk and a clean end for an empty answer", async () => {
    await start();
    await hearth.provider((s) => {
      s.role();
      s.finish();
      s.end();
    });
    expect(await readStream(await hearth.chat(stream()))).toMatchObject({ status: 200, content: "", done: 1 });
    await hearth.stop();
    await start();
    await hearth.provider((s) => {
      s.role();
      s.raw("data: [DONE]\n\n", true);
      s.complete();
    });
    expect(await readStream(await hearth.chat(stream()))).toMatchObject({ status: 200, content: "", done: 1 });
  });

  it("takes the words response.created inside a content delta for content", async () => {
    await start();
    const providers = await firstThenSecond((s) => {
      s.content("response.created");
      s.error();
    }, answer);
    const got = await readStream(await hearth.chat(stream()));
    expect(got).toMatchObject({ content: "response.created", done: 1, broken: false });
    expect(got.errors).toHaveLength(1);
    expect(dispatched(providers)).toBe(1);
  });

  it("holds eight preambles of one attempt, and gives up one that sends a ninth", async () => {
    await start();
    const preambles =
      (count: number): Script =>
      (s) => {
        for (let i = 0; i < count; i++) s.event({ ...s.chunk({ role: "assistant", content: "" }), id: `c${i}` });
        s.content("behind them");
        s.finish();
        s.end();
      };
    const eight = await hearth.provider(preambles(8));
    expect(await readStream(await hearth.chat(stream()))).toMatchObject({ content: "behind them", errors: [] });
    await eight.close();
    const providers = await firstThenSecond(preambles(9), answer);
    const got = await readStream(await hearth.chat(stream()));
    expect(got).toMatchObject({ status: 200, content: "good", done: 1, errors: [] });
    expect(got.text).not.toContain("c0");
    expect(dispatched(providers)).toBe(2);
  });

  it("holds a preamble that is repeated once", async () => {
    await start();
    await hearth.provider((s) => {
      for (let i = 0; i < 100; i++) s.role();
      s.content("good");
      s.finish();
      s.end();
    });
    const got = await readStream(await hearth.chat(stream()));
    expect(got).toMatchObject({ content: "good", done: 1, errors: [] });
    expect(got.text.match(/"role"/g)).toHaveLength(1);
  });

  it("gives up an attempt of which more than 64 KiB would have to be held", async () => {
    await start();
    const big: Script = (s) => {
      s.role();
      s.event({ ...s.chunk({ role: "assistant" }), filler: "x".repeat(64 * 1024) });
    };
    const providers = await firstThenSecond(big, answer);
    expect(await readStream(await hearth.chat(stream()))).toMatchObject({ content: "good", done: 1, errors: [] });
    expect(dispatched(providers)).toBe(2);
  });

  it("tries six providers that fail at once, each of them once, and no more", async () => {
    await start();
    const providers = await Promise.all([1, 2, 3, 4, 5, 6, 7].map(() => hearth.provider(fail())));
    expect(await errorOf(await hearth.chat(ask()))).toEqual({ status: 502, code: "provider_error" });
    expect(dispatched(providers)).toBe(6);
    expect(providers.map((each) => each.streams.length)).not.toContain(2);
  });

  it("tries three providers that fail after they have cost time", async () => {
    await start({ ...PATIENT, costlyMs: 20 });
    const slowly: Script = async (s) => {
      await s.takes(40);
      s.error();
    };
    const providers = await Promise.all([1, 2, 3, 4].map(() => hearth.provider(slowly)));
    expect(await errorOf(await hearth.chat(ask()))).toEqual({ status: 502, code: "provider_error" });
    expect(dispatched(providers)).toBe(3);
  });
});

describe("after the first content a failure is told, once", () => {
  it("tells an error in-band and asks nobody else", async () => {
    await start();
    const providers = await firstThenSecond((s) => {
      s.content("half");
      s.error();
    }, answer);
    const got = await readStream(await hearth.chat(stream()));
    expect(got).toMatchObject({ status: 200, content: "half", done: 1, broken: false });
    expect(got.errors).toEqual([expect.objectContaining({ code: "provider_error" })]);
    expect(dispatched(providers)).toBe(1);
  });

  it("hides it from a consumer who does not stream, and has seen nothing: somebody else answers", async () => {
    await start();
    await firstThenSecond((s) => {
      s.content("half");
      s.error();
    }, answer);
    const response = await hearth.chat(ask());
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ choices: [{ message: { content: "good" } }] });
  });

  it("reports a stall after content as stream_timeout, cancels upstream and strikes", async () => {
    await start(FAST);
    const provider = await hearth.provider((s) => s.content("half"));
    const got = await readStream(await hearth.chat(stream()));
    expect(got.errors).toEqual([expect.objectContaining({ code: "stream_timeout" })]);
    expect(got.done).toBe(1);
    expect(await provider.streams[0]?.cancelled).toBe("stalled");
    expect(await metric('hearth_dispatches_total{role="primary",result="timeout"}')).toBe(1);
  });

  it("takes a missing final frame for an error, and for no sign of health", async () => {
    await start();
    const truncated: Script = (s) => {
      s.content("all there");
      s.finish();
      s.complete({ prompt_tokens: 0, completion_tokens: 0 });
    };
    await hearth.provider(truncated);
    const got = await readStream(await hearth.chat(stream()));
    expect(got).toMatchObject({ done: 1, broken: false });
    expect(got.errors).toHaveLength(1);
    expect(await metric('hearth_requests_total{result="success"}')).toBe(0);
  });

  it("takes a stream that ends without the backend's own end for an error", async () => {
    await start();
    await hearth.provider((s) => {
      s.content("cut");
      s.raw("", true);
      s.complete();
    });
    expect((await readStream(await hearth.chat(stream()))).errors).toHaveLength(1);
  });

  it("drops a connection after content as one in-band error", async () => {
    await start();
    await firstThenSecond((s) => {
      s.content("half");
      s.dropConnection();
    }, answer);
    const got = await readStream(await hearth.chat(stream()));
    expect(got).toMatchObject({ content: "half", done: 1, broken: false });
    expect(got.errors).toHaveLength(1);
  });
});

describe("the race", () => {
  it("lets the backup win over a slow primary, and cancels the primary", async () => {
    await start(FAST);
    let loser: ScriptedStream | undefined;
    await firstThenSecond((s) => {
      loser = s;
    }, answer);
    const got = await readStream(await hearth.chat(stream()));
    expect(got).toMatchObject({ content: "good", done: 1 });
    expect(got.headers.get("x-attempts")).toBe("2");
    expect(await loser?.cancelled).toBe("lost_race");
    expect(await metric("hearth_speculative_wins_total")).toBe(1);
    expect(await metric("hearth_streams_open")).toBe(0);
  });

  it("is not won by boilerplate", async () => {
    await start(FAST);
    await firstThenSecond((s) => s.role(), answer);
    const got = await readStream(await hearth.chat(stream()));
    expect(got).toMatchObject({ content: "good", done: 1 });
    expect(got.text.match(/"role"/g)).toHaveLength(1);
  });

  it("ends with 504 when both fall silent behind their preamble, and both strike", async () => {
    await start(FAST);
    await firstThenSecond(
      (s) => s.role(),
      (s) => s.role(),
    );
    expect(await errorOf(await hearth.chat(stream()))).toEqual({ status: 504, code: "answer_stalled" });
    expect(await metric('hearth_dispatches_total{role="primary",result="timeout"}')).toBe(1);
    expect(await metric('hearth_dispatches_total{role="backup",result="timeout"}')).toBe(1);
  });

  it("has patience with one that loads, and no blame for it when patience ends", async () => {
    await start(FAST);
    const provider = await hearth.provider(async (s) => {
      for (let counter = 1; await s.takes(20); counter++) s.working("loading", counter);
    });
    const startedAt = performance.now();
    expect(await errorOf(await hearth.chat(stream()))).toEqual({ status: 504, code: "model_load_timeout" });
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(FAST.patienceMs - 5);
    expect(await provider.streams[0]?.cancelled).toBe("superseded");
    expect(await metric('hearth_dispatches_total{role="primary",result="timeout"}')).toBe(0);
  });

  it("lets the primary win when the backup fails", async () => {
    await start({ ...FAST, ttftBaseMs: 400 });
    let primary: ScriptedStream | undefined;
    await firstThenSecond(
      (s) => {
        primary = s;
      },
      (s) => {
        s.error();
        primary?.answer("first");
      },
    );
    expect(await readStream(await hearth.chat(stream()))).toMatchObject({ content: "first", done: 1, errors: [] });
  });

  it("lets the backup win when the primary fails", async () => {
    await start({ ...FAST, ttftBaseMs: 400 });
    let primary: ScriptedStream | undefined;
    await firstThenSecond(
      (s) => {
        primary = s;
      },
      (s) => {
        primary?.error();
        s.answer("second");
      },
    );
    expect(await readStream(await hearth.chat(stream()))).toMatchObject({ content: "second", done: 1, errors: [] });
  });
});

describe("the breaker", () => {
  const failsWithTools: Script = (s) => (s.body["tools"] === undefined ? s.answer("good") : s.error());
  const toolFloor = { settings: { apiKeys: [], providerTokens: [], catalog: DEFAULT_CATALOG } };

  it("cools tools after two tool-shaped faults, keeps base flowing, and base clears nothing", async () => {
    await start(PATIENT, toolFloor);
    const bad = await hearth.provider(failsWithTools);
    const good = [await hearth.provider(answer), await hearth.provider(answer)];
    for (let i = 0; bad.streams.length < 2 && i < 60; i++) await hearth.chat(ask(tools));
    expect(bad.streams).toHaveLength(2);
    for (let i = 0; i < 20; i++) expect((await hearth.chat(ask(tools))).status).toBe(200);
    expect(bad.streams).toHaveLength(2);
    for (let i = 0; i < 40; i++) expect((await hearth.chat(ask())).status).toBe(200);
    expect(bad.streams.length).toBeGreaterThan(2);
    const served = bad.streams.length;
    for (let i = 0; i < 20; i++) await hearth.chat(ask(tools));
    expect(bad.streams).toHaveLength(served);
    expect(dispatched(good)).toBeGreaterThan(0);
    expect(await metric('hearth_cooldowns_total{kind="tools"}')).toBe(1);
  });

  it("does not let vision failures cool text", async () => {
    await start();
    const models = [{ id: "m", capabilities: { vision: true } }];
    const failsWithImages: Script = (s) =>
      JSON.stringify(s.body["messages"]).includes("image_url") ? s.error() : s.answer("good");
    const bad = await hearth.provider(failsWithImages, { models });
    await hearth.provider(answer, { models });
    await hearth.provider(answer, { models });
    for (let i = 0; bad.streams.length < 2 && i < 60; i++) await hearth.chat(ask(image));
    expect(await metric('hearth_cooldowns_total{kind="vision"}')).toBe(1);
    const before = bad.streams.length;
    for (let i = 0; i < 40; i++) await hearth.chat(ask());
    expect(bad.streams.length).toBeGreaterThan(before);
  });

  const idle = { ...place(0), max_concurrency: 8 };

  /** A request that is refused for want of room waits until a heartbeat shows some, and is refused once more. */
  async function refusedTwice(provider: ScriptedProvider): Promise<void> {
    const before = provider.streams.length;
    const pending = hearth.chat(ask());
    await until("the refused request waits", () => hearth.coordinator.queued() === 1);
    expect(provider.streams).toHaveLength(before + 1);
    provider.heartbeat([idle]);
    expect(await errorOf(await pending)).toEqual({ status: 503, code: "no_provider" });
    expect(provider.streams).toHaveLength(before + 2);
    // The refusal ended the belief in its room.
    provider.heartbeat([idle]);
  }

  it("does not strike for 503 and 429", async () => {
    await start();
    const statuses = [503, 429, 503, 429];
    const full: Script = (s) => s.error({ code: "capacity", status: statuses.pop() ?? 500, progress: "refused" });
    const provider = await hearth.provider(full);
    await refusedTwice(provider);
    await refusedTwice(provider);
    expect(await metric('hearth_cooldowns_total{kind="base"}')).toBe(0);
    expect(await metric('hearth_cooldowns_total{kind="capacity"}')).toBe(0);
  });

  it("cools a pair that refuses five times while it shows room, and lets one request at a time try it alone", async () => {
    await start();
    let full = true;
    const held: ScriptedStream[] = [];
    const provider = await hearth.provider((s) => {
      if (full) s.error({ code: "capacity", status: 503, progress: "refused" });
      else held.push(s);
    });
    const cooling = { status: 503, code: "providers_cooling" };
    const refused = { status: 503, code: "no_provider" };
    await refusedTwice(provider);
    await refusedTwice(provider);
    expect(await errorOf(await hearth.chat(ask()))).toEqual(refused);
    expect(await metric('hearth_cooldowns_total{kind="capacity"}')).toBe(1);
    // Nothing has shown room since.
    expect(await errorOf(await hearth.chat(ask()))).toEqual(cooling);
    expect(provider.streams).toHaveLength(5);
    await provider.beat([idle]);
    expect(await errorOf(await hearth.chat(ask()))).toEqual(refused);
    expect(await errorOf(await hearth.chat(ask()))).toEqual(cooling);
    expect(provider.streams).toHaveLength(6);

    full = false;
    await provider.beat([idle]);
    const probe = hearth.chat(ask());
    await until("one request tries", () => held.length === 1);
    const other = await hearth.chat(ask());
    expect(Number(other.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await errorOf(other)).toEqual(cooling);
    held[0]?.answer("good");
    expect((await probe).status).toBe(200);
    const [second, third] = [hearth.chat(ask()), hearth.chat(ask())];
    await until("it is open to all again", () => held.length === 3);
    for (const each of held.slice(1)) each.answer("good");
    expect([(await second).status, (await third).status]).toEqual([200, 200]);
    expect(await metric('hearth_cooldowns_total{kind="capacity"}')).toBe(1);
    expect(await metric("hearth_served_although_open_total")).toBe(0);
  });

  it("gives a 400 straight back, in the backend's words, where nobody differs from its provider", async () => {
    await start();
    const providers = await firstThenSecond(
      (s) => s.errorWithBody(400, { error: { message: "temperature is too hot", type: "invalid_request_error" } }),
      answer,
    );
    const response = await hearth.chat(ask());
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { message: "temperature is too hot" } });
    expect(dispatched(providers)).toBe(1);
  });

  it("answers 503 at once when the fleet is fenced", async () => {
    await start();
    await hearth.provider(answer, { models: [{ id: "m", template_render_ok: false }] });
    const response = await hearth.chat(ask());
    expect(response.status).toBe(503);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
    // What it never does is told first.
    expect((await hearth.chat(ask(image))).status).toBe(400);
  });

  it("retries on another agent version when there is one", async () => {
    await start();
    const old = await Promise.all([1, 2, 3].map(() => hearth.provider(fail(), { version: "1.0.0" })));
    await hearth.provider(answer, { version: "2.0.0" });
    for (let i = 0; i < 6; i++) expect((await hearth.chat(ask())).headers.get("x-provider-version")).toBe("2.0.0");
    expect(dispatched(old)).toBeLessThanOrEqual(6);
  });
});

describe("the ladder and the queue", () => {
  it("queues for a busy fleet and serves when a place frees", async () => {
    await start();
    const held: ScriptedStream[] = [];
    await hearth.provider((s) => void held.push(s), { slots: [place(0)] });
    const first = hearth.chat(ask());
    await until("the first request runs", () => held.length === 1);
    const second = hearth.chat(ask());
    await until("the second request waits", () => hearth.coordinator.queued() === 1);
    held[0]?.answer("one");
    expect((await first).status).toBe(200);
    await until("the second request runs", () => held.length === 2);
    held[1]?.answer("two");
    const response = await second;
    expect(response.status).toBe(200);
    const timing = JSON.parse(response.headers.get("x-timing") ?? "{}") as { queue_us: number };
    expect(timing.queue_us).toBeGreaterThan(0);
  });

  it("queues for a provider that is offline for seconds and serves on its return", async () => {
    await start();
    const identity = Buffer.alloc(32, 7).toString("base64url");
    const before = await hearth.provider(answer, { identity });
    await before.close();
    const waiting = hearth.chat(ask());
    await until("the request waits", () => hearth.coordinator.queued() === 1);
    await hearth.provider(answer, { identity });
    expect((await waiting).status).toBe(200);
  });

  it("falls back to an alias's previous build", async () => {
    const catalog = { ...DEFAULT_CATALOG, aliases: new Map([["smart", { desired: "smart-2", previous: "smart-1" }]]) };
    await start(PATIENT, { settings: { apiKeys: [], providerTokens: [], catalog } });
    const previous = await hearth.provider(answer, { models: [{ id: "smart-1" }] });
    expect((await hearth.chat(ask({ model: "smart" }))).status).toBe(200);
    expect(previous.streams[0]?.frame.model).toBe("smart-1");
    expect(previous.streams[0]?.body["model"]).toBe("smart-1");
    const desired = await hearth.provider(answer, { models: [{ id: "smart-2" }] });
    await hearth.chat(ask({ model: "smart" }));
    expect(desired.streams).toHaveLength(1);
  });

  it("answers 404 for a model that nobody has ever served", async () => {
    await start();
    await hearth.provider(answer);
    expect(await errorOf(await hearth.chat(ask({ model: "nope" })))).toEqual({ status: 404, code: "model_not_found" });
  });

  it("answers 503 with Retry-After when a known model has no provider", async () => {
    const catalog = { ...DEFAULT_CATALOG, models: new Set(["m"]) };
    await start(PATIENT, { settings: { apiKeys: [], providerTokens: [], catalog } });
    const response = await hearth.chat(ask());
    expect(response.headers.get("retry-after")).toBe("2");
    expect(await errorOf(response)).toEqual({ status: 503, code: "no_provider" });
  });

  it("honours the allowlist, and fails fast when nobody on it can serve", async () => {
    await start();
    const [one, two] = [await hearth.provider(answer), await hearth.provider(answer)];
    for (let i = 0; i < 10; i++)
      await hearth.chat(ask(), { headers: { "X-Hearth-Providers": `${one.id}, prv_other` } });
    expect([one.streams.length, two.streams.length]).toEqual([10, 0]);
    const nobody = await hearth.chat(ask(), { headers: { "X-Hearth-Providers": "prv_other" } });
    expect(nobody.status).toBe(503);
    const blind = await hearth.chat(ask(image), { headers: { "X-Hearth-Providers": one.id } });
    expect(await errorOf(blind)).toEqual({ status: 400, code: "capability_unsupported" });
  });

  it("fails a self-routed request with media at once when the own machine is text-only", async () => {
    await start();
    await hearth.provider(answer, { slots: [place(1)] });
    const response = await hearth.chat(ask(image), { headers: { "X-Hearth-Route": "self" } });
    expect(await errorOf(response)).toEqual({ status: 400, code: "capability_unsupported" });
  });

  it("keeps a self-routed request away from other people's machines", async () => {
    const token = "another-provider-token-42";
    const providerTokens = [{ account: "somebody", secret: token }];
    await start(PATIENT, { settings: { apiKeys: [], providerTokens, catalog: DEFAULT_CATALOG } });
    const foreign = await hearth.provider(answer, { token });
    expect((await hearth.chat(ask(), { headers: { "X-Hearth-Route": "self" } })).status).toBe(503);
    const own = await hearth.provider(answer);
    for (let i = 0; i < 5; i++) await hearth.chat(ask(), { headers: { "X-Hearth-Route": "prefer" } });
    expect([foreign.streams.length, own.streams.length]).toEqual([0, 5]);
  });

  it("sends tools to no agent below the operator's floor", async () => {
    const catalog = { ...DEFAULT_CATALOG, versionFloors: { tools: "0.6.3" } };
    await start(PATIENT, { settings: { apiKeys: [], providerTokens: [], catalog } });
    const old = await hearth.provider(answer, { version: "0.6.2" });
    expect(await errorOf(await hearth.chat(ask(tools)))).toEqual({ status: 503, code: "capability_unavailable" });
    const young = await hearth.provider(answer, { version: "0.6.3" });
    for (let i = 0; i < 5; i++) expect((await hearth.chat(ask(tools))).status).toBe(200);
    expect([old.streams.length, young.streams.length]).toEqual([0, 5]);
  });

  it("refuses at once what no provider's context could ever hold", async () => {
    await start();
    await hearth.provider(answer, { models: [{ id: "m", context_length: 8 }] });
    const long = ask({ messages: [{ role: "user", content: "word ".repeat(200) }] });
    expect(await errorOf(await hearth.chat(long))).toEqual({ status: 400, code: "context_length_exceeded" });
  });
});

describe("errors inside an HTTP 200", () => {
  it("fails over on a wrapped error before content, and tells it in-band after", async () => {
    await start();
    const wrapped: Script = (s) => s.event({ error: { code: 500, message: "CUDA out of memory" } });
    await firstThenSecond(wrapped, answer);
    expect(await readStream(await hearth.chat(stream()))).toMatchObject({ content: "good", errors: [] });
    await hearth.stop();
    await start();
    const providers = await firstThenSecond((s) => {
      s.content("half");
      wrapped(s);
    }, answer);
    expect((await readStream(await hearth.chat(stream()))).errors).toHaveLength(1);
    expect(dispatched(providers)).toBe(1);
  });

  it("takes the code inside for the status: 400 goes back, a missing code is 502", async () => {
    await start();
    await hearth.provider((s) => s.event({ error: { code: 400, message: "no such role" } }));
    expect((await hearth.chat(ask())).status).toBe(400);
    await hearth.stop();
    await start();
    await hearth.provider((s) => s.event({ error: "broken" }));
    expect((await hearth.chat(ask())).status).toBe(502);
  });
});

describe("a consumer who goes away", () => {
  const silent: Script = () => {};

  async function hangUp(provider: ScriptedProvider, body: object): Promise<string | undefined> {
    const gone = new AbortController();
    const response = hearth.chat(body, { signal: gone.signal });
    response.then((got) => got.text()).catch(() => {});
    await until("the request runs", () => provider.streams.length === 1);
    gone.abort();
    return provider.streams[0]?.cancelled;
  }

  it("cancels the attempt during the race", async () => {
    await start();
    expect(await hangUp(await hearth.provider(silent), stream())).toBe("consumer_gone");
    await until("the place is free", () => hearth.coordinator.queued() === 0);
    expect(await metric("hearth_streams_open")).toBe(0);
  });

  it("cancels the attempt during the stream", async () => {
    await start();
    expect(await hangUp(await hearth.provider((s) => s.content("on and on")), stream())).toBe("consumer_gone");
    expect(await metric("hearth_streams_open")).toBe(0);
  });

  it("leaves the queue", async () => {
    await start();
    const busy = await hearth.provider(silent, { slots: [place(0)] });
    hearth.chat(ask()).catch(() => {});
    await until("the first request runs", () => busy.streams.length === 1);
    const gone = new AbortController();
    hearth.chat(ask(), { signal: gone.signal }).catch(() => {});
    await until("the second request waits", () => hearth.coordinator.queued() === 1);
    gone.abort();
    await until("nobody waits", () => hearth.coordinator.queued() === 0);
  });
});

describe("a provider that breaks the protocol harms only itself", () => {
  const cases: readonly (readonly [string, string, (p: ScriptedProvider, s: ScriptedStream) => void])[] = [
    ["text that is no JSON", "malformed_frame", (p) => p.sendText("{nope")],
    ["a frame with wrong fields", "malformed_frame", (p) => p.sendText('{"type":"complete","stream":"x"}')],
    ["negative usage", "malformed_frame", (_p, s) => s.complete({ prompt_tokens: -1, completion_tokens: 0 })],
    ["a binary frame cut short", "malformed_frame", (p) => p.sendBytes(new Uint8Array([2, 0, 0]))],
    ["a frame for a stream that never was", "protocol_violation", (p) => p.sendBytes(dataFrame(4242, 0))],
    [
      "an end for a stream that never was",
      "protocol_violation",
      (p) => p.send({ type: "working", stream: 4242, sign: "loading", counter: 1 }),
    ],
    ["a gap in the sequence", "untrusted", (p, s) => p.sendBytes(withSeq(s.sealed("data: 1\n\n"), 7))],
    ["a flipped bit", "untrusted", (p, s) => p.sendBytes(flip(s.sealed("data: 1\n\n")))],
    ["plaintext", "untrusted", (p, s) => p.sendBytes(dataFrame(s.frame.stream, 0, Buffer.from("data: {}\n\n")))],
  ];

  it.each(cases)("closes for %s with %s, and nobody else notices", async (_what, reason, misbehave) => {
    await start();
    const bad = await hearth.provider((s) => misbehave(bad, s), { name: "bad" });
    const alone = hearth.chat(stream());
    expect((await bad.closed).reason).toBe(reason);
    await hearth.provider(answer);
    // Whether it failed over or had to wait for the healthy one: the consumer sees a clean answer or a clean error.
    const got = await readStream(await alone);
    if (got.status === 200) expect(got).toMatchObject({ content: "good", done: 1 });
    else expect([502, 503]).toContain(got.status);
    expect(await readStream(await hearth.chat(stream()))).toMatchObject({ content: "good", done: 1 });
  });

  it("ends one attempt and no other stream for half an event", async () => {
    await start();
    const bad = await hearth.provider((s) => {
      s.raw('data: {"choices"', true);
      s.complete();
    });
    expect((await hearth.chat(stream())).status).toBe(502);
    expect(bad.socket.readyState).toBe(bad.socket.OPEN);
    await hearth.provider(answer);
    expect(await readStream(await hearth.chat(stream()))).toMatchObject({ content: "good", done: 1 });
  });

  it("closes for an oversize message with the standard's own code", async () => {
    await start();
    const bad = await hearth.provider(() => bad.sendBytes(new Uint8Array(1024 * 1024 + 1)));
    hearth.chat(ask()).catch(() => {});
    expect((await bad.closed).code).toBe(1009);
  });

  it("keeps a machine that cheated out after it reconnects", async () => {
    await start();
    const identity = Buffer.alloc(32, 9).toString("base64url");
    const bad = await hearth.provider((s) => bad.sendBytes(flip(s.sealed("data: 1\n\n"))), { identity });
    await hearth.chat(ask());
    await bad.closed;
    const again = await hearth.provider(answer, { identity });
    expect((await hearth.chat(ask())).status).toBe(503);
    expect(again.streams).toHaveLength(0);
  });

  it("tolerates frames of a stream that it has just cancelled", async () => {
    await start(FAST);
    const late: Script = async (s) => {
      await s.cancelled;
      s.answer("too late");
    };
    const providers = await firstThenSecond(late, answer);
    expect(await readStream(await hearth.chat(stream()))).toMatchObject({ content: "good", done: 1 });
    expect(await readStream(await hearth.chat(stream()))).toMatchObject({ content: "good", done: 1 });
    expect(providers.every((each) => each.socket.readyState === each.socket.OPEN)).toBe(true);
  });
});

function dataFrame(stream: number, seq: number, payload: Uint8Array = new Uint8Array(48)): Uint8Array {
  const frame = Buffer.alloc(10 + payload.length);
  frame[0] = 2;
  frame.writeUInt32BE(stream, 1);
  frame.writeUInt32BE(seq, 5);
  // It claims to hold content.
  frame[9] = 4;
  frame.set(payload, 10);
  return frame;
}

function withSeq(frame: Uint8Array, seq: number): Uint8Array {
  Buffer.from(frame.buffer, frame.byteOffset).writeUInt32BE(seq, 5);
  return frame;
}

function flip(frame: Uint8Array): Uint8Array {
  frame[frame.length - 1] = (frame.at(-1) as number) ^ 1;
  return frame;
}

describe("who is let in", () => {
  it("answers 401 without a valid key, and takes x-api-key too", async () => {
    await start();
    await hearth.provider(answer);
    const wrong = await hearth.chat(ask(), { headers: { Authorization: "Bearer wrong" } });
    expect(await errorOf(wrong)).toEqual({ status: 401, code: "invalid_api_key" });
    const other = await fetch(`${hearth.url}/v1/chat/completions`, {
      method: "POST",
      headers: { "x-api-key": API_KEY },
      body: JSON.stringify(ask()),
    });
    expect(other.status).toBe(200);
  });

  it("keeps an account to its number of machines, and lets a machine come back", async () => {
    await start(PATIENT, { config: { maxConnectionsPerAccount: 1 } });
    const identity = Buffer.alloc(32, 5).toString("base64url");
    const first = await hearth.provider(answer, { identity });
    const second = await hearth.provider(answer);
    expect((await second.closed).reason).toBe("too_many_connections");
    const again = await hearth.provider(answer, { identity });
    expect((await first.closed).reason).toBe("replaced");
    expect((await hearth.chat(ask())).status).toBe(200);
    expect(again.streams).toHaveLength(1);
  });
});
