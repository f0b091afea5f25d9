import type { BackendCall, BackendOptions, BackendScript } from "./scripted-backend.js";
import { answer, answerJson, chunk, DONE, startEvents, USAGE_EVENT } from "./scripted-backend.js";

// What inference servers that need a Mac, a GPU or a desktop say, as their sources and documentation have it. Each
// recording tells where it was seen.

const CHAT = ["/v1/chat/completions", "/v1/completions"];

/** The model that a request asks for, and whether it can be served at all. */
function read(call: BackendCall): { readonly model?: string; readonly messages?: unknown; readonly stream?: boolean } {
  return JSON.parse(call.body);
}

/** Serves chats to one model, refuses malformed ones, and leaves a stream open when it is asked to count for ever. */
function chatScript(model: string, refuse: (call: BackendCall, why: "model" | "messages") => void): BackendScript {
  return (call) => {
    const body = read(call);
    if (body.model !== model) return refuse(call, "model");
    if (!Array.isArray(body.messages)) return refuse(call, "messages");
    if (!call.body.includes("for ever")) return answer(call);
    startEvents(call);
    call.response.write(chunk({ role: "assistant", content: "1" }));
  };
}

const EMPTY_DETAILS = { parent_model: "", format: "gguf", families: null };

/**
 * Ollama 0.33.0-rc2: `server/routes.go`, `api/types.go`, `middleware/openai.go`, `openai/openai.go`.
 * Its errors have `code: null`; an unknown path gets gin's plain text; a model of `remote_host` runs elsewhere.
 */
export const OLLAMA_SERVER: BackendOptions = {
  pages: {
    "GET /": { body: "Ollama is running" },
    "GET /api/version": { body: { version: "0.33.0" } },
    "GET /api/tags": {
      body: {
        models: [
          ollamaTag("qwen3:8b", { size: 5_225_388_164, level: "Q4_K_M", digest: "500a1f067a9f" }),
          ollamaTag("gemma3:4b", { size: 3_338_801_804, level: "Q4_K_M", digest: "a2af6cc3eb7f" }),
          ollamaTag("nomic-embed-text:latest", { size: 274_302_450, level: "F16", digest: "0a109f422b47" }),
          {
            ...ollamaTag("gpt-oss:120b-cloud", { size: 384, level: "", digest: "569662207105" }),
            remote_model: "gpt-oss:120b",
            remote_host: "https://ollama.com:443",
          },
        ],
      },
    },
    "GET /api/ps": {
      body: {
        models: [
          {
            name: "qwen3:8b",
            model: "qwen3:8b",
            size: 7_000_000_000,
            digest: "500a1f067a9f",
            details: EMPTY_DETAILS,
            expires_at: "2026-06-04T14:38:31.83753-07:00",
            size_vram: 7_000_000_000,
            context_length: 16_384,
          },
        ],
      },
    },
    "POST /api/show": (body) => ({ body: ollamaShow(JSON.parse(body).model) }),
  },
  unknown: { status: 404, body: "404 page not found" },
  scripted: [...CHAT, "/v1/embeddings", "/v1/responses", "/v1/messages"],
  script: chatScript("qwen3:8b", (call, why) => {
    const status = why === "model" ? 404 : 400;
    const type = why === "model" ? "not_found_error" : "invalid_request_error";
    answerJson(call, status, { error: { message: `bad ${why}`, type, param: null, code: null } });
  }),
};

function ollamaTag(model: string, facts: { readonly size: number; readonly level: string; readonly digest: string }) {
  const { size, level, digest } = facts;
  const details = { ...EMPTY_DETAILS, family: "x", parameter_size: "8.2B", quantization_level: level };
  return { name: model, model, modified_at: "2026-05-10T08:06:48.639712648-07:00", size, digest, details };
}

