import { describe, expect, it } from "vitest";
import { askServer, type ServerWord } from "../../models/ask-server.js";
import { systemClock } from "../../platform/clock.js";
import { behindUrl } from "../../testing/behind-url.js";
import { VLLM_SERVER } from "../../testing/recorded-servers.js";
import type { Page, Pages, ScriptedBackend } from "../../testing/scripted-backend.js";

const never = new AbortController().signal;

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

/** What it says of its model's template, whose `/tokenize` answers so. */
async function word(tokenize: (asked: Asked) => Page): Promise<ServerWord | undefined> {
  const paths = { "/v1/chat/completions": {}, "/tokenize": {} };
  const asking = (body: string): Page => tokenize(JSON.parse(body) as Asked);
  await using setting = await start({
    ...PAGES,
    "GET /openapi.json": { body: { paths } },
    "POST /tokenize": asking,
  });
  const renderer = await setting.renderer("Qwen/Qwen3-8B");
  return renderer && (await askServer(renderer.ask, systemClock, never));
}

interface Asked {
  readonly messages: readonly { readonly role: string; readonly content: unknown }[];
  readonly tools?: readonly object[];
}
const counting = (asked: unknown): Page => {
  const count = JSON.stringify(asked).length;
  return { body: { count, max_model_len: 32_768, tokens: Array.from({ length: 3 }, (_, i) => i) } };
};
const raised = refused("System message must be at the beginning.");

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

describe("vLLM's word on a chat template", () => {
  it("is that it renders, and that tools reach the model where they change what is counted", async () => {
    const anywhere = { systemAnywhere: true, turnsAnywhere: true };
    const all = { renders: true, needsStringTypes: false, ...anywhere, complete: true };
    expect(await word(counting)).toEqual(all);
    // Before 0.9 it takes tools and leaves them out.
    const ignoring = await word(({ messages }) => counting({ messages }));
    expect(ignoring).toEqual({ renders: true, ...anywhere, complete: true });
  });

  it("is that tools are refused, or only those without a string type", async () => {
    const noTools = await word((asked) => (asked.tools ? refused("tools are not supported") : counting(asked)));
    expect(noTools).toMatchObject({ renders: true, tools: false });
    const loose = (asked: Asked): boolean => JSON.stringify(asked).includes('"type":["string"');
    const typed = await word((asked) => (loose(asked) ? refused("unhashable type: 'list'") : counting(asked)));
    expect(typed).toMatchObject({ renders: true, needsStringTypes: true });
    const ignoring = await word((asked) => (loose(asked) ? raised : counting({ messages: asked.messages })));
    expect(ignoring?.needsStringTypes).toBeUndefined();
  });

  it("is that system messages count at the head only, where it refuses or leaves out others", async () => {
    const isLate = ({ messages }: Asked): boolean => messages.some(({ role }, i) => i > 0 && role === "system");
    expect(await word((asked) => (isLate(asked) ? raised : counting(asked)))).toMatchObject({ systemAnywhere: false });
    const atHead = ({ messages }: Asked) => messages.filter(({ role }, i) => i === 0 || role !== "system");
    expect(await word((asked) => counting({ ...asked, messages: atHead(asked) }))).toMatchObject({
      systemAnywhere: false,
    });
  });

  it("is that nothing renders only where the template refuses every conversation", async () => {
    expect(await word(() => raised)).toEqual({ renders: false, complete: true });
  });

  it.each([
    ["a model without a template", refused("As of transformers v4.44, default chat template is no longer allowed")],
    ["the form of the question", refused("[{'type': 'missing', 'loc': ('body', 'prompt'), 'msg': 'Field required'}]")],
    ["a model that is not there", { status: 404, body: { error: { code: 404 } } }],
    ["a fault of the server's", { status: 500, body: "Internal Server Error" }],
    ["a key that is wrong", { status: 401, body: { error: "Unauthorized" } }],
    ["a count that there is not", { body: { tokens: [] } }],
  ] as const)("is none of the template where it refuses %s", async (_, page) => {
    expect(await word(() => page)).toEqual({ complete: false });
  });

  it("is asked anew when the server was gone: it may have come back with another template", async () => {
    await using setting = await start({
      ...PAGES,
      "GET /openapi.json": { body: { paths: { "/v1/chat/completions": {}, "/tokenize": {} } } },
    });
    const stamp = async (): Promise<string | undefined> => (await setting.renderer("Qwen/Qwen3-8B"))?.stamp;
    const before = await stamp();
    expect(before).toBeDefined();
    expect(await stamp()).toBe(before);
    const { pages } = setting.server;
    setting.server.pages = { ...pages, "GET /metrics": { body: "process_start_time_seconds 1.7e+09\n" } };
    expect(await stamp()).not.toBe(before);
    setting.server.pages = { ...pages, "GET /v1/models": { status: 500, body: "" } };
    await expect(stamp()).rejects.toThrow();
    setting.server.pages = pages;
    expect(await stamp()).not.toBe(before);
  });
});
