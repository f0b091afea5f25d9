import { setTimeout as delay } from "node:timers/promises";
import { type AttemptSealer, createSealingContext, KeyRing } from "@hearth/e2e";
import { DATA_MARKS, decodeData, LIMITS, type ProviderFrame, type RequestFrame } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import type { Backend, BackendRequest } from "../backends/backend.js";
import { systemClock } from "../platform/clock.js";
import { createLogger } from "../platform/logger.js";
import { CountingClock } from "../testing/counting-clock.js";
import { eventually } from "../testing/eventually.js";
import type { JobOutlet } from "./job.js";
import { Jobs, type JobsDeps } from "./jobs.js";

const ANSWER = 'data: {"choices":[{"delta":{"content":"Hello"}}]}\n\n';
const USAGE = 'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}\n\n';
const SIGNED = { blob: "e30", batch: { blob: "e30", signature: "s".repeat(86), index: 0, proof: [] } };

/** A backend with one answer. */
function backendOf(contentType: string, ...parts: readonly string[]): Backend {
  async function* body(): AsyncGenerator<Uint8Array> {
    for (const part of parts) yield Buffer.from(part);
  }
  return { name: "b", open: async () => ({ status: 200, contentType, body: body() }) } as unknown as Backend;
}

const events = (): Backend => backendOf("text/event-stream", ANSWER, USAGE, "data: [DONE]\n\n");

class Outlet implements JobOutlet {
  readonly frames: ProviderFrame[] = [];
  readonly plaintexts: Uint8Array[] = [];
  readonly congested = false;
  sealer: AttemptSealer | undefined;

  send(frame: ProviderFrame): void {
    this.frames.push(frame);
  }

  sendData(bytes: Uint8Array): void {
    const frame = decodeData(bytes);
    if (frame === undefined || this.sealer === undefined) throw new Error("not a data frame");
    const { ciphertext, seq, final, holds } = frame;
    this.plaintexts.push(this.sealer.response.open(ciphertext, seq, final, DATA_MARKS[holds]));
  }

  onWritable(): void {}
}

function start(deps: Partial<JobsDeps> = {}) {
  const keys = new KeyRing();
  const jobs = new Jobs({ backend: events(), keys, clock: systemClock, log: createLogger("silent"), ...deps });
  const outlet = new Outlet();
  const idle = { times: 0 };
  const settled = (): void => {
    idle.times += 1;
  };
  const table = jobs.serve(outlet, { settled });
  /** Sends a request in two parts. @returns how it ended */
  const ask = async (key = keys.current, more: Partial<RequestFrame> = {}): Promise<ProviderFrame | undefined> => {
    const binding = { requestId: "r", attemptId: "a" };
    const context = createSealingContext(key.publicKey);
    const sealer = context.attempt(binding);
    outlet.sealer = sealer;
    const stream = outlet.frames.length + 1;
    table.control({
      type: "sealing_context",
      context_id: context.contextId,
      key_id: key.keyId,
      encapsulated_key: Buffer.from(context.encapsulatedKey).toString("base64url"),
    });
    table.control({
      type: "request",
      stream,
      request_id: "r",
      attempt_id: "a",
      model: "m",
      dialect: "chat_completions",
      delivery: "interactive",
      context_id: context.contextId,
      body_bytes: 12,
      ...more,
    });
    for (const [seq, part] of ['{"mess', 'ages"}'].entries()) {
      const ciphertext = sealer.seal(Buffer.from(part), seq === 1);
      table.data({ kind: "request", stream, seq, final: seq === 1, holds: "body", ciphertext });
    }
    const ending = (): ProviderFrame | undefined =>
      outlet.frames.find((frame) => "stream" in frame && frame.stream === stream && frame.type !== "working");
    await eventually(() => ending() !== undefined);
    return ending();
  };
  return { keys, jobs, outlet, table, ask, idle };
}