function ollamaShow(model: string): object {
  const base = { template: "{{ range .Messages }}{{ .Content }}{{ end }}", details: EMPTY_DETAILS };
  switch (model) {
    case "qwen3:8b":
      return {
        ...base,
        capabilities: ["completion", "tools", "thinking"],
        model_info: { "qwen3.context_length": 40_960 },
      };
    case "gemma3:4b":
      return {
        ...base,
        parameters: 'stop                           "<end_of_turn>"\nnum_ctx                        8192',
        capabilities: ["completion", "vision"],
        model_info: { "gemma3.context_length": 131_072, "gemma3.vision.image_size": 896 },
      };
    default:
      return { ...base, capabilities: ["embedding"], model_info: { "nomic-bert.context_length": 2_048 } };
  }
}

/**
 * LM Studio 0.4: `1_developer/2_rest/endpoints.mdx` and `list.md` of lmstudio-ai/docs, April 2026. The answer to an
 * unknown path is as its users reported it: status 200, the error a string. It loads models when they are
 * asked for, so that its `/v1/models` has all of them.
 */
export const LM_STUDIO_SERVER: BackendOptions = {
  models: ["google/gemma-4-26b-a4b", "deepseek-r1", "text-embedding-nomic-embed-text-v1.5"].map((id) => {
    return { id, object: "model", owned_by: "organization_owner" };
  }),
  pages: {
    "GET /api/v0/models": {
      body: {
        object: "list",
        data: [
          {
            ...lmStudioModel("google/gemma-4-26b-a4b", { type: "vlm", quantization: "Q4_K_M", context: 262_144 }),
            state: "loaded",
            loaded_context_length: 8_192,
            capabilities: ["tool_use"],
          },
          lmStudioModel("deepseek-r1", { type: "llm", quantization: "4bit", context: 131_072 }),
          lmStudioModel("text-embedding-nomic-embed-text-v1.5", {
            type: "embeddings",
            quantization: "Q4_0",
            context: 2_048,
          }),
        ],
      },
    },
    "GET /api/v1/models": {
      body: {
        models: [
          {
            type: "llm",
            key: "google/gemma-4-26b-a4b",
            quantization: { name: "Q4_K_M", bits_per_weight: 4 },
            size_bytes: 17_990_911_801,
            loaded_instances: [{ id: "google/gemma-4-26b-a4b", config: { context_length: 8_192, parallel: 4 } }],
            max_context_length: 262_144,
            capabilities: {
              vision: true,
              trained_for_tool_use: true,
              reasoning: { allowed_options: ["off", "on"], default: "on" },
            },
          },
        ],
      },
    },
  },
  unknown: { body: { error: "Unexpected endpoint or method. (GET /x)" } },
  scripted: CHAT,
  script: chatScript("google/gemma-4-26b-a4b", (call) => {
    answerJson(call, 400, { error: "'messages' field is required" });
  }),
};

function lmStudioModel(
  id: string,
  facts: { readonly type: string; readonly quantization: string; readonly context: number },
): object {
  const { type, quantization, context } = facts;
  const publisher = { object: "model", publisher: "lmstudio-community", arch: "x", compatibility_type: "gguf" };
  return { id, ...publisher, type, quantization, state: "not-loaded", max_context_length: context };
}

const PYTHON = { server: "BaseHTTP/0.6 Python/3.12.7" };
export const MLX_MODEL = "/Users/me/models/qwen3-4b-4bit";

/**
 * `mlx_lm.server` 0.32.0, `mlx_lm/server.py`: the list is the Hugging Face cache and the model of the command line by
 * its path; no `owned_by`; comments while a prompt is worked on; failures of generation are a 404 whose error is text.
 */
export const MLX_LM_SERVER: BackendOptions = {
  pages: {
    "GET /health": { headers: PYTHON, body: { status: "ok" } },
    "GET /v1/models": {
      headers: PYTHON,
      body: {
        object: "list",
        data: [
          { id: "mlx-community/Qwen3-4B-4bit", object: "model", created: 1_790_000_000 },
          { id: MLX_MODEL, object: "model", created: 1_790_000_000 },
        ],
      },
    },
  },
  unknown: { status: 404, headers: { ...PYTHON, "content-type": "application/json" }, body: "Not Found" },
  scripted: CHAT,
  script: chatWithKeepalive(),
};

