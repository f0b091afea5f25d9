import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { chatRequest, textOf } from "../testing/backend-contract.js";
import { eventually } from "../testing/eventually.js";
import { LM_STUDIO_SERVER, OLLAMA_SERVER, VLLM_SERVER, vllmMetrics } from "../testing/recorded-servers.js";
import { type BackendOptions, ScriptedBackend } from "../testing/scripted-backend.js";
import type { ReachableBackend } from "./backend.js";
import { OpenAiBackend, type OpenAiBackendOptions } from "./openai-backend.js";

const never = new AbortController().signal;

interface Setting extends AsyncDisposable {
  readonly server: ScriptedBackend;
  readonly backend: OpenAiBackend;
  probe(): Promise<ReachableBackend>;
}

async function start(server: BackendOptions, options: Partial<OpenAiBackendOptions> = {}): Promise<Setting> {
  const scripted = await ScriptedBackend.start(server);
  const backend = new OpenAiBackend({ baseUrl: scripted.url, models: [], ...options });
  return {
    server: scripted,
    backend,
    async probe() {
      const status = await backend.probe(never);
      if (status.type === "unreachable") throw new Error(status.problem);
      return status;
    },
    async [Symbol.asyncDispose]() {
      await backend.stop();
      await scripted[Symbol.asyncDispose]();
    },
  };
}

/** A router of llama-server b11669 with `--models-dir`; `loaded` and its `/props` as its README has them. */
const ROUTER: BackendOptions = {
  models: [
    {
      id: "pico",
      object: "model",
      owned_by: "llamacpp",
      status: { value: "unloaded", args: ["llama-server"], exit_code: 1, failed: true },
      architecture: { input_modalities: ["text"], output_modalities: ["text"] },
      source: "models_dir",
      context_length: 2_048,
    },
    { id: "cold", owned_by: "llamacpp", status: { value: "unloaded" }, context_length: 4_096 },
    { id: "busy", owned_by: "llamacpp", status: { value: "loading" } },
    {
      id: "org/hot:Q4_K_M",
      owned_by: "llamacpp",
      path: "/cache/hot.gguf",
      status: { value: "loaded" },
      architecture: { input_modalities: ["text", "image"], output_modalities: ["text"] },
      meta: { n_ctx_train: 131_072, size: 1_000 },
    },
  ],
  pages: {
    "GET /props": { body: { role: "router", max_instances: 4, model_path: "none", build_info: "b11669" } },
    "GET /props?model=org%2Fhot%3AQ4_K_M&autoload=false": {
      body: { total_slots: 3, default_generation_settings: { n_ctx: 8_192 }, model_path: "/cache/hot.gguf" },
    },
    "GET /slots?model=org%2Fhot%3AQ4_K_M&autoload=false": { body: [{ is_processing: true }, { is_processing: false }] },
    "POST /v1/chat/completions": { status: 400, body: { error: { code: 400 } } },
  },
  scripted: [],
};

