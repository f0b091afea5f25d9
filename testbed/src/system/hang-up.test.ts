import { readFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { API_KEY } from "../scripted/test-coordinator.js";
import { eventually } from "./eventually.js";
import { LLAMA_SERVER, LlamaServer, noticeWithoutLlamaServer } from "./llama-server.js";
import { SpawnedHearth } from "./spawned-hearth.js";
import type { SpawnedProcess } from "./spawned-process.js";

noticeWithoutLlamaServer();

/** From the consumer's hanging up to an engine at rest, ms. */
const LIMIT_MS = 100;
/** The machine has other work, too: the middle of so many tries is what Hearth takes. */
const TRIES = 5;

/** Asks for a long answer, and hangs up as soon as some of it is there. */
function askAndHangUp(url: string): Promise<{ readonly hungUpAt: number }> {
  return new Promise((resolve, reject) => {
    const call = httpRequest(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { Authorization: `Bearer ${API_KEY}` },
      agent: false,
    });
    call.once("response", (response) => {
      response.once("data", () => {
        response.destroy();
        resolve({ hungUpAt: Date.now() });
      });
      response.on("error", () => {});
    });
    call.once("error", reject);
    call.end(
      JSON.stringify({
        model: "pico",
        stream: true,
        // A llama-server goes on until its context is full; the embedded engine counts for about a second.
        ignore_eos: true,
        messages: [{ role: "user", content: "Count from one to one hundred" }],
      }),
    );
  });
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

describe.skipIf(LLAMA_SERVER === undefined)("a consumer who hangs up on a real llama-server", () => {
  let hearth: SpawnedHearth;
  let llama: LlamaServer;
  beforeAll(async () => {
    [hearth, llama] = await Promise.all([SpawnedHearth.start(), LlamaServer.start(LLAMA_SERVER ?? "")]);
    await hearth.agent({ backend: llama.url, models: ["pico"] });
  });
  afterAll(async () => {
    await hearth[Symbol.asyncDispose]();
    await llama[Symbol.asyncDispose]();
  });

  it(`frees its slot within ${LIMIT_MS} ms`, async () => {
    const took: number[] = [];
    for (let i = 0; i < TRIES; i++) {
      await askAndHangUp(hearth.url);
      took.push(await llama.idle());
    }
    expect(median(took)).toBeLessThan(LIMIT_MS);
  });

  it("does not free the slot of a consumer who stays", async () => {
    const answer = await hearth.chat({
      model: "pico",
      stream: true,
      ignore_eos: true,
      messages: [{ role: "user", content: "Count from one to one hundred" }],
    });
    const reader = answer.body!.getReader();
    await reader.read();
    const until = performance.now() + LIMIT_MS;
    await eventually("the limit is over", async () => {
      expect(await llama.busySlots()).toBe(1);
      return performance.now() > until;
    });
    await reader.cancel();
    await llama.idle();
  });
});

describe("a consumer who hangs up on the embedded engine", () => {
  let hearth: SpawnedHearth;
  let agent: SpawnedProcess;
  beforeAll(async () => {
    hearth = await SpawnedHearth.start();
    agent = await hearth.agent();
  });
  afterAll(() => hearth[Symbol.asyncDispose]());

  const jobsCancelled = (): number => agent.logged("job cancelled").length;

  it(`ends the agent's job within ${LIMIT_MS} ms and leaves no stream open`, async () => {
    const took: number[] = [];
    for (let i = 0; i < TRIES; i++) {
      const before = jobsCancelled();
      const { hungUpAt } = await askAndHangUp(hearth.url);
      await agent.until("has dropped the job", () => jobsCancelled() > before);
      took.push(Date.parse(agent.logged("job cancelled").at(-1)?.time ?? "") - hungUpAt);
    }
    expect(median(took)).toBeLessThan(LIMIT_MS);
    await eventually("no stream is open", async () => (await hearth.metric("hearth_streams_open")) === 0);
    expect(await hearth.metric('hearth_dispatches_total{role="primary",result="cancelled"}')).toBe(TRIES);
  });

  it.skipIf(process.platform !== "linux")("leaves the engine without work", async () => {
    const engine = Number(agent.logged("engine started")[0]?.["pid"]);
    await askAndHangUp(hearth.url);
    await eventually(`the engine is at rest for ${LIMIT_MS} ms`, () => atRest(engine), 800);
  });
});

/** Processor time of a process, ms, to a clock tick of 10 ms. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Whether the process uses next to no processor time from now on for the length of the limit. */
async function atRest(pid: number): Promise<boolean> {
  const before = cpuMs(pid);
  const until = performance.now() + LIMIT_MS;
  await eventually("the window is over", () => performance.now() > until);
  return cpuMs(pid) - before <= 10;
}
