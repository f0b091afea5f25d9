import { afterEach, beforeEach, expect, it } from "vitest";
import { readStream } from "../scripted/answers.js";
import { eventually } from "./eventually.js";
import { SpawnedHearth } from "./spawned-hearth.js";
import { startStubBackend } from "./stub-backend.js";

let hearth: SpawnedHearth;
beforeEach(async () => {
  hearth = await SpawnedHearth.start();
});
afterEach(() => hearth[Symbol.asyncDispose]());

const ask = (stream: boolean): object => ({
  model: "pico",
  stream,
  messages: [{ role: "user", content: "Count from one to ten." }],
});

it.each([true, false])(
  "hides from the consumer that an agent was killed before content (stream: %s)",
  async (stream) => {
    await using silent = await startStubBackend("pico");
    const first = await hearth.agent({ backend: silent.url, name: "first" });
    const pending = hearth.chat(ask(stream));
    await eventually("the first agent's backend is asked", () => silent.exchanges.length === 1);
    await hearth.agent({ name: "second" });
    await first.kill();
    const answer = await pending;
    expect(answer.status).toBe(200);
    const second = (await hearth.providers()).find((provider) => provider.name === "second");
    expect(answer.headers.get("x-provider-id")).toBe(second?.id);
    expect(answer.headers.get("x-attempts")).toBe("2");
    if (stream) {
      const { content, done, errors, broken } = await readStream(answer);
      expect(content).toMatch(/\w/);
      expect({ done, errors, broken }).toEqual({ done: 1, errors: [], broken: false });
    } else {
      const body = (await answer.json()) as { choices: { message: { content: string } }[]; error?: unknown };
      expect(body.choices[0]?.message.content).toMatch(/\w/);
      expect(body.error).toBeUndefined();
    }
    expect(await hearth.metric("hearth_streams_open")).toBe(0);
  },
);

it("tells the consumer once, and nothing that looks like success, when the agent is killed after content", async () => {
  await using backend = await startStubBackend("pico", (exchange) => exchange.content("half of it"));
  const first = await hearth.agent({ backend: backend.url, name: "first" });
  const answer = await hearth.chat(ask(true));
  await hearth.agent({ name: "second" });
  await first.kill();
  const { status, content, done, errors, text } = await readStream(answer);
  expect(status).toBe(200);
  // The second agent could have answered: nothing of it may follow.
  expect(content).toBe("half of it");
  expect(errors).toHaveLength(1);
  // The mark of the end follows the error, for clients that wait for it; no finish says that the answer was complete.
  expect(done).toBe(1);
  expect(text.indexOf('"error"')).toBeLessThan(text.indexOf("[DONE]"));
  expect(text).not.toContain('"finish_reason":"stop"');
  expect(await hearth.metric("hearth_streams_open")).toBe(0);
});

it("answers a consumer who does not stream with an error, not with half an answer, when its agent does not come back", async () => {
  await using backend = await startStubBackend("pico", (exchange) => exchange.content("half of it"));
  const agent = await hearth.agent({ backend: backend.url, name: "only" });
  const pending = hearth.chat(ask(false), { headers: { "X-Hearth-Timeout": "3" } });
  await eventually("content has arrived", async () => (await hearth.metric("hearth_ttft_seconds_count")) === 1);
  await agent.kill();
  const answer = await pending;
  expect(answer.status).toBe(502);
  expect(await answer.text()).not.toContain("half of it");
});

it.skipIf(process.platform !== "linux")("takes the embedded engine with it when an agent is killed", async () => {
  const agent = await hearth.agent();
  const engine = Number(agent.logged("engine started")[0]?.["pid"]);
  expect(isRunning(engine)).toBe(true);
  await agent.kill();
  await eventually("the engine is gone", () => !isRunning(engine));
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