describe("a server behind a URL", () => {
  it("is called with the owner's key and header rules, in questions and requests alike", async () => {
    const headers = { set: { "x-team": "blue" }, replace: { accept: "text/event-stream" }, block: ["content-type"] };
    await using setting = await start({ script: (call) => void call.response.end() }, { key: "k", headers });
    await setting.backend.open(chatRequest("m"), never);
    const [call] = setting.server.calls;
    expect(call?.request.headers).toMatchObject({
      authorization: "Bearer k",
      "x-team": "blue",
      accept: "text/event-stream",
    });
    expect(call?.request.headers["content-type"]).toBeUndefined();
  });

  it("hands on an error that is wrapped in a 200 as it came", async () => {
    await using setting = await start(LM_STUDIO_SERVER);
    const response = await setting.backend.open({ ...chatRequest("m"), dialect: "responses" }, never);
    expect(response.status).toBe(200);
    expect(response.contentType).not.toContain("event-stream");
    expect(JSON.parse(await textOf(response))).toEqual({ error: expect.stringContaining("Unexpected endpoint") });
  });

  it("is believed to serve what its owner names, and nothing else is advertised", async () => {
    await using setting = await start(
      { models: [{ id: "a" }, { id: "b" }] },
      { models: ["b", "hidden"], embeddings: true },
    );
    const { models, slots } = await setting.probe();
    expect(models).toEqual(
      ["b", "hidden"].map((id) => ({ id, dialects: ["embeddings"], capabilities: { embeddings: true } })),
    );
    expect(slots.map(({ model }) => model)).toEqual(["b", "hidden"]);
  });

  it("is not believed to have a model of Ollama's cloud, whether it lists it or its owner names it", async () => {
    const models = [{ id: "a" }, { id: "gpt-oss:120b-cloud" }];
    await using all = await start({ models });
    expect((await all.probe()).models.map(({ id }) => id)).toEqual(["a"]);
    await using named = await start({ models }, { models: ["a", "gpt-oss:120b-cloud"] });
    expect(await named.probe()).toMatchObject({ models: [{ id: "a" }], missing: ["gpt-oss:120b-cloud"] });
  });

  it("is asked by its own name for a model that is a path, and answers under the one that is advertised", async () => {
    const path = "/srv/models/qwen3-8b";
    const event = `data: ${JSON.stringify({ id: "c", model: path, choices: [] })}\n\n`;
    await using setting = await start(
      { models: [{ id: path }], script: ({ response }) => void response.end(event) },
      { models: [path] },
    );
    expect((await setting.probe()).models).toEqual([{ id: "qwen3-8b", capabilities: {} }]);
    const response = await setting.backend.open(chatRequest("qwen3-8b"), never);
    const closed = once(response.body, "close");
    expect(await textOf(response)).toBe(event.replace(path, "qwen3-8b"));
    await closed;
    expect(JSON.parse(setting.server.calls[0]?.body ?? "")).toMatchObject({ model: path });
  });

  it("may list odd things: the rest is kept, and no model twice", async () => {
    const odd = { id: "a", owned_by: 7, max_model_len: -1, meta: { size: "big", tools: "yes", n_ctx: 1e12 } };
    const entries = [odd, { ...odd, max_model_len: 9 }, { id: "" }, { id: "x".repeat(129) }];
    await using setting = await start({ models: entries });
    expect((await setting.probe()).models).toEqual([{ id: "a", capabilities: {} }]);
  });

  it.each([
    ["HTTP 500", { status: 500, body: {} }],
    ["no list of models", { body: { data: {} } }],
    ["no list of models", { body: "<html>" }],
    ["no list of models", { body: `{"data":["${"x".repeat(5 * 1024 * 1024)}"]}` }],
  ])("is unreachable with %s when that is its answer", async (problem, page) => {
    await using setting = await start({ pages: { "GET /v1/models": page } });
    expect(await setting.backend.probe(never)).toEqual({ type: "unreachable", problem });
  });

  it("is known anew when another server has taken its place", async () => {
    await using setting = await start(VLLM_SERVER);
    expect((await setting.probe()).version).toBe("0.19.1");
    setting.server.pages = { "GET /v1/models": { status: 503, body: {} } };
    expect(await setting.backend.probe(never)).toEqual({ type: "unreachable", problem: "HTTP 503" });
    setting.server.pages = { "GET /v1/models": { body: { data: [{ id: "other" }] } } };
    expect(await setting.probe()).toMatchObject({ models: [{ id: "other" }] });
    expect((await setting.probe()).version).toBeUndefined();
  });
});

