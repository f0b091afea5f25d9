import { describe, expect, it } from "vitest";
import { eventually } from "./testing/eventually.js";
import { answer, type BackendScript, chunk, DONE, ScriptedBackend, startEvents } from "./testing/scripted-backend.js";
import { ScriptedCoordinator } from "./testing/scripted-coordinator.js";
import { SpawnedAgent } from "./testing/spawned-agent.js";

const PROMPT = "the-prompt-that-nobody-may-log";
const BODY = { model: "m", messages: [{ role: "user", content: PROMPT }], stream: true };

async function start(script: BackendScript) {
  const coordinator = await ScriptedCoordinator.start();
  const backend = await ScriptedBackend.start({ script });
  const args = ["serve", "--coordinator", coordinator.url, "--backend", backend.url];
  const agent = new SpawnedAgent(args, { HEARTH_LOG_LEVEL: "trace" });
  return {
    agent,
    backend,
    link: await coordinator.agent(1, 15_000),
    async [Symbol.asyncDispose]() {
      await agent[Symbol.asyncDispose]();
      await backend[Symbol.asyncDispose]();
      await coordinator[Symbol.asyncDispose]();
    },
  };
}

describe("hearth-agent", () => {
  it.each([
    ["an unknown flag", ["serve", "--nonsense"], 2, "unknown option '--nonsense'"],
    ["a missing value", ["serve", "--backend"], 2, "argument missing"],
    ["a wrong value", ["serve", "--backend", "ftp://x"], 2, "--backend: must be"],
    ["a model that is not there", ["serve", "--model-path", "/nowhere.gguf"], 6, "/nowhere.gguf cannot be read"],
  ])("says what is wrong with %s, and exits with its code", async (_what, args, code, words) => {
    await using agent = new SpawnedAgent(args);
    expect(await agent.exited).toBe(code);
    expect(agent.output).toContain(words);
  });

  it.each([["--help"], ["--version"], ["serve", "--help"]])("prints %s and exits with 0", async (...args) => {
    await using agent = new SpawnedAgent(args);
    expect(await agent.exited).toBe(0);
    expect(agent.output).toMatch(args.includes("--version") ? /^\d+\.\d+\.\d+\n$/ : /^Usage: hearth-agent/);
  });

  it.each([
    ["unauthorized", 3, "HEARTH_PROVIDER_TOKEN"],
    ["version_unsupported", 4, "no protocol version"],
  ] as const)("exits when the coordinator closes with %s", async (reason, code, words) => {
    await using coordinator = await ScriptedCoordinator.start({ registered: (link) => link.close(reason) });
    await using backend = await ScriptedBackend.start();
    await using agent = new SpawnedAgent(["serve", "-c", coordinator.url, "-b", backend.url]);
    expect(await agent.exited).toBe(code);
    expect(agent.output).toContain(words);
  });

  it("drains on SIGTERM: what runs ends, then it exits with 0; and no prompt or answer is in its log", async () => {
    let finish = (): void => {};
    await using setting = await start((call) => {
      startEvents(call);
      call.response.write(chunk({ content: "one" }));
      finish = () => call.response.end(chunk({ content: "two" }) + DONE);
    });
    const sent = setting.link.request(BODY);
    await sent.received("one");
    setting.agent.process.kill("SIGTERM");
    await eventually(() => setting.link.frames.some(({ type }) => type === "drain"));
    finish();
    expect((await sent.end()).type).toBe("complete");
    expect(await setting.agent.exited).toBe(0);
    await setting.agent.log("stopped");
    for (const text of [PROMPT, "one", "two", "provider-token-0123456789"]) {
      expect(setting.agent.output).not.toContain(`"${text}"`);
      expect(setting.agent.output).not.toContain(`${text}\\"`);
    }
    expect(setting.agent.output).not.toContain(PROMPT);
  });

  it("stops at once on a second signal", async () => {
    await using setting = await start((call) => startEvents(call));
    setting.link.request(BODY);
    await eventually(() => setting.backend.calls.length === 1);
    setting.agent.process.kill("SIGTERM");
    await eventually(() => setting.link.frames.some(({ type }) => type === "drain"));
    setting.agent.process.kill("SIGINT");
    expect(await setting.agent.exited).toBe(1);
    await eventually(() => setting.backend.calls[0]?.aborted === true);
  });

  it("stops while it cannot reach a coordinator", async () => {
    await using backend = await ScriptedBackend.start();
    await using agent = new SpawnedAgent(["serve", "-c", "ws://127.0.0.1:9/ws/provider", "-b", backend.url]);
    expect(await agent.log("connection closed")).toMatchObject({ problem: expect.stringContaining("ECONNREFUSED") });
    agent.process.kill("SIGINT");
    expect(await agent.exited).toBe(0);
  });

  it.skipIf(process.platform !== "linux")("needs less than 120 MB while it is idle in front of a server", async () => {
    await using setting = await start((call) => answer(call));
    for (let i = 0; i < 20; i++) expect((await setting.link.request(BODY).end()).type).toBe("complete");
    expect(setting.agent.rssBytes / 2 ** 20).toBeLessThan(120);
  });
});