describe("a receipt", () => {
  it.each([
    ["chat_completions", events(), ANSWER.length + USAGE.length],
    ["embeddings", backendOf("application/json", `{"data":"${"x".repeat(2 * LIMITS.responseChunkBytes)}"}`), 131_083],
  ] as const)("for %s follows every byte that is opened and sealed, in order", async (dialect, backend, minBytes) => {
    const seen = { request: "", response: "", lastSeq: -1 };
    const receipts: JobsDeps["receipts"] = {
      start: () => ({
        request: (part) => {
          seen.request += Buffer.from(part).toString();
        },
        response: (part) => {
          seen.response += Buffer.from(part).toString();
        },
        finish: async ({ lastSeq }) => {
          seen.lastSeq = lastSeq;
          return SIGNED;
        },
      }),
    };
    const { outlet, ask } = start({ backend, receipts });
    expect(await ask(undefined, { dialect })).toMatchObject({ type: "complete" });
    await eventually(() => outlet.frames.at(-1)?.type === "receipt");
    expect(outlet.frames.at(-1)).toEqual({ type: "receipt", stream: 1, ...SIGNED });
    expect(seen.request).toBe('{"messages"}');
    expect(seen.response).toBe(Buffer.concat(outlet.plaintexts).toString());
    expect(seen.response.length).toBeGreaterThanOrEqual(minBytes);
    expect(seen.lastSeq).toBe(outlet.plaintexts.length - 1);
  });

  it("that nobody can sign is left out, and the answer stands", async () => {
    const finish = () => Promise.reject(new Error("no key"));
    const { outlet, table, ask } = start({ receipts: { start: () => ({ request() {}, response() {}, finish }) } });
    expect((await ask())?.type).toBe("complete");
    await eventually(() => table.settled);
    expect(outlet.frames.map(({ type }) => type)).not.toContain("receipt");
  });

  it("keeps no answer waiting, and its connection open until it is sent", async () => {
    let sign: (receipt: typeof SIGNED) => void = () => {};
    const finish = () =>
      new Promise<typeof SIGNED>((resolve) => {
        sign = resolve;
      });
    const receipts: JobsDeps["receipts"] = { start: () => ({ request() {}, response() {}, finish }) };
    const { jobs, outlet, table, ask, idle } = start({ receipts });
    expect((await ask())?.type).toBe("complete");
    await eventually(() => jobs.size === 0);
    expect([table.settled, idle.times]).toEqual([false, 0]);
    sign(SIGNED);
    await eventually(() => table.settled);
    expect(outlet.frames.map(({ type }) => type)).toEqual(["complete", "receipt"]);
    expect(idle.times).toBe(1);
  });
});

it("a backend that counts in comments how far it is with the prompt is told of, and not given up", async () => {
  // A thousand times as fast; the backend takes twice as long as one may that says nothing.
  async function* body(): AsyncGenerator<Uint8Array> {
    for (let read = 0; read <= 60_000; read += 1_000) {
      yield Buffer.from(`: keepalive ${read}/60000\n\n`);
      await delay(20);
    }
    yield Buffer.from(`${ANSWER}data: [DONE]\n\n`);
  }
  const open = async () => ({ status: 200, contentType: "text/event-stream", body: body() });
  const backend = { name: "b", open } as unknown as Backend;
  const { outlet, ask } = start({ backend, clock: new CountingClock(1_000) });
  expect(await ask()).toMatchObject({ type: "complete" });
  const signs = outlet.frames.flatMap((frame) => (frame.type === "working" ? [frame] : []));
  expect(signs[0]).toEqual({ type: "working", stream: 1, sign: "prefilling", counter: 1_000 });
  const counters = signs.map(({ counter }) => counter);
  expect(counters.length).toBeGreaterThan(50);
  expect(counters).toEqual(counters.toSorted((a, b) => a - b));
  // Behind the end of the prompt comes the answer.
  expect(counters.at(-1)).toBe(59_000);
});

describe("every bad end", () => {
  const nothing = { prompt_tokens: 0, completion_tokens: 0 };
  const spent = { prompt_tokens: 7, completion_tokens: 3 };
  const failing = (status: number): Backend =>
    ({ name: "b", open: async () => ({ ...answerOf(""), status }) }) as unknown as Backend;
  const answerOf = (body: string) => ({
    status: 200,
    contentType: "text/event-stream",
    body: (async function* () {
      yield Buffer.from(body);
    })(),
  });
  const absent: Backend = { name: "b", open: () => Promise.reject(new Error("refused")) } as unknown as Backend;

  it.each([
    [
      "no free slot",
      { hooks: { available: () => false } },
      { code: "capacity", progress: "not_started", usage: nothing },
    ],
    [
      "no such model",
      { hooks: { serves: () => false } },
      { code: "model_not_found", progress: "not_started", usage: nothing },
    ],
    ["a refusal", { backend: failing(400) }, { code: "bad_request", progress: "refused", usage: nothing }],
    ["a failure", { backend: failing(500) }, { code: "backend_error", progress: "processed", usage: nothing }],
    ["nobody there", { backend: absent }, { code: "backend_unreachable", progress: "not_started", usage: nothing }],
    [
      "an answer cut short",
      { backend: backendOf("text/event-stream", ANSWER, USAGE, 'data: {"cho') },
      { code: "backend_error", progress: "processed", usage: spent },
    ],
  ] as const)("tells what was spent: %s", async (_name, deps, told) => {
    expect(await start(deps).ask()).toMatchObject({ type: "error", ...told });
  });

  it("tells it of what cannot be opened, for want of its context or of its bytes", async () => {
    const told = { type: "error", code: "decryption_failed", progress: "not_started", usage: nothing };
    expect(await start().ask(undefined, { context_id: "gone" })).toMatchObject(told);
    expect(await start().ask(undefined, { request_id: "another" })).toMatchObject(told);
  });

  it("tells it of a job that was cancelled", async () => {
    const stop = (): void => {
      running.table.control({ type: "cancel", stream: 1, reason: "lost_race" });
    };
    const backend = {
      name: "b",
      open: async () => ({
        ...answerOf(""),
        body: (async function* () {
          yield Buffer.from(ANSWER + USAGE);
          stop();
          yield Buffer.from(ANSWER);
        })(),
      }),
    } as unknown as Backend;
    const running = start({ backend });
    expect(await running.ask()).toMatchObject({ code: "cancelled", progress: "processed", usage: spent });
  });
});

