import { describe, expect, it } from "vitest";
import { AUTO_BACKEND, type BackendConfig } from "../config/backend-config.js";
import { systemClock } from "../platform/clock.js";
import { createLogger } from "../platform/logger.js";
import { PICO } from "../testing/llama-server.js";
import { OLLAMA_SERVER, VLLM_SERVER } from "../testing/recorded-servers.js";
import { ScriptedBackend } from "../testing/scripted-backend.js";
import type { Backend } from "./backend.js";
import { createBackends, modelIdOf } from "./create-backends.js";

const never = new AbortController().signal;
const access = { key: undefined, models: [], embeddings: false, headers: { set: {}, block: [], replace: {} } };

function create(configs: readonly BackendConfig[], origins: readonly string[] = []): Promise<Backend> {
  const log = createLogger("silent");
  const rng = { next: () => 0 };
  return createBackends(configs, { clock: systemClock, rng, log, fallbackModelPath: PICO, origins }, never);
}

async function modelsOf(backend: Backend): Promise<readonly string[]> {
  const status = await backend.probe(never);
  return status.type === "reachable" ? status.models.map(({ id }) => id) : [];
}

describe("the backends of a configuration", () => {
  it("are served together, each as its kind", async () => {
    await using ollama = await ScriptedBackend.start(OLLAMA_SERVER);
    await using vllm = await ScriptedBackend.start(VLLM_SERVER);
    const backend = await create([
      { kind: "ollama", url: ollama.url, ...access, models: ["gemma3:4b"] },
      { kind: "openai", url: vllm.url, ...access },
    ]);
    expect(await modelsOf(backend)).toEqual(["gemma3:4b", "Qwen/Qwen3-8B"]);
    await backend.stop();
  });

  it("are those that are found when none is named", async () => {
    await using vllm = await ScriptedBackend.start(VLLM_SERVER);
    const backend = await create([AUTO_BACKEND], [`http://127.0.0.1:${vllm.port}`]);
    expect(await modelsOf(backend)).toEqual(["Qwen/Qwen3-8B"]);
    await backend.stop();
  });

  it("are the embedded engine when none is found", async () => {
    const backend = await create([AUTO_BACKEND], ["http://127.0.0.1:1"]);
    expect(await modelsOf(backend)).toEqual(["pico"]);
    await backend.stop();
  });

  it("are refused with everything that is wrong with their header rules", async () => {
    const headers = { set: { host: "x" }, block: ["content-length"], replace: {} };
    const creating = create([AUTO_BACKEND, { kind: "openai", url: "http://127.0.0.1:1/v1", ...access, headers }]);
    await expect(creating).rejects.toMatchObject({
      code: "config_invalid",
      message:
        'The backends cannot be used:\n  - backends.1.headers.set: "host" belongs to the connection\n' +
        '  - backends.1.headers.block: "content-length" belongs to the connection',
    });
  });

  it("are all stopped when one cannot be made", async () => {
    const owned = {
      kind: "owned-llama-server",
      command: "/nowhere",
      modelPath: PICO,
      args: [],
      idleMinutes: 1,
    } as const;
    const embedded = { kind: "embedded", modelPath: PICO, models: [] } as const;
    await expect(create([embedded, { ...owned, ...access }])).rejects.toMatchObject({ code: "config_invalid" });
  });

  it("call a model as its file, where nothing else is said", () => {
    expect(["/models/Qwen3-8B.Q4_K_M.GGUF", "C:\\models\\a.gguf", "b"].map(modelIdOf)).toEqual([
      "Qwen3-8B.Q4_K_M",
      "a",
      "b",
    ]);
  });
});
