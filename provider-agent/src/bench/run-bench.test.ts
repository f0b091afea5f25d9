import { afterEach, describe, expect, it } from "vitest";
import { OpenAiBackend } from "../backends/openai-backend.js";
import { type Asked, asked, BenchLab } from "../testing/bench-lab.js";
import { eventually } from "../testing/eventually.js";
import { answerJson, type BackendScript, chunk, DONE, startEvents } from "../testing/scripted-backend.js";

let lab: BenchLab;
afterEach(() => lab?.[Symbol.asyncDispose]());

const spread = (value: number, runs: number): object => {
  const near = expect.closeTo(value, 6);
  return { median: near, min: near, max: near, runs };
};

describe("a server of known pace", () => {
  it("is measured exactly, free of its constant overhead", async () => {
    lab = await BenchLab.start();
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
    lab = await BenchLab.start();
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
    lab = await BenchLab.start();
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
    lab = await BenchLab.start();
    lab.server.models = [{ id: "one" }, { id: "two" }];
    lab.server.script = lab.script();
    await lab.run();
    expect(lab.shares).toEqual(lab.shares.toSorted((a, b) => a - b));
    expect([lab.shares[0], lab.shares.at(-1)]).toEqual([0, 1]);
    expect(lab.phrases).toContain("one: warming up");
    expect(lab.phrases).toContain("two: 2048 tokens, run 3 of 3");
  });

  it("cannot hide its speed behind a cache of earlier prompts", async () => {
    lab = await BenchLab.start();
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
    lab = await BenchLab.start();
    const plan = { sizes: [512] };
    lab.server.script = lab.script({ cachedTokens: 20, overheadMs: 0 });
    const [bench] = await lab.run({ plan });
    expect(bench?.findings).toMatchObject({ figures: { prefillTps: spread(2_000, 3) } });
  });

  it("that counts no tokens is measured by its events, and its prefill is not made up", async () => {
    lab = await BenchLab.start();
    lab.server.script = lab.script({ usage: "kept" });
    const [bench] = await lab.run();
    expect(bench?.findings).toMatchObject({ type: "measured", figures: { decodeTps: spread(50, 9) } });
    expect(bench?.findings).not.toHaveProperty("figures.prefillTps");
    expect(bench?.findings).toMatchObject({ figures: { firstToken: { 1: { promptTokens: 512 } } } });
  });

  it("is believed its own timings of the prompt, and of an answer that comes at one go", async () => {
    lab = await BenchLab.start();
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
    lab = await BenchLab.start();
    lab.server.script = lab.script({ extra });
    const [bench] = await lab.run();
    expect(bench?.findings).toMatchObject({ figures: { prefillTps: spread(2_000, 3), decodeTps: spread(50, 9) } });
  });

  it("gets no prompt that its context cannot hold with the answer", async () => {
    lab = await BenchLab.start(1_024);
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
    lab = await BenchLab.start();
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
    lab = await BenchLab.start();
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
  lab = await BenchLab.start();
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
    lab = await BenchLab.start();
    lab.server.models = [{ id: "bad" }, { id: "good" }];
    const answer = lab.script();
    lab.server.script = (call) => (asked(call).model === "bad" ? fault(call) : answer(call));
    const [bad, good] = await lab.run();
    expect(bad).toMatchObject({ model: "bad", findings: { type: "failed", problem } });
    expect(good).toMatchObject({ model: "good", findings: { type: "measured" } });
  });

  it("with one size is told, and the other sizes are measured", async () => {
    lab = await BenchLab.start();
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
    lab = await BenchLab.start();
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
    lab = await BenchLab.start();
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
    lab = await BenchLab.start();
    const answer = lab.script({ msPerPromptToken: 1_000 });
    lab.server.script = answer;
    const [bench] = await lab.run({ plan: { warmUpMs: 1e9 } });
    expect(bench?.findings).toEqual({ type: "failed", problem: "no run ended within 60 s" });
  });

  it("a model that does not get ready in its time is told as that", async () => {
    lab = await BenchLab.start();
    lab.server.script = () => lab.clock.advance(600_000);
    const [bench] = await lab.run();
    expect(bench?.findings).toEqual({ type: "failed", problem: "it was not ready within 600 s" });
  });

  it("models that do not chat, and those that nobody serves, are told when they were asked for", async () => {
    lab = await BenchLab.start();
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
    lab = await BenchLab.start();
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
