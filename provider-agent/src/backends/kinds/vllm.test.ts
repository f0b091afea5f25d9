import { describe, expect, it } from "vitest";
import { behindUrl } from "../../testing/behind-url.js";
import { VLLM_SERVER } from "../../testing/recorded-servers.js";
import type { Page, Pages, ScriptedBackend } from "../../testing/scripted-backend.js";

const refused = (message: string): Page => {
  return { status: 400, body: { error: { message, type: "BadRequestError", param: null, code: 400 } } };
};
const TOKENS: Page = { body: { count: 3, max_model_len: 32_768, tokens: [1, 2, 3] } };
const CHAT: Page = { body: { choices: [{ index: 0, message: { content: "7" }, finish_reason: "length" }] } };
const NO_EMBEDDINGS = refused("The model does not support Embeddings API");
const NO_CHAT = refused("The model does not support Chat Completions API");
const EMBEDDING: Page = { body: { object: "list", data: [{ index: 0, embedding: [0.1, 0.2] }] } };

/** A vLLM that was started for a chat model that reads text and may choose among tools. */
const PAGES: Pages = {
  ...VLLM_SERVER.pages,
  "POST /v1/embeddings": NO_EMBEDDINGS,
  "POST /tokenize": (body) => (body.includes("image_url") ? refused("At most 0 image(s) may be provided") : TOKENS),
  "POST /v1/chat/completions": CHAT,
};

const start = (pages: Pages, models: readonly object[] = VLLM_SERVER.models ?? []) =>
  behindUrl({ ...VLLM_SERVER, models, pages });

const first = async (pages: Pages) => {
  await using setting = await start(pages);
  const [model] = await setting.models();
  return { dialects: model?.dialects, capabilities: model?.capabilities };
};

/** What its version says of it. */
const ANSWERS = { structured_output: true, logprobs: true };
const CHATS = ["chat_completions", "completions", "responses", "messages"];
const WITHOUT_DOCUMENTATION = { "GET /openapi.json": { status: 404, body: { detail: "Not Found" } } };

describe("vLLM's model", () => {
  it("takes tools where its owner named a parser, and pictures where it lays them out", async () => {
    expect(await first(PAGES)).toEqual({ dialects: CHATS, capabilities: { ...ANSWERS, tools: true, vision: false } });
    const noParser = (body: string): Page => (body.includes("tool_choice") ? refused("requires a parser") : CHAT);
    const pages = { ...PAGES, "POST /tokenize": TOKENS, "POST /v1/chat/completions": noParser };
    expect(await first(pages)).toEqual({ dialects: CHATS, capabilities: { ...ANSWERS, tools: false, vision: true } });
  });

  it("makes embeddings where it does, whatever paths its documentation names, and where it has none", async () => {
    const embedder = { ...PAGES, "POST /v1/embeddings": EMBEDDING, "POST /v1/chat/completions": NO_CHAT };
    const expected = { dialects: ["embeddings"], capabilities: { embeddings: true, tools: false } };
    expect(await first(embedder)).toEqual(expected);
    expect(await first({ ...embedder, ...WITHOUT_DOCUMENTATION })).toEqual(expected);
    const named = { "GET /openapi.json": { body: { paths: { "/v1/embeddings": {}, "/tokenize": {} } } } };
    expect(await first({ ...PAGES, ...named })).toEqual(expected);
  });

  it("is served for both where it answers to both", async () => {
    expect(await first({ ...PAGES, "POST /v1/embeddings": EMBEDDING })).toEqual({
      dialects: ["chat_completions", "completions", "embeddings", "responses", "messages"],
      capabilities: { ...ANSWERS, tools: true, vision: false, embeddings: true },
    });
  });

  it("is said nothing of that it does not tell, and chats", async () => {
    const silent: Page = { status: 404, body: { detail: "Not Found" } };
    const posts = { "POST /v1/embeddings": silent, "POST /tokenize": silent, "POST /v1/chat/completions": silent };
    const pages = { ...VLLM_SERVER.pages, ...WITHOUT_DOCUMENTATION, ...posts };
    expect(await first(pages)).toEqual({ dialects: ["chat_completions", "completions"], capabilities: ANSWERS });
  });

  it("is not advertised when it neither chats nor makes embeddings", async () => {
    const pages = { ...PAGES, "GET /openapi.json": { body: { paths: { "/rerank": {}, "/v1/score": {} } } } };
    await using setting = await start(pages);
    expect(await setting.models()).toEqual([]);
  });

  it("is asked once, and again, some times, while it is busy", async () => {
    const asked = ({ server }: { readonly server: ScriptedBackend }): number =>
      server.asked.filter((what) => what.startsWith("POST")).length;
    await using setting = await start(PAGES);
    for (let i = 0; i < 3; i++) await setting.models();
    expect(asked(setting)).toBe(4);
    const busy: Page = { status: 503, body: {} };
    const pages = { ...PAGES, "POST /v1/embeddings": busy, "POST /tokenize": busy, "POST /v1/chat/completions": busy };
    await using other = await start(pages);
    for (let i = 0; i < 5; i++) await other.models();
    expect(asked(other)).toBe(9);
  });

  it("lends its context to its adapters", async () => {
    const [base = {}] = VLLM_SERVER.models ?? [];
    const adapter = { id: "sql", owned_by: "vllm", root: "/lora/sql", parent: "Qwen/Qwen3-8B", max_model_len: null };
    await using setting = await start(PAGES, [base, adapter]);
    expect(await setting.models()).toMatchObject([
      { id: "Qwen/Qwen3-8B", context_length: 32_768 },
      { id: "sql", context_length: 32_768, capabilities: { tools: true } },
    ]);
  });
});
