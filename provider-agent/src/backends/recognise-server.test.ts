import { describe, expect, it } from "vitest";
import { behindUrl } from "../testing/behind-url.js";
import { LM_STUDIO_SERVER, MLX_LM_SERVER, OLLAMA_SERVER, VLLM_SERVER } from "../testing/recorded-servers.js";

/** Ollama's own list in OpenAI's form, which tells neither what a model can do nor where it runs. */
const OLLAMA_LIST = ["qwen3:8b", "gpt-oss:120b-cloud"].map((id) => ({ id, object: "model", owned_by: "library" }));

describe("a server of which only the URL is known", () => {
  it.each([
    ["ollama", { ...OLLAMA_SERVER, models: OLLAMA_LIST }, { id: "qwen3:8b", context_length: 16_384 }],
    ["lm-studio", LM_STUDIO_SERVER, { id: "google/gemma-4-26b-a4b", context_length: 8_192 }],
    ["mlx-lm", MLX_LM_SERVER, { id: "mlx-community/Qwen3-4B-4bit" }],
    ["vllm", VLLM_SERVER, { id: "Qwen/Qwen3-8B", context_length: 32_768 }],
  ])("is recognised as %s by its list or its own endpoints", async (kind, options, first) => {
    await using setting = await behindUrl(options);
    expect((await setting.models())[0]).toMatchObject({ ...first, backend: { kind } });
  });

  it("is recognised as Ollama also before it has a model", async () => {
    const pages = { ...OLLAMA_SERVER.pages, "GET /api/tags": { body: { models: [] } } };
    await using setting = await behindUrl({ ...OLLAMA_SERVER, models: [], pages });
    expect(await setting.models()).toEqual([]);
    setting.server.pages = OLLAMA_SERVER.pages ?? {};
    expect((await setting.models())[0]).toMatchObject({ id: "qwen3:8b", backend: { kind: "ollama" } });
  });

  it("is asked once, and again when it lists other models: another one may have taken its port", async () => {
    await using setting = await behindUrl({ models: [{ id: "a" }] });
    await setting.models();
    await setting.models();
    expect(setting.server.asked.filter((what) => what === "GET /api/version")).toHaveLength(1);
    setting.server.models = OLLAMA_LIST;
    setting.server.pages = OLLAMA_SERVER.pages ?? {};
    const models = await setting.models();
    expect(models.map(({ id }) => id)).toContain("gemma3:4b");
    expect(models.map(({ id }) => id)).not.toContain("gpt-oss:120b-cloud");
  });

  it("is taken at its word when it knows no path but its own, or leaves the others unanswered", async () => {
    await using setting = await behindUrl({ models: [{ id: "a", owned_by: "me" }], unknown: { never: true } });
    expect(await setting.models()).toEqual([{ id: "a", capabilities: {} }]);
  });

  it("is no Ollama because it answers to Ollama's endpoints", async () => {
    const models = [{ id: "koboldcpp/x", owned_by: "koboldcpp" }];
    await using setting = await behindUrl({ ...OLLAMA_SERVER, models });
    expect(await setting.models()).toEqual([{ id: "koboldcpp/x", capabilities: {} }]);
  });
});
