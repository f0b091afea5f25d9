import { describe, expect, it } from "vitest";
import { OLLAMA_SERVER } from "../../testing/recorded-servers.js";
import { type Pages, ScriptedBackend } from "../../testing/scripted-backend.js";
import { OpenAiBackend } from "../openai-backend.js";

const never = new AbortController().signal;
const CHATS = ["chat_completions", "completions", "responses", "messages"];

/** What is advertised of models that `/api/tags` lists and `/api/show` describes. */
async function advertised(
  tags: readonly object[],
  show: (model: string) => object | undefined,
  wanted: readonly string[] = [],
) {
  const pages: Pages = {
    ...OLLAMA_SERVER.pages,
    "GET /api/tags": { body: { models: tags } },
    "GET /api/ps": { body: { models: [] } },
    "POST /api/show": (body) => {
      const shown = show(JSON.parse(body).model);
      return shown === undefined ? { status: 500, body: { error: "?" } } : { body: shown };
    },
  };
  await using server = await ScriptedBackend.start({ ...OLLAMA_SERVER, pages });
  const backend = new OpenAiBackend({ baseUrl: server.url, kind: "ollama", models: wanted });
  const status = await backend.probe(never);
  await backend.stop();
  if (status.type === "unreachable") throw new Error(status.problem);
  return { models: status.models.map(({ backend: _, ...model }) => model), missing: status.missing ?? [] };
}

const tag = (model: string, more: object = {}) => ({ name: model, model, digest: model, ...more });
const chats = { capabilities: ["completion", "tools"], model_info: { "x.context_length": 40_960 } };

describe("Ollama's models", () => {
  it("that run in its cloud are never advertised, however that shows, and not when their owner names them", async () => {
    const remote = { remote_model: "gpt-oss:120b", remote_host: "https://ollama.com:443" };
    const tags = [
      tag("qwen3:8b"),
      tag("by-host:1", { remote_host: remote.remote_host }),
      tag("by-model:1", { remote_model: remote.remote_model }),
      tag("by-show:1"),
      tag("gpt-oss:120b-cloud"),
      tag("qwen3.5:cloud"),
    ];
    const show = (model: string) => (model === "by-show:1" ? { ...chats, ...remote } : chats);
    expect((await advertised(tags, show)).models.map(({ id }) => id)).toEqual(["qwen3:8b"]);
    const wanted = ["gpt-oss:120b-cloud", "by-show:1", "kimi-k2.6:cloud"];
    expect(await advertised(tags, show, wanted)).toEqual({ models: [], missing: wanted });
  });

  it("that only draw are not served, and those that do two things are served for both", async () => {
    const shown: Readonly<Record<string, object>> = {
      "flux:latest": { capabilities: ["image"], model_info: {} },
      "both:1": { capabilities: ["completion", "embedding", "image"], model_info: {} },
    };
    const { models } = await advertised([tag("flux:latest"), tag("both:1")], (model) => shown[model]);
    expect(models).toMatchObject([{ id: "both:1", dialects: [...CHATS, "embeddings"] }]);
    expect(models).toHaveLength(1);
  });

  it("are known by what the list tells when nothing is shown of them, and promise no context then", async () => {
    const tags = [tag("a:1", { capabilities: ["embedding"] }), tag("b:1", { capabilities: ["image"] }), tag("c:1")];
    const { models } = await advertised(tags, () => undefined);
    expect(models).toEqual([
      { id: "a:1", dialects: ["embeddings"], capabilities: { tools: false, vision: false, embeddings: true } },
      { id: "c:1", dialects: CHATS, capabilities: {} },
    ]);
  });

  it("are understood in versions that list no capabilities", async () => {
    const shown: Readonly<Record<string, object>> = {
      "e:1": { template: "{{ .Prompt }}", model_info: { "nomic-bert.pooling_type": 1 } },
      "t:1": { template: "{{ if .Tools }}{{ .Tools }}{{ end }}", model_info: { "x.context_length": 2_048 } },
      "v:1": { template: "{{ .Prompt }}", model_info: {}, projector_info: { "clip.has_vision_encoder": true } },
    };
    const { models } = await advertised(
      Object.keys(shown).map((id) => tag(id)),
      (model) => shown[model],
    );
    expect(models).toMatchObject([
      { id: "e:1", dialects: ["embeddings"] },
      { id: "t:1", context_length: 2_048, capabilities: { tools: true, vision: false } },
      { id: "v:1", context_length: 4_096, capabilities: { tools: false, vision: true } },
    ]);
  });

  it("may be named without the tag that goes without saying, and are missing when they are not there", async () => {
    const found = await advertised([tag("llama3.2:latest")], () => chats, ["llama3.2", "qwen3-8b"]);
    expect(found).toMatchObject({ models: [{ id: "llama3.2", capabilities: { tools: true } }], missing: ["qwen3-8b"] });
  });
});