describe("a router of llama-server's", () => {
  it("tells the state of each model, and is asked about none in a way that would load it", async () => {
    await using setting = await start(ROUTER);
    const status = await setting.probe();
    expect(status.slots).toEqual([
      { model: "pico", state: "crashed" },
      { model: "cold", state: "idle_shutdown" },
      { model: "busy", state: "reloading" },
      { model: "org/hot:Q4_K_M", state: "running", running: 1, maxConcurrency: 3 },
    ]);
    expect(status.models.map(({ context_length }) => context_length)).toEqual([2_048, 4_096, undefined, 8_192]);
    expect(status.models[3]?.capabilities).toMatchObject({ vision: true, structured_output: true, logprobs: true });
    const source = status.sources.get("org/hot:Q4_K_M");
    const renderer = { ask: expect.any(Function), stamp: expect.any(String) };
    expect(source).toEqual({ path: "/cache/hot.gguf", renderer });
    expect(await source?.renderer?.ask({ messages: [] }, never)).toBeUndefined();
    const withModel = setting.server.asked.filter((what) => what.includes("model="));
    expect(withModel.every((what) => what.includes("org%2Fhot") && what.endsWith("autoload=false"))).toBe(true);
    const posts = setting.server.asked.filter((what) => what.startsWith("POST")).length;
    expect(setting.server.asked).toContain("POST /apply-template?model=org%2Fhot%3AQ4_K_M&autoload=false");
    await setting.probe();
    expect(setting.server.asked.filter((what) => what.startsWith("POST"))).toHaveLength(posts);
  });

  it("counts as at work while it is too busy to tell its slots", async () => {
    // It looks at the question after the current batch, and this one never ends.
    await using setting = await start({
      models: [{ id: "a", owned_by: "llamacpp" }],
      pages: {
        "GET /props": { body: { total_slots: 2, endpoint_slots: true } },
        "GET /slots": { never: true },
        "POST /v1/chat/completions": { status: 400, body: {} },
      },
      scripted: [],
    });
    expect((await setting.probe()).slots).toEqual([{ model: "a", state: "running", maxConcurrency: 2 }]);
  });

  it("tells how many requests wait for a slot", async () => {
    const metrics = "llamacpp:requests_processing 2\nllamacpp:requests_deferred 3\n";
    await using setting = await start({
      models: [{ id: "a", owned_by: "llamacpp" }],
      pages: {
        "GET /props": { body: { total_slots: 2, endpoint_slots: false, endpoint_metrics: true } },
        "GET /metrics": { body: metrics },
        "POST /v1/chat/completions": { status: 400, body: {} },
      },
      scripted: [],
    });
    expect((await setting.probe()).slots).toEqual([{ model: "a", state: "idle", maxConcurrency: 2, queued: 3 }]);
  });

  it("has its models under their other names too, and no model that it does not list", async () => {
    const models = [{ id: "org/hot:Q4_K_M", aliases: ["hot"], owned_by: "llamacpp", status: { value: "unloaded" } }];
    await using setting = await start({ ...ROUTER, models }, { models: ["hot", "qwen3-8b"] });
    expect(await setting.probe()).toMatchObject({ models: [{ id: "hot" }], missing: ["qwen3-8b"] });
  });

  it("is left asleep when it sleeps", async () => {
    const flags = { is_sleeping: true, endpoint_slots: true, endpoint_metrics: true };
    const props = { total_slots: 1, model_path: "/a.gguf", ...flags };
    await using setting = await start({
      ...ROUTER,
      models: [{ id: "a", owned_by: "llamacpp" }],
      pages: { ...ROUTER.pages, "GET /props": { body: props } },
    });
    const { slots, sources } = await setting.probe();
    expect(slots).toEqual([{ model: "a", state: "idle_shutdown", maxConcurrency: 1 }]);
    expect(sources.get("a")).toEqual({ path: "/a.gguf" });
    expect(setting.server.asked).not.toContain("GET /slots");
    expect(setting.server.asked).not.toContain("GET /metrics");
  });
});

describe("what is remembered between two probes", () => {
  it("is what Ollama shows of a model, until it is another one under its name", async () => {
    await using setting = await start(OLLAMA_SERVER, { kind: "ollama" });
    await setting.probe();
    await setting.probe();
    const shown = (): number => setting.server.asked.filter((what) => what === "POST /api/show").length;
    expect(shown()).toBe(3);
    const tags = { models: [{ model: "qwen3:8b", digest: "another", size: 1 }] };
    setting.server.pages = { ...setting.server.pages, "GET /api/tags": { body: tags } };
    expect((await setting.probe()).models).toHaveLength(1);
    expect(shown()).toBe(4);
  });

  it("is vLLM's counters: its rates are those of what was done since", async () => {
    await using setting = await start(VLLM_SERVER);
    expect((await setting.probe()).slots[0]).toMatchObject({ decodeTps: 50, prefillTps: 5_000 });
    const metrics = vllmMetrics({ tokens: 1_600, seconds: 25 });
    setting.server.pages = { ...setting.server.pages, "GET /metrics": { body: metrics } };
    expect((await setting.probe()).slots[0]).toMatchObject({ decodeTps: 120, prefillTps: 5_000 });
    expect((await setting.probe()).slots[0]).toMatchObject({ decodeTps: 120 });
  });

  it.each([
    ["counts what was read", 'vllm:request_prefill_kv_computed_tokens_sum{engine="0"} 600.0'],
    ["counts what was cached", 'vllm:prefix_cache_hits_total{engine="0"} 9400.0'],
  ])("takes for read of vLLM's prompts only what was not cached, where it %s", async (_how, line) => {
    const metrics = `${vllmMetrics({ tokens: 1, seconds: 1 })}${line}\n`;
    const pages = { ...VLLM_SERVER.pages, "GET /metrics": { body: metrics } };
    await using setting = await start({ ...VLLM_SERVER, pages });
    expect((await setting.probe()).slots[0]).toMatchObject({ prefillTps: 300 });
  });

  it("leaves no connection behind when it stops", async () => {
    await using setting = await start(VLLM_SERVER);
    await setting.probe();
    expect(setting.server.sockets.size).toBeGreaterThan(0);
    await setting.backend.stop();
    await eventually(() => setting.server.sockets.size === 0);
  });
});
