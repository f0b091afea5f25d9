import { afterEach, describe, expect, it } from "vitest";
import { LM_STUDIO_SERVER, OLLAMA_SERVER, VLLM_SERVER, vllmMetrics } from "../../testing/recorded-servers.js";
import { type BackendOptions, type Pages, ScriptedBackend } from "../../testing/scripted-backend.js";
import { OpenAiBackend } from "../openai-backend.js";
import type { ServerKind } from "../server-profiles.js";

const never = new AbortController().signal;
const closing: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of closing.splice(0)) await each[Symbol.asyncDispose]();
});

/** A server of a kind that has been asked what it serves; its pages are as they are set then. */
async function start(kind: ServerKind, options: BackendOptions) {
  const server = await ScriptedBackend.start(options);
  const backend = new OpenAiBackend({ baseUrl: server.url, kind, models: [] });
  closing.push(server);
  await backend.probe(never);
  const signs = async (pages: Pages = {}) => {
    server.pages = { ...server.pages, ...pages };
    server.asked.length = 0;
    return (await backend.signs(["m"], never)).map(({ sign, counter, of }) => [
      sign,
      counter,
      of.type === "model" ? of.model : of.type,
    ]);
  };
  return { server, signs };
}

describe("llama-server", () => {
  const BUSY = {
    id: 0,
    id_task: 6,
    is_processing: true,
    n_prompt_tokens_processed: 64,
    next_token: [{ n_decoded: 0 }],
  };
  const PAGES: Pages = {
    "GET /props": { body: { total_slots: 2, build_info: "b11669", endpoint_slots: true } },
    "GET /slots": { body: [BUSY, { id: 1, is_processing: false }] },
  };

  it("tells what its slots have read and written", async () => {
    const { signs } = await start("llama-server", { pages: PAGES, scripted: ["/v1/chat/completions"] });
    expect(await signs()).toEqual([
      ["prefilling", 64, "only_request"],
      ["generating", 0, "only_request"],
    ]);
  });

  it.each([501, 404, 403])("is not asked again when it answers %i", async (status) => {
    const hidden: Pages = { ...PAGES, "GET /slots": { status, body: { error: { code: status } } } };
    const { server, signs } = await start("llama-server", { pages: hidden });
    await signs();
    expect(await signs(PAGES)).toEqual([]);
    expect(server.asked).toEqual([]);
  });

  it("is asked again after it was only busy", async () => {
    const { signs } = await start("llama-server", { pages: { ...PAGES, "GET /slots": { status: 503, body: "" } } });
    expect(await signs()).toEqual([]);
    expect(await signs(PAGES)).toHaveLength(2);
  });

  it("as a router, is asked for the models that are waited for, and loads none for that", async () => {
    const { server, signs } = await start("llama-server", {
      pages: { "GET /props": { body: { role: "router" } }, "GET /slots?model=m&autoload=false": { body: [BUSY] } },
      models: [{ id: "m", status: { value: "loading" } }],
    });
    expect(await signs()).toHaveLength(2);
    expect(server.asked).toEqual(["GET /slots?model=m&autoload=false"]);
  });
});

describe("Ollama", () => {
  it("tells how much of a model is loaded, by its name", async () => {
    const { signs } = await start("ollama", OLLAMA_SERVER);
    expect(await signs()).toEqual([
      ["loading", 7_000_000_000, "qwen3:8b"],
      ["loading", 7_000_000_000, "qwen3:8b"],
    ]);
    const growing = { name: "m", model: "m", size: 5_000, size_vram: 1_200 };
    expect(await signs({ "GET /api/ps": { body: { models: [growing] } } })).toEqual([
      ["loading", 1_200, "m"],
      ["loading", 5_000, "m"],
    ]);
    expect(await signs({ "GET /api/ps": { body: { models: [] } } })).toEqual([]);
  });
});

describe("LM Studio", () => {
  const native = (loaded: readonly object[]) => ({
    "GET /api/v1/models": { body: { models: [{ key: "deepseek-r1", loaded_instances: loaded }] } },
  });

  it("tells that a model was loaded or went, and nothing while it stays as it is", async () => {
    const { server, signs } = await start("lm-studio", LM_STUDIO_SERVER);
    expect(await signs(native([]))).toEqual([["loading", 0, "deepseek-r1"]]);
    expect(await signs()).toEqual([["loading", 0, "deepseek-r1"]]);
    expect(await signs(native([{ id: "deepseek-r1" }]))).toEqual([["loading", 1, "deepseek-r1"]]);
    expect(await signs()).toEqual([["loading", 1, "deepseek-r1"]]);
    expect(server.asked).toEqual(["GET /api/v1/models"]);
  });

  it("tells the same by its older list where it has no other", async () => {
    const list = (state: string): Pages => ({
      "GET /api/v0/models": { body: { data: [{ id: "deepseek-r1", type: "llm", state }] } },
    });
    const { server, signs } = await start("lm-studio", { ...LM_STUDIO_SERVER, pages: list("not-loaded") });
    expect(await signs()).toEqual([["loading", 0, "deepseek-r1"]]);
    expect(await signs(list("loading"))).toEqual([["loading", 1, "deepseek-r1"]]);
    expect(await signs(list("loaded"))).toEqual([["loading", 2, "deepseek-r1"]]);
    expect(server.asked).toEqual(["GET /api/v0/models"]);
  });
});

describe("vLLM", () => {
  it("tells what it has read and written for everybody", async () => {
    const { signs } = await start("vllm", VLLM_SERVER);
    const metrics = `${vllmMetrics({ tokens: 9, seconds: 1 })}vllm:generation_tokens_total{engine="0"} 41.0\n`;
    expect(await signs({ "GET /metrics": { body: metrics } })).toEqual([
      ["prefilling", 10_000, "server"],
      ["generating", 41, "server"],
    ]);
    expect(await signs({ "GET /metrics": { status: 404, body: "" } })).toEqual([]);
  });
});

describe("MLX-LM", () => {
  it("has no counters beside those of its streams", async () => {
    const { server, signs } = await start("mlx-lm", {});
    expect(await signs()).toEqual([]);
    expect(server.asked).toEqual([]);
  });
});
