import type { Rng } from "@hearth/platform";
import { FakeClock } from "@hearth/platform/testing";
import { afterEach, describe, expect, it } from "vitest";
import type { Backend, BackendRequest, BackendResponse, BackendStatus } from "../backends/backend.js";
import { OpenAiBackend } from "../backends/openai-backend.js";
import { eventually } from "../testing/eventually.js";
import {
  answerJson,
  type BackendCall,
  type BackendScript,
  chunk,
  DONE,
  ScriptedBackend,
  startEvents,
} from "../testing/scripted-backend.js";
import { type BenchOptions, type ModelBench, runBench } from "./run-bench.js";

/** Tells its script each time the agent has taken what was written and wants more. */
class WatchedBackend implements Backend {
  readonly name = "scripted";
  readonly #inner: OpenAiBackend;
  readonly #contextLength: number | undefined;
  taken: () => void = () => {};

  constructor(url: string, contextLength?: number) {
    this.#inner = new OpenAiBackend({ baseUrl: url, models: [] });
    this.#contextLength = contextLength;
  }

  async probe(signal: AbortSignal): Promise<BackendStatus> {
    const status = await this.#inner.probe(signal);
    if (status.type === "unreachable" || this.#contextLength === undefined) return status;
    const context_length = this.#contextLength;
    return { ...status, models: status.models.map((model) => ({ ...model, context_length })) };
  }

  async open(request: BackendRequest, signal: AbortSignal): Promise<BackendResponse> {
    const response = await this.#inner.open(request, signal);
    return { ...response, body: this.#watched(response.body) };
  }

  stop(): Promise<void> {
    return this.#inner.stop();
  }

  async *#watched(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of body) {
      yield piece;
      this.taken();
    }
  }
}

interface Asked {
  readonly model: string;
  readonly prompt: string;
  readonly maxTokens: number;
  readonly fields: readonly string[];
  /** One a word, and 20 of the template. */
  readonly promptTokens: number;
}

function asked(call: BackendCall): Asked {
  const body = JSON.parse(call.body);
  const prompt: string = body.messages[0].content;
  const promptTokens = 20 + prompt.split(/\s+/).length;
  return { model: body.model, prompt, maxTokens: body.max_tokens, fields: Object.keys(body), promptTokens };
}

const seeded = (): Rng => {
  let state = 1;
  return {
    next() {
      state = (state * 48_271) % 2_147_483_647;
      return state / 2_147_483_647;
    },
  };
};

/** What a scripted model does; the defaults are those of `EXACT`. */
interface Pace {
  readonly overheadMs?: number;
  readonly msPerPromptToken?: number;
  readonly gapMs?: number;
  readonly usage?: "told" | "kept";
  readonly cachedTokens?: number;
  /** Tokens that are read; others cost nothing. */
  readonly readTokens?: (asked: Asked) => number;
  readonly extra?: object;
}

class Lab implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly server: ScriptedBackend;
  readonly backend: WatchedBackend;
  readonly shares: number[] = [];
  readonly phrases: string[] = [];
  readonly told: ModelBench[] = [];

  private constructor(server: ScriptedBackend, contextLength?: number) {
    this.server = server;
    this.backend = new WatchedBackend(server.url, contextLength);
  }

  static async start(contextLength = 8_192): Promise<Lab> {
    return new Lab(await ScriptedBackend.start(), contextLength);
  }

  run(options: Partial<BenchOptions> = {}, signal = new AbortController().signal): Promise<readonly ModelBench[]> {
    const { clock, backend } = this;
    const progress = (share: number, what: string): void => {
      this.shares.push(share);
      this.phrases.push(what);
    };
    const measured = (bench: ModelBench): void => void this.told.push(bench);
    const all = { backends: [backend], models: [], clock, rng: seeded(), progress, measured, ...options };
    return runBench(all, signal);
  }

  /** Lets time pass, writes, and waits until it was read. */
  async write(call: BackendCall, afterMs: number, text: string): Promise<void> {
    this.clock.advance(afterMs);
    const taken = new Promise<void>((resolve) => {
      this.backend.taken = resolve;
    });
    call.response.write(text);
    await taken;
  }

  /** Answers at a known pace. */
  script(pace: Pace = {}): BackendScript {
    const { overheadMs = 100, msPerPromptToken = 0.5, gapMs = 20, usage = "told" } = pace;
    return async (call) => {
      const request = asked(call);
      const read = pace.readTokens?.(request) ?? request.promptTokens - (pace.cachedTokens ?? 0);
      startEvents(call);
      await this.write(call, overheadMs + read * msPerPromptToken, chunk({ role: "assistant", content: "" }));
      await this.write(call, 0, chunk({ content: "word" }));
      for (let token = 1; token < request.maxTokens; token += 1)
        await this.write(call, gapMs, chunk({ content: " w" }));
      const counted = {
        prompt_tokens: request.promptTokens,
        completion_tokens: request.maxTokens,
        prompt_tokens_details: { cached_tokens: pace.cachedTokens ?? 0 },
      };
      const last = { choices: [], ...(usage === "told" ? { usage: counted } : {}), ...pace.extra };
      call.response.end(`${chunk({}, "length")}data: ${JSON.stringify(last)}\n\n${DONE}`);
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.backend.stop();
    await this.server[Symbol.asyncDispose]();
  }
}