describe("a model that is not served any more", () => {
  it("is told of at once, and the backend hears nothing", async () => {
    const opened: string[] = [];
    const backend = { ...events(), open: async ({ model }: BackendRequest) => void opened.push(String(model)) };
    const { ask, jobs } = start({
      backend: backend as unknown as Backend,
      hooks: { serves: (model) => model !== "m" },
    });
    const usage = { prompt_tokens: 0, completion_tokens: 0 };
    expect(await ask()).toEqual({ type: "error", stream: 1, code: "model_not_found", progress: "not_started", usage });
    expect(opened).toEqual([]);
    expect(jobs.size).toBe(0);
  });

  it("is known by the moment: it may come back", async () => {
    let served = false;
    const { ask } = start({ hooks: { serves: () => served } });
    expect(await ask()).toMatchObject({ code: "model_not_found" });
    served = true;
    expect((await ask())?.type).toBe("complete");
  });
});

describe("a key", () => {
  it("that was changed serves until it is retired, and is given back after each job", async () => {
    const { keys, ask } = start();
    let held = 0;
    const acquire = keys.acquire.bind(keys);
    keys.acquire = (keyId) => {
      const lease = acquire(keyId);
      if (lease === undefined) return undefined;
      held += 1;
      return {
        keyPair: lease.keyPair,
        [Symbol.dispose]() {
          held -= 1;
          lease[Symbol.dispose]();
        },
      };
    };
    const old = keys.current;
    keys.rotate();
    expect((await ask(old))?.type).toBe("complete");
    expect((await ask())?.type).toBe("complete");
    expect(await ask(keys.current, { request_id: "moved" })).toMatchObject({ code: "decryption_failed" });
    expect(held).toBe(0);
    keys.retirePrevious();
    expect(await ask(old)).toMatchObject({ code: "decryption_failed", progress: "not_started" });
  });
});

describe("the statistics", () => {
  it("count what was served, with the tokens that the backend counted", async () => {
    const { jobs, ask } = start();
    await ask();
    await ask();
    expect(jobs.statistics.snapshot()).toMatchObject({
      served: 2,
      promptTokens: 14,
      completionTokens: 6,
      models: { m: { served: 2, promptTokens: 14 } },
    });
  });

  const chunkOf = (more: object): string => `data: ${JSON.stringify({ choices: [], ...more })}\n\n`;
  const usage = { prompt_tokens: 900, completion_tokens: 1 };
  const cached = { ...usage, prompt_tokens_details: { cached_tokens: 880 } };

  it.each([
    ["what llama-server measured", chunkOf({ usage, timings: { prompt_n: 50, prompt_ms: 100 } }), 500],
    ["nothing where nearly all was cached", chunkOf({ usage: cached }), undefined],
    ["nothing where it is not said what was cached", chunkOf({ usage }), undefined],
  ])("take for the rate of prompts %s", async (_what, last, tps) => {
    const { jobs, ask } = start({ backend: backendOf("text/event-stream", ANSWER, last, "data: [DONE]\n\n") });
    await ask();
    expect(jobs.statistics.rates("m").prefillTps).toBe(tps);
  });
});

it("tells the backend of a model whose template reads a string type, and of no other", async () => {
  const asked: (readonly [string | undefined, boolean | undefined])[] = [];
  const answering = events();
  const backend: Backend = {
    ...answering,
    open(request, signal) {
      asked.push([request.model, request.needsStringTypes]);
      return answering.open(request, signal);
    },
  };
  const { ask } = start({ backend, hooks: { needsStringTypes: (model) => model === "typed" } });
  expect((await ask(undefined, { model: "typed" }))?.type).toBe("complete");
  const other = start({ backend, hooks: { needsStringTypes: (model) => model === "typed" } });
  expect((await other.ask())?.type).toBe("complete");
  expect(asked).toEqual([
    ["typed", true],
    ["m", undefined],
  ]);
});