function chatWithKeepalive(): BackendScript {
  const refuse = (call: BackendCall): void => answerJson(call, 404, { error: "Failed to load" });
  const chat = chatScript(MLX_MODEL, refuse);
  return (call) => {
    const { model, messages } = read(call);
    if (model !== MLX_MODEL || !Array.isArray(messages) || call.body.includes("for ever")) return chat(call);
    startEvents(call);
    call.response.write(": keepalive 0/12\n\n");
    call.response.write(": keepalive 12/12\n\n");
    for (const content of ["Hello", " there"]) call.response.write(chunk({ role: "assistant", content }));
    call.response.end(chunk({}, "stop") + USAGE_EVENT + DONE);
  };
}

/** The counters of vLLM after some work; one model, two engines. */
export function vllmMetrics(work: { readonly tokens: number; readonly seconds: number }): string {
  const model = 'model_name="Qwen/Qwen3-8B"';
  return [
    "# HELP vllm:num_requests_running Number of requests in model execution batches.",
    "# TYPE vllm:num_requests_running gauge",
    `vllm:num_requests_running{engine="0",${model}} 2.0`,
    `vllm:num_requests_running{engine="1",${model}} 1.0`,
    `vllm:num_requests_waiting{engine="0",${model}} 4.0`,
    `vllm:kv_cache_usage_perc{engine="0",${model}} 0.25`,
    `vllm:kv_cache_usage_perc{engine="1",${model}} 0.75`,
    'vllm:cache_config_info{block_size="16",cache_dtype="auto",engine="0",kv_cache_size_tokens="66901",num_gpu_blocks="49"} 1.0',
    'vllm:cache_config_info{block_size="16",cache_dtype="auto",engine="1",kv_cache_size_tokens="66901",num_gpu_blocks="49"} 1.0',
    `vllm:inter_token_latency_seconds_sum{engine="0",${model}} ${work.seconds}`,
    `vllm:inter_token_latency_seconds_count{engine="0",${model}} ${work.tokens}`,
    `vllm:prompt_tokens_total{engine="0",${model}} 1.0e+04`,
    `vllm:request_prefill_time_seconds_sum{engine="0",${model}} 2.0`,
    `vllm:prompt_tokens_created{engine="0",${model}} 1.7869106011177013e+09`,
    "",
  ].join("\n");
}

/**
 * vLLM: models as in `vllm/entrypoints/openai/models/serving.py`, errors as in `serve/utils/error_response.py` (2026);
 * metrics in the form that its users recorded from `/metrics` of 2026 versions.
 */
export const VLLM_SERVER: BackendOptions = {
  models: [
    {
      id: "Qwen/Qwen3-8B",
      object: "model",
      created: 1_790_000_000,
      owned_by: "vllm",
      root: "/srv/models/qwen3-8b",
      parent: null,
      max_model_len: 32_768,
      permission: [],
    },
  ],
  pages: {
    "GET /version": { body: { version: "0.19.1" } },
    "GET /metrics": { body: vllmMetrics({ tokens: 1_000, seconds: 20 }) },
    "GET /openapi.json": {
      body: {
        openapi: "3.1.0",
        paths: {
          "/v1/chat/completions": {},
          "/v1/completions": {},
          "/v1/embeddings": {},
          "/v1/messages": {},
          "/v1/responses": {},
        },
      },
    },
  },
  unknown: { status: 404, body: { detail: "Not Found" } },
  scripted: [...CHAT, "/v1/responses", "/v1/messages"],
  script: chatScript("Qwen/Qwen3-8B", (call, why) => {
    const status = why === "model" ? 404 : 400;
    const type = why === "model" ? "NotFoundError" : "BadRequestError";
    answerJson(call, status, { error: { message: `bad ${why}`, type, param: why, code: status } });
  }),
};
