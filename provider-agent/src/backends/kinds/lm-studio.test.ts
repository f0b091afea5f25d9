import { describe, expect, it } from "vitest";
import { systemClock } from "../../platform/clock.js";
import { LM_STUDIO_SERVER } from "../../testing/recorded-servers.js";
import { type BackendOptions, ScriptedBackend } from "../../testing/scripted-backend.js";
import { detectBackends } from "../detect-backends.js";
import { OpenAiBackend } from "../openai-backend.js";

const never = new AbortController().signal;

async function probe(options: BackendOptions) {
  await using server = await ScriptedBackend.start(options);
  const backend = new OpenAiBackend({ baseUrl: server.url, models: [] });
  const status = await backend.probe(never);
  await backend.stop();
  if (status.type === "unreachable") throw new Error(status.problem);
  const found = await detectBackends({ clock: systemClock, origins: [`http://127.0.0.1:${server.port}`] }, never);
  return { ...status, kinds: found.map(({ kind }) => kind) };
}

/** An answer without the endpoint of before 0.4. */
const UNKNOWN = { body: { error: "Unexpected endpoint or method. (GET /api/v0/models)" } };

/** `/api/v1/models` as its documentation has it, with two instances of a model and none of another. */
const NATIVE_ONLY: BackendOptions = {
  ...LM_STUDIO_SERVER,
  models: [{ id: "deepseek-r1" }, { id: "gemma:fast" }, { id: "google/gemma" }, { id: "nomic" }].map((model) => {
    return { ...model, object: "model", owned_by: "organization_owner" };
  }),
  pages: {
    "GET /api/v0/models": UNKNOWN,
    "GET /api/v1/models": {
      body: {
        models: [
          {
            type: "llm",
            key: "google/gemma",
            quantization: { name: "Q4_K_M", bits_per_weight: 4 },
            size_bytes: 17_990_911_801,
            loaded_instances: [
              { id: "google/gemma", config: { context_length: 8_192, parallel: 4 } },
              { id: "gemma:fast", config: { context_length: 2_048, parallel: 1 } },
            ],
            max_context_length: 262_144,
            capabilities: { vision: true, trained_for_tool_use: false },
          },
          {
            type: "llm",
            key: "deepseek-r1",
            quantization: null,
            size_bytes: 40_492_610_355,
            loaded_instances: [],
            max_context_length: 131_072,
            capabilities: { vision: false, trained_for_tool_use: true },
          },
          { type: "embedding", key: "nomic", size_bytes: 1, loaded_instances: [], max_context_length: 2_048 },
          { type: "image", key: "flux", size_bytes: 1, loaded_instances: [], max_context_length: 1 },
        ],
      },
    },
  },
};

describe("LM Studio's models", () => {
  it("are those that are loaded where it loads none by itself", async () => {
    const models = [{ id: "google/gemma-4-26b-a4b", object: "model", owned_by: "organization_owner" }];
    const loaded = await probe({ ...LM_STUDIO_SERVER, models });
    expect(loaded.models.map(({ id }) => id)).toEqual(["google/gemma-4-26b-a4b"]);
    expect((await probe(LM_STUDIO_SERVER)).models).toHaveLength(3);
  });

  it("are known where only its newer endpoint is there, with each instance", async () => {
    const { models, slots, kinds } = await probe(NATIVE_ONLY);
    expect(kinds).toEqual(["lm-studio"]);
    const chat = { tools: true, embeddings: false };
    expect(models).toMatchObject([
      { id: "google/gemma", context_length: 8_192, quantization: "Q4_K_M", capabilities: { ...chat, vision: true } },
      { id: "gemma:fast", context_length: 2_048, weights_bytes: 17_990_911_801 },
      { id: "deepseek-r1", context_length: 4_096, capabilities: { ...chat, vision: false } },
      { id: "nomic", dialects: ["embeddings"], capabilities: { tools: false, embeddings: true } },
    ]);
    expect(slots.map(({ state, maxConcurrency }) => [state, maxConcurrency])).toEqual([
      ["idle", 4],
      ["idle", 1],
      ["idle_shutdown", undefined],
      ["idle_shutdown", undefined],
    ]);
  });

  describe("are asked in the dialects of their version, which it tells by what it lacks:", () => {
    const CHATS = ["chat_completions", "completions"];
    /** As its chat completions say it. */
    const missing = { status: 400, body: { error: "'messages' field is required" } };
    const old = { "GET /api/v1/models": UNKNOWN };

    it.each([
      ["0.3.14", old, CHATS],
      ["0.3.29", { ...old, "POST /v1/responses": missing }, [...CHATS, "responses"]],
      ["0.4.0", {}, [...CHATS, "responses"]],
      ["0.4.1", { "POST /v1/messages": missing }, [...CHATS, "responses", "messages"]],
      ["one that wants a key for it", { "POST /v1/messages": { ...missing, status: 401 } }, [...CHATS, "responses"]],
    ])("%s", async (_version, pages, dialects) => {
      const { models } = await probe({ ...LM_STUDIO_SERVER, pages: { ...LM_STUDIO_SERVER.pages, ...pages } });
      expect(models.map((each) => each.dialects)).toEqual([dialects, dialects, ["embeddings"]]);
    });

    it("once, for it logs an error each time", async () => {
      await using server = await ScriptedBackend.start(LM_STUDIO_SERVER);
      const backend = new OpenAiBackend({ baseUrl: server.url, models: [] });
      const asked = (): number => server.asked.filter((each) => each === "POST /v1/messages").length;
      for (let probes = 0; probes < 3; probes++) await backend.probe(never);
      expect(asked()).toBe(1);
      expect(server.asked).not.toContain("POST /v1/responses");
      await backend.stop();
    });
  });

  it("take tools whatever they were trained for", async () => {
    const { models } = await probe(LM_STUDIO_SERVER);
    expect(models.map(({ capabilities }) => capabilities.tools)).toEqual([true, true, false]);
  });
});
