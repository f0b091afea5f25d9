import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { systemClock } from "../platform/clock.js";
import { CountingClock } from "../testing/counting-clock.js";
import { LlamaServer } from "../testing/llama-server.js";
import { LM_STUDIO_SERVER, MLX_LM_SERVER, OLLAMA_SERVER, VLLM_SERVER } from "../testing/recorded-servers.js";
import { type BackendOptions, ScriptedBackend } from "../testing/scripted-backend.js";
import { detectBackends } from "./detect-backends.js";

const never = new AbortController().signal;

/** Looks at a server where only its answers can tell what it is. */
async function detect(options: BackendOptions) {
  await using server = await ScriptedBackend.start(options);
  const found = await detectBackends({ clock: systemClock, origins: [`http://127.0.0.1:${server.port}`] }, never);
  return found.map(({ url, ...rest }) => ({ ...rest, atPort: url === `http://127.0.0.1:${server.port}/v1` }));
}

const LLAMA_KEY_WANTED = {
  status: 401,
  headers: { server: "llama.cpp" },
  body: { error: { message: "Invalid API Key", type: "authentication_error", code: 401 } },
};

describe("looking for backends on this machine", () => {
  it.each([
    ["ollama", OLLAMA_SERVER, { version: "0.33.0", models: ["qwen3:8b", "gemma3:4b", "nomic-embed-text:latest"] }],
    ["lm-studio", LM_STUDIO_SERVER, { models: expect.arrayContaining(["deepseek-r1"]) }],
    ["mlx-lm", MLX_LM_SERVER, { models: expect.arrayContaining(["mlx-community/Qwen3-4B-4bit"]) }],
    ["vllm", VLLM_SERVER, { version: "0.19.1", models: ["Qwen/Qwen3-8B"] }],
  ])("knows %s by its own endpoints, with its version and models", async (kind, options, more) => {
    expect(await detect(options)).toEqual([{ kind, atPort: true, needsKey: false, ...more }]);
  });

  it("knows a llama-server that wants a key", async () => {
    const found = await detect({ unknown: LLAMA_KEY_WANTED, pages: { "GET /v1/models": LLAMA_KEY_WANTED } });
    expect(found).toEqual([{ kind: "llama-server", atPort: true, needsKey: true, models: [] }]);
  });

  it("takes no other server for a backend, also none that says yes to everything", async () => {
    expect(await detect({})).toEqual([]);
    expect(await detect({ unknown: { body: { status: "ok", version: "1.0", error: "no such page" } } })).toEqual([]);
    expect(await detect({ unknown: { body: "<html>hello</html>" } })).toEqual([]);
  });

  it("gives up on a port that takes the connection and says nothing, and finds the others", async () => {
    const silent = createServer(() => {});
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    await using server = await ScriptedBackend.start(OLLAMA_SERVER);
    const clock = new CountingClock(20);
    const origins = [`http://127.0.0.1:${(silent.address() as AddressInfo).port}`, `http://127.0.0.1:${server.port}`];
    const found = await detectBackends({ clock, origins: [...origins, "http://127.0.0.1:1"] }, never);
    expect(found.map(({ kind }) => kind)).toEqual(["ollama"]);
    expect(clock.pending).toBe(0);
    expect(server.sockets.size).toBe(0);
    silent.close();
  });

  it("ends at once when nobody wants to know any more", async () => {
    await using server = await ScriptedBackend.start(OLLAMA_SERVER);
    const origins = [`http://127.0.0.1:${server.port}`];
    expect(await detectBackends({ clock: systemClock, origins }, AbortSignal.abort())).toEqual([]);
    expect(server.asked).toEqual([]);
  });
});

describe.skipIf(process.env["LLAMA_SERVER"] === undefined)("looking for a real llama-server", () => {
  it.each([
    ["that tells everything", [], { needsKey: false, version: expect.stringMatching(/^b\d+/), models: ["pico"] }],
    ["that wants a key", ["--api-key", "k"], { needsKey: true, models: [] }],
  ])("finds one %s", async (_, args, more) => {
    await using server = await LlamaServer.start(process.env["LLAMA_SERVER"] ?? "", args);
    const found = await detectBackends({ clock: systemClock, origins: [server.origin] }, never);
    expect(found).toEqual([{ kind: "llama-server", url: server.url, ...more }]);
  });
});