let lab: Lab;
afterEach(() => lab?.[Symbol.asyncDispose]());

const spread = (value: number, runs: number): object => {
  const near = expect.closeTo(value, 6);
  return { median: near, min: near, max: near, runs };
};

describe("a server of known pace", () => {
  it("is measured exactly, free of its constant overhead", async () => {
    lab = await Lab.start();
    lab.server.script = lab.script();
    const [bench] = await lab.run();
    expect(bench).toEqual({
      model: "m",
      backend: "scripted",
      weightsHash: undefined,
      findings: {
        type: "measured",
        figures: {
          prefillTps: spread(2_000, 3),
          decodeTps: spread(50, 9),
          firstToken: [
            { promptTokens: 64, ms: spread(132, 3) },
            { promptTokens: 512, ms: spread(356, 3) },
            { promptTokens: 2_048, ms: spread(1_124, 3) },
          ],
        },
      },
    });
    expect(lab.told).toEqual([bench]);
  });

  it("is asked for bounded, greedy answers that go on to their limit", async () => {
    lab = await Lab.start();
    lab.server.script = lab.script();
    await lab.run();
    const bodies = lab.server.calls.map(({ body }) => JSON.parse(body));
    expect(bodies).toHaveLength(2 + 9);
    for (const body of bodies) {
      expect(body).toMatchObject({ stream: true, temperature: 0, ignore_eos: true, cache_prompt: false });
      expect(body.max_tokens).toBeLessThanOrEqual(64);
    }
  });

  it("is asked over one connection, so that no run pays for another one", async () => {
    lab = await Lab.start();
    const sockets = new Set<object>();
    const answer = lab.script();
    lab.server.script = (call) => {
      sockets.add(call.request.socket);
      return answer(call);
    };
    await lab.run();
    expect(sockets.size).toBe(1);
  });

  it("tells how far it is, never going back, to the end", async () => {
    lab = await Lab.start();
    lab.server.models = [{ id: "one" }, { id: "two" }];
    lab.server.script = lab.script();
    await lab.run();
    expect(lab.shares).toEqual(lab.shares.toSorted((a, b) => a - b));
    expect([lab.shares[0], lab.shares.at(-1)]).toEqual([0, 1]);
    expect(lab.phrases).toContain("one: warming up");
    expect(lab.phrases).toContain("two: 2048 tokens, run 3 of 3");
  });

  it("cannot hide its speed behind a cache of earlier prompts", async () => {
    lab = await Lab.start();
    const seen: string[][] = [];
    const readTokens = ({ prompt, promptTokens }: Asked): number => {
      const words = prompt.split(/\s+/);
      const shared = seen.map((other) => words.findIndex((word, index) => word !== other[index]));
      seen.push(words);
      return promptTokens - 20 - Math.max(0, ...shared.map((index) => (index === -1 ? words.length : index)));
    };
    lab.server.script = lab.script({ readTokens });
    const [bench] = await lab.run();
    expect(bench?.findings).toMatchObject({ figures: { prefillTps: spread(2_000, 3) } });
    expect(bench?.findings).toMatchObject({ figures: { firstToken: { length: 3, 2: { ms: spread(1_114, 3) } } } });
  });

  it("has only those tokens counted that it had to read", async () => {
    lab = await Lab.start();
    const plan = { sizes: [512] };
    lab.server.script = lab.script({ cachedTokens: 20, overheadMs: 0 });
    const [bench] = await lab.run({ plan });
    expect(bench?.findings).toMatchObject({ figures: { prefillTps: spread(2_000, 3) } });
  });

  it("that counts no tokens is measured by its events, and its prefill is not made up", async () => {
    lab = await Lab.start();
    lab.server.script = lab.script({ usage: "kept" });
    const [bench] = await lab.run();
    expect(bench?.findings).toMatchObject({ type: "measured", figures: { decodeTps: spread(50, 9) } });
    expect(bench?.findings).not.toHaveProperty("figures.prefillTps");
    expect(bench?.findings).toMatchObject({ figures: { firstToken: { 1: { promptTokens: 512 } } } });
  });

  it("is believed its own timings of the prompt, and of an answer that comes at one go", async () => {
    lab = await Lab.start();
    const timings = { prompt_n: 400, prompt_ms: 100, predicted_n: 64, predicted_ms: 630 };
    lab.server.script = lab.script({ extra: { timings }, gapMs: 0 });
    const [bench] = await lab.run();
    expect(bench?.findings).toMatchObject({ figures: { prefillTps: spread(4_000, 3), decodeTps: spread(100, 9) } });
  });

  it.each([
    [
      "timings that no machine reaches",
      { timings: { prompt_n: 2_048, prompt_ms: 0.000_1, predicted_n: 64, predicted_ms: 1 } },
    ],
    ["timings that are none", { timings: { prompt_n: "many", prompt_ms: null } }],
  ])("is not believed %s", async (_, extra) => {
    lab = await Lab.start();
    lab.server.script = lab.script({ extra });
    const [bench] = await lab.run();
    expect(bench?.findings).toMatchObject({ figures: { prefillTps: spread(2_000, 3), decodeTps: spread(50, 9) } });
  });

  it("gets no prompt that its context cannot hold with the answer", async () => {
    lab = await Lab.start(1_024);
    const answer = lab.script();
    lab.server.script = (call) => {
      const { promptTokens, maxTokens } = asked(call);
      if (promptTokens + maxTokens > 1_024) return answerJson(call, 400, { error: { message: "too long" } });
      return answer(call);
    };
    const [bench] = await lab.run();
    expect(bench?.findings).not.toHaveProperty("problem");
    expect(bench?.findings).toMatchObject({ figures: { prefillTps: spread(2_000, 3), firstToken: { length: 3 } } });
  });

  it("that refuses fields it does not know is asked without them", async () => {
    lab = await Lab.start();
    const answer = lab.script();
    lab.server.script = (call) => {
      const isKnown = !asked(call).fields.includes("ignore_eos");
      return isKnown ? answer(call) : answerJson(call, 400, { error: { message: "Unknown parameter: ignore_eos" } });
    };
    const [bench] = await lab.run();
    expect(bench?.findings).toMatchObject({ type: "measured", figures: { prefillTps: spread(2_000, 3) } });
    expect(lab.server.calls).toHaveLength(1 + 2 + 9);
  });

  it("that loads its model first has the loading left out", async () => {
    lab = await Lab.start();
    let answers = 0;
    const answer = lab.script();
    lab.server.script = (call) => {
      answers += 1;
      if (answers > 1) return answer(call);
      answerJson(call, 503, { error: { message: "Loading model", type: "unavailable_error", code: 503 } });
    };
    const bench = lab.run();
    await eventually(() => lab.phrases.includes("m: loading"), 5_000, "loading");
    lab.clock.advance(500);
    expect((await bench)[0]?.findings).toMatchObject({ figures: { firstToken: { 0: { ms: spread(132, 3) } } } });
  });
});

