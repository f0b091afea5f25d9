import { describe, expect, it } from "vitest";
import { ScriptedBackend } from "../../testing/scripted-backend.js";
import { OpenAiBackend, type OpenAiBackendOptions } from "../openai-backend.js";

const never = new AbortController().signal;

async function advertised(models: readonly object[], options: Partial<OpenAiBackendOptions> = {}) {
  await using server = await ScriptedBackend.start({ models });
  const backend = new OpenAiBackend({ baseUrl: server.url, models: [], ...options });
  const status = await backend.probe(never);
  await backend.stop();
  if (status.type === "unreachable") throw new Error(status.problem);
  return status.models;
}

const EMBEDDER = { dialects: ["embeddings"], capabilities: { embeddings: true, tools: false } };

describe("a server of no known kind", () => {
  it.each([
    ["Infinity", { id: "m", object: "model", stats: {}, capabilities: ["embed"], backend: "torch" }],
    ["Together", { id: "m", type: "embedding", context_length: 512 }],
    ["OpenRouter", { id: "m", architecture: { input_modalities: ["text"], output_modalities: ["embeddings"] } }],
  ])("says in the words of %s which model makes embeddings", async (_whose, entry) => {
    expect(await advertised([entry])).toMatchObject([EMBEDDER]);
  });

  it.each([
    ["Mistral", { capabilities: { completion_chat: true, vision: true }, max_context_length: 32_768 }, true],
    ["OpenRouter", { architecture: { input_modalities: ["text", "image"] }, context_length: 32_768 }, true],
    ["SGLang", { max_model_len: 32_768 }, undefined],
    ["Groq", { owned_by: "Meta", context_window: 32_768 }, undefined],
  ])("says in the words of %s how much a model reads, and whether it sees", async (_whose, more, vision) => {
    const capabilities = vision === undefined ? {} : { vision };
    expect(await advertised([{ id: "m", ...more }])).toEqual([{ id: "m", context_length: 32_768, capabilities }]);
  });

  it.each([
    { type: "image" },
    { type: "rerank" },
    { capabilities: ["image-generation"] },
    { architecture: { input_modalities: ["text"], output_modalities: ["image"] } },
    { capabilities: { completion_chat: false, transcription: true } },
  ])("has a model that neither chats nor makes embeddings: %j", async (more) => {
    expect(await advertised([{ id: "chats" }, { id: "other", ...more }])).toEqual([{ id: "chats", capabilities: {} }]);
  });

  it("has a model that chats and draws, which chats", async () => {
    const entry = { id: "m", architecture: { output_modalities: ["text", "image"] }, capabilities: ["image", "chat"] };
    expect(await advertised([entry])).toEqual([{ id: "m", capabilities: {} }]);
  });

  it("has native completions where its owner says so, for the models that chat", async () => {
    const entries = [{ id: "m" }, { id: "e", type: "embedding" }];
    expect(await advertised(entries, { completions: true })).toEqual([
      { id: "m", dialects: ["chat_completions", "completions"], capabilities: {} },
      { id: "e", ...EMBEDDER },
    ]);
    expect((await advertised(entries))[0]).toEqual({ id: "m", capabilities: {} });
  });
});
