import { fileURLToPath } from "node:url";
import { type Rng, systemRng } from "@hearth/platform";
import { describe, expect, it } from "vitest";
import { EmbeddedBackend } from "../backends/embedded-backend.js";
import { OpenAiBackend } from "../backends/openai-backend.js";
import { systemClock } from "../platform/clock.js";
import { createLogger } from "../platform/logger.js";
import { eventually } from "../testing/eventually.js";
import { LlamaServer } from "../testing/llama-server.js";
import { runBench } from "./run-bench.js";

const PICO = fileURLToPath(new URL("../../models/pico/pico.gguf", import.meta.url));

/** Always the same prompts: this engine ends an answer where its model does, which may be at once. */
function seeded(): Rng {
  let state = 1;
  return {
    next() {
      state = (state * 48_271) % 2_147_483_647;
      return state / 2_147_483_647;
    },
  };
}

it("the embedded engine is measured from the times to its first token", async () => {
  const { signal } = new AbortController();
  const common = { clock: systemClock, rng: systemRng };
  const log = createLogger("silent");
  const backend = await EmbeddedBackend.start({ ...common, modelPath: PICO, modelId: "pico", log }, signal);
  try {
    const [bench] = await runBench({ ...common, backends: [backend], models: [], rng: seeded() }, signal);
    expect(bench).toMatchObject({ model: "pico", backend: "embedded", findings: { type: "measured" } });
    if (bench?.findings.type !== "measured") return;
    const { figures, problem } = bench.findings;
    expect(problem).toBeUndefined();
    expect(figures.prefillTps?.median).toBeGreaterThan(0);
    expect(figures.decodeTps?.median).toBeGreaterThan(0);
    expect(figures.firstToken).toHaveLength(3);
  } finally {
    await backend.stop();
  }
}, 90_000);

const program = process.env["LLAMA_SERVER"];
// biome-ignore lint/suspicious/noConsole: whoever reads the run must see that tests were skipped
if (program === undefined) console.warn("NOTICE: LLAMA_SERVER is not set; tests with a real llama-server are skipped.");

describe.skipIf(program === undefined)("a real llama-server", () => {
  it("is measured at every size that its context holds", async () => {
    await using server = await LlamaServer.start(program ?? "");
    const backend = new OpenAiBackend({ baseUrl: server.url, models: [] });
    const options = { backends: [backend], models: [], clock: systemClock, rng: systemRng };
    const [bench] = await runBench(options, new AbortController().signal);
    await backend.stop();
    if (bench?.findings.type !== "measured") throw new Error(JSON.stringify(bench));
    const { figures, problem } = bench.findings;
    expect(problem).toBeUndefined();
    expect(bench.model).toBe("pico");
    expect(figures.prefillTps).toMatchObject({ runs: 3 });
    expect(figures.decodeTps).toMatchObject({ runs: 9 });
    const [small, middle, large] = figures.firstToken;
    // Of a context of 2,048 there is no more than this beside the answer.
    for (const [figure, size] of [
      [small, 64],
      [middle, 512],
      [large, 1_785],
    ] as const) {
      expect(figure?.promptTokens).toBeGreaterThan(size * 0.6);
      expect(figure?.promptTokens).toBeLessThan(size * 1.4);
    }
    expect(large?.ms.median).toBeGreaterThan(small?.ms.median ?? 0);
    expect(await server.busySlots()).toBe(0);
  }, 90_000);

  it("that is killed while it is measured is told with what was measured before", async () => {
    await using server = await LlamaServer.start(program ?? "");
    const backend = new OpenAiBackend({ baseUrl: server.url, models: [] });
    const options = { backends: [backend], models: [], clock: systemClock, rng: systemRng };
    const progress = (_: number, what: string): void => {
      if (what.includes("512 tokens, run 1")) server.kill();
    };
    const [bench] = await runBench({ ...options, progress }, new AbortController().signal);
    await backend.stop();
    expect(bench?.findings).toMatchObject({ type: "measured", problem: expect.stringMatching(/ECONN(RESET|REFUSED)/) });
  }, 60_000);

  it("frees its slot when the measuring is aborted", async () => {
    await using server = await LlamaServer.start(program ?? "");
    const backend = new OpenAiBackend({ baseUrl: server.url, models: [] });
    const abort = new AbortController();
    const plan = { maxTokens: 1_500, sizes: [64] };
    const options = { backends: [backend], models: [], clock: systemClock, rng: systemRng, plan };
    const progress = (_: number, what: string): void => {
      if (what.includes("run 1"))
        void eventually(busy, 10_000, "a busy slot").then(() => abort.abort(new Error("stop")));
    };
    const busy = async (): Promise<boolean> => (await server.busySlots()) > 0;
    await expect(runBench({ ...options, progress }, abort.signal)).rejects.toThrow("stop");
    await eventually(async () => !(await busy()), 2_000, "a free slot");
    await backend.stop();
  }, 60_000);
});