it("leaves out the time to first token of a run for which the model was loaded anew", async () => {
  lab = await Lab.start();
  let calls = 0;
  const answer = lab.script();
  lab.server.script = (call) => {
    calls += 1;
    // Behind the two that warm up.
    if (calls !== 3) return answer(call);
    answerJson(call, 503, { error: { message: "Loading model", type: "unavailable_error", code: 503 } });
  };
  const bench = lab.run({ plan: { sizes: [64] } });
  await eventually(() => lab.phrases.includes("m: loading"), 5_000, "loading");
  lab.clock.advance(500);
  expect((await bench)[0]?.findings).toMatchObject({
    figures: { decodeTps: spread(50, 3), firstToken: [{ ms: spread(132, 2) }] },
  });
});

describe("what goes wrong", () => {
  it.each<[string, BackendScript, string]>([
    [
      "an HTTP error",
      (call) => answerJson(call, 500, { error: { message: "out of\u001b[31m memory" } }),
      "HTTP 500: out of [31m memory",
    ],
    ["an HTTP error without words", (call) => answerJson(call, 502, "?"), "HTTP 502"],
    ["an error in HTTP 200", (call) => answerJson(call, 200, { error: "no such model" }), "no such model"],
    ["an answer that is no stream", (call) => answerJson(call, 200, { choices: [] }), "it does not stream"],
    [
      "an error within the stream",
      (call) => {
        startEvents(call);
        call.response.end(`${chunk({ content: "w" })}data: {"error":{"message":"out of memory"}}\n\n${DONE}`);
      },
      "out of memory",
    ],
    [
      "a stream without its end",
      (call) => {
        startEvents(call);
        call.response.end(chunk({ content: "w" }));
      },
      "its answer broke off",
    ],
    [
      "an answer without content",
      (call) => {
        startEvents(call);
        call.response.end(chunk({}, "stop") + DONE);
      },
      "its answer was empty",
    ],
    ["a broken connection", ({ response }) => void response.destroy(), "ECONNRESET"],
  ])("%s is told, and the next model is measured", async (_, fault, problem) => {
    lab = await Lab.start();
    lab.server.models = [{ id: "bad" }, { id: "good" }];
    const answer = lab.script();
    lab.server.script = (call) => (asked(call).model === "bad" ? fault(call) : answer(call));
    const [bad, good] = await lab.run();
    expect(bad).toMatchObject({ model: "bad", findings: { type: "failed", problem } });
    expect(good).toMatchObject({ model: "good", findings: { type: "measured" } });
  });

  it("with one size is told, and the other sizes are measured", async () => {
    lab = await Lab.start();
    const answer = lab.script();
    lab.server.script = (call) =>
      asked(call).promptTokens > 1_000 ? answerJson(call, 400, { error: { message: "too long" } }) : answer(call);
    const [bench] = await lab.run();
    expect(bench?.findings).toMatchObject({
      type: "measured",
      problem: "with 2048 tokens: HTTP 400: too long",
      figures: { prefillTps: spread(2_000, 3), firstToken: { length: 2 } },
    });
    expect(lab.server.calls).toHaveLength(2 + 3 + 3 + 1);
  });

  it("silence in the middle of an answer ends that run", async () => {
    lab = await Lab.start();
    lab.server.script = async (call) => {
      startEvents(call);
      await lab.write(call, 0, chunk({ content: "w" }));
      lab.clock.advance(45_000);
    };
    const [bench] = await lab.run();
    expect(bench?.findings).toEqual({ type: "failed", problem: "it fell silent for 45 s" });
    await eventually(() => lab.server.calls.every((call) => call.aborted), 5_000, "the end of the call");
  });

  it("a slow model is measured for as long as its time lasts, at every size that it can", async () => {
    lab = await Lab.start();
    // 64 tokens take 5.12 s + 0.63 s, 512 take 40.96 s + 0.63 s, and 2,048 take longer than there is.
    lab.server.script = lab.script({ overheadMs: 0, msPerPromptToken: 80, gapMs: 10 });
    const [bench] = await lab.run();
    expect(bench?.findings).toEqual({
      type: "measured",
      figures: {
        prefillTps: spread(12.5, 1),
        decodeTps: spread(100, 2),
        firstToken: [
          { promptTokens: 64, ms: spread(5_120, 1) },
          { promptTokens: 512, ms: spread(40_960, 1) },
        ],
      },
    });
    expect(lab.server.calls).toHaveLength(2 + 3);
  });

  it("a model that finishes nothing in its time is told as that", async () => {
    lab = await Lab.start();
    const answer = lab.script({ msPerPromptToken: 1_000 });
    lab.server.script = answer;
    const [bench] = await lab.run({ plan: { warmUpMs: 1e9 } });
    expect(bench?.findings).toEqual({ type: "failed", problem: "no run ended within 60 s" });
  });

  it("a model that does not get ready in its time is told as that", async () => {
    lab = await Lab.start();
    lab.server.script = () => lab.clock.advance(600_000);
    const [bench] = await lab.run();
    expect(bench?.findings).toEqual({ type: "failed", problem: "it was not ready within 600 s" });
  });

  it("models that do not chat, and those that nobody serves, are told when they were asked for", async () => {
    lab = await Lab.start();
    lab.server.models = [{ id: "m" }];
    const embedder = new OpenAiBackend({ baseUrl: lab.server.url, models: ["e"], embeddings: true });
    const gone = new OpenAiBackend({ baseUrl: "http://127.0.0.1:9/v1", models: [] });
    lab.server.script = lab.script();
    const backends = [lab.backend, embedder, gone];
    const results = await lab.run({ backends, models: ["e", "x"] });
    expect(results.map(({ model, findings }) => ({ model, ...findings }))).toEqual([
      { model: "e", type: "failed", problem: "it does not chat" },
      { model: "x", type: "failed", problem: "no backend serves it; 127.0.0.1:9: ECONNREFUSED" },
    ]);
    expect((await lab.run({ backends })).map(({ model }) => model)).toEqual(["m"]);
    await Promise.all([embedder.stop(), gone.stop()]);
  });

  it("an abort in the middle of an answer ends everything, and what was done before was told", async () => {
    lab = await Lab.start();
    lab.server.models = [{ id: "one" }, { id: "two" }];
    const abort = new AbortController();
    const answer = lab.script();
    lab.server.script = async (call) => {
      if (asked(call).model === "one") return answer(call);
      startEvents(call);
      await lab.write(call, 10, chunk({ content: "w" }));
      abort.abort(new Error("interrupted"));
    };
    await expect(lab.run({}, abort.signal)).rejects.toThrow("interrupted");
    expect(lab.told.map(({ model }) => model)).toEqual(["one"]);
    expect(lab.clock.pending).toBe(0);
    await eventually(() => lab.server.calls.at(-1)?.aborted === true, 5_000, "the end of the call");
  });
});
