import { describe, expect } from "vitest";
import { systemClock } from "../platform/clock.js";
import { createLogger } from "../platform/logger.js";
import { type ContractCase, type ContractSubject, describeBackend } from "../testing/backend-contract.js";
import { LlamaServer, PICO } from "../testing/llama-server.js";
import { LM_STUDIO_SERVER, MLX_LM_SERVER, MLX_MODEL, OLLAMA_SERVER, VLLM_SERVER } from "../testing/recorded-servers.js";
import { type BackendOptions, ScriptedBackend } from "../testing/scripted-backend.js";
import type { BackendStatus } from "./backend.js";
import { EmbeddedBackend } from "./embedded-backend.js";
import { OpenAiBackend } from "./openai-backend.js";
import { OwnedLlamaServer } from "./owned-llama-server.js";
import type { ServerKind } from "./server-profiles.js";

/** Whom to ask what it renders. */
const RENDERER = { ask: expect.any(Function), stamp: expect.any(String) };

const never = new AbortController().signal;
const log = createLogger("silent");
/** Restarts at once: the delays have tests of their own. */
const rng = { next: () => 0 };
/** The path without the owner's folders. */
const MLX_NAME = "qwen3-4b-4bit";
const dialects = ["chat_completions", "completions"];

/** A recorded server, and the backend in front of it. */
async function recorded(options: BackendOptions, model: string, kind?: ServerKind): Promise<ContractSubject> {
  const server = await ScriptedBackend.start(options);
  const backend = new OpenAiBackend({ baseUrl: server.url, models: [], ...(kind === undefined ? {} : { kind }) });
  // Nothing is sent to a server that has not told its models.
  await backend.probe(never);
  return {
    backend,
    model,
    busy: () => server.calls.filter(({ response, aborted }) => !response.writableFinished && !aborted).length,
    kill: () => server[Symbol.asyncDispose](),
    async [Symbol.asyncDispose]() {
      await backend.stop();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** The scripts of the recorded servers know it. */
const ASKED_TO_COUNT = { messages: [{ role: "user", content: "Count for ever." }] };
/** The embedded engine goes on as long as the grammar wants more. */
const LONG_LIST = {
  max_tokens: 100_000,
  response_format: {
    type: "json_schema",
    json_schema: { name: "l", schema: { type: "array", minItems: 1_000, items: { type: "integer" } } },
  },
};
/** llama-server goes on until the context is full: about a second with the tiny model. */
const NO_END = { max_tokens: 100_000, ignore_eos: true };

const RECORDED: readonly Omit<ContractCase, "endless">[] = [
  {
    name: "Ollama",
    start: () => recorded(OLLAMA_SERVER, "qwen3:8b", "ollama"),
    models: [
      {
        id: "qwen3:8b",
        context_length: 16_384,
        weights_bytes: 5_225_388_164,
        quantization: "Q4_K_M",
        dialects: [...dialects, "responses", "messages"],
        capabilities: {
          ...{ tools: true, vision: false, embeddings: false },
          ...{ structured_output: true, logprobs: true, reasoning: true },
        },
        backend: { kind: "ollama", version: "0.33.0" },
      },
      { id: "gemma3:4b", context_length: 8_192, capabilities: { tools: false, vision: true, reasoning: false } },
      {
        id: "nomic-embed-text:latest",
        context_length: 2_048,
        dialects: ["embeddings"],
        capabilities: { embeddings: true },
      },
    ],
    slots: [{ state: "idle" }, { state: "idle_shutdown" }, { state: "idle_shutdown" }],
    refuses: 400,
  },
  {
    name: "LM Studio",
    start: () => recorded(LM_STUDIO_SERVER, "google/gemma-4-26b-a4b", "lm-studio"),
    models: [
      {
        id: "google/gemma-4-26b-a4b",
        context_length: 8_192,
        weights_bytes: 17_990_911_801,
        quantization: "Q4_K_M",
        dialects: [...dialects, "responses"],
        capabilities: {
          ...{ tools: true, vision: true, embeddings: false },
          ...{ structured_output: true, reasoning: true },
        },
        backend: { kind: "lm-studio" },
      },
      { id: "deepseek-r1", context_length: 4_096, capabilities: { vision: false } },
      {
        id: "text-embedding-nomic-embed-text-v1.5",
        context_length: 2_048,
        dialects: ["embeddings"],
        capabilities: { tools: false, embeddings: true },
      },
    ],
    slots: [{ state: "idle", maxConcurrency: 4 }, { state: "idle_shutdown" }, { state: "idle_shutdown" }],
    refuses: 400,
  },
  {
    name: "MLX-LM",
    start: () => recorded(MLX_LM_SERVER, MLX_NAME, "mlx-lm"),
    models: [
      { id: "mlx-community/Qwen3-4B-4bit", dialects },
      { id: MLX_NAME, dialects, backend: { kind: "mlx-lm" } },
    ],
    slots: [{ state: "idle" }, { state: "idle" }],
    sources: { [MLX_NAME]: { path: MLX_MODEL } },
    refuses: 404,
  },
  {
    name: "vLLM",
    start: () => recorded(VLLM_SERVER, "Qwen/Qwen3-8B", "vllm"),
    models: [
      {
        id: "Qwen/Qwen3-8B",
        context_length: 32_768,
        dialects: [...dialects, "responses", "messages"],
        capabilities: { structured_output: true, logprobs: true },
        backend: { kind: "vllm", version: "0.19.1" },
      },
    ],
    slots: [
      {
        state: "running",
        running: 3,
        queued: 4,
        budget: { maxTokens: 133_802, usedTokens: 66_901 },
        decodeTps: 50,
        prefillTps: 5_000,
      },
    ],
    sources: { "Qwen/Qwen3-8B": { path: "/srv/models/qwen3-8b" } },
    refuses: 400,
  },
  {
    name: "vLLM behind a bare URL",
    start: () => recorded(VLLM_SERVER, "Qwen/Qwen3-8B"),
    models: [{ id: "Qwen/Qwen3-8B", dialects: [...dialects, "responses", "messages"] }],
    slots: [{ running: 3 }],
    sources: { "Qwen/Qwen3-8B": { path: "/srv/models/qwen3-8b" } },
    refuses: 400,
  },
];

for (const each of RECORDED) describeBackend({ ...each, endless: ASKED_TO_COUNT });

describeBackend({
  name: "The embedded engine",
  async start() {
    const backend = await EmbeddedBackend.start(
      { modelPath: PICO, modelId: "pico", clock: systemClock, rng, log },
      never,
    );
    return {
      backend,
      model: "pico",
      busy: async () => busyIn(await backend.probe(never)),
      kill: () => void process.kill(backend.pid ?? 0, "SIGKILL"),
      [Symbol.asyncDispose]: () => backend.stop(),
    };
  },
  models: [
    {
      id: "pico",
      context_length: 2_048,
      weights_bytes: expect.any(Number),
      dialects,
      capabilities: { tools: true, structured_output: true, logprobs: false },
      backend: { kind: "hearth-engine" },
    },
  ],
  slots: [{ model: "pico", state: "idle", maxConcurrency: 4 }],
  sources: { pico: { path: PICO, renderer: RENDERER } },
  refuses: 400,
  endless: LONG_LIST,
  restarts: true,
});

const program = process.env["LLAMA_SERVER"];
// biome-ignore lint/suspicious/noConsole: whoever reads the run must see that tests were skipped
if (program === undefined) console.warn("NOTICE: LLAMA_SERVER is not set; tests with a real llama-server are skipped.");

describe.skipIf(program === undefined)("with a real llama-server", () => {
  const models = [
    {
      id: "pico",
      context_length: 2_048,
      weights_bytes: expect.any(Number),
      quantization: "F16",
      dialects: expect.arrayContaining(dialects),
      capabilities: { tools: true, vision: false, structured_output: true, logprobs: true },
      backend: { kind: "llama-server", version: expect.stringMatching(/^b\d+/) },
    },
  ];

  describeBackend({
    name: "llama-server",
    async start() {
      const server = await LlamaServer.start(program ?? "");
      const backend = new OpenAiBackend({ baseUrl: server.url, models: [] });
      return {
        backend,
        model: "pico",
        busy: () => server.busySlots(),
        kill: () => server.kill(),
        async [Symbol.asyncDispose]() {
          await backend.stop();
          await server[Symbol.asyncDispose]();
        },
      };
    },
    models,
    slots: [{ model: "pico", state: "idle", running: 0, maxConcurrency: 2 }],
    sources: { pico: { path: PICO, renderer: RENDERER } },
    refuses: 400,
    endless: NO_END,
  });

  describeBackend({
    name: "The agent's own llama-server",
    async start() {
      const backend = await OwnedLlamaServer.create({
        command: program ?? "",
        modelPath: PICO,
        modelId: "pico",
        args: ["-t", "1", "-np", "2", "-c", "8192"],
        idleMs: 0,
        clock: systemClock,
        rng,
        log,
      });
      await backend.preload(never);
      return {
        backend,
        model: "pico",
        busy: async () => busyIn(await backend.probe(never)),
        kill: () => void process.kill(-(backend.pid ?? 0), "SIGKILL"),
        [Symbol.asyncDispose]: () => backend.stop(),
      };
    },
    models,
    slots: [{ model: "pico", state: "idle", running: 0, maxConcurrency: 2 }],
    sources: { pico: { path: PICO, renderer: RENDERER } },
    refuses: 400,
    endless: NO_END,
    restarts: true,
  });
});

function busyIn(status: BackendStatus): number {
  return status.type === "reachable" ? (status.slots[0]?.running ?? 0) : 0;
}
