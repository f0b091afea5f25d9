import type { ModelAdvert } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import { behindUrl } from "../../testing/behind-url.js";
import { LlamaServer } from "../../testing/llama-server.js";
import { LM_STUDIO_SERVER, MLX_LM_SERVER, OLLAMA_SERVER, VLLM_SERVER } from "../../testing/recorded-servers.js";
import type { BackendOptions, Pages } from "../../testing/scripted-backend.js";
import { OpenAiBackend } from "../openai-backend.js";

// What each kind of server does beyond an answer, as its own endpoints and its version tell: absent = not known.

type Abilities = Pick<ModelAdvert["capabilities"], "structured_output" | "logprobs" | "reasoning">;

/** By model, in the order of the list. */
async function abilities(options: BackendOptions, pages: Pages = {}): Promise<readonly Abilities[]> {
  await using setting = await behindUrl({ ...options, pages: { ...options.pages, ...pages } });
  return (await setting.models()).map(({ capabilities }) => {
    const { tools: _tools, vision: _vision, embeddings: _embeddings, ...said } = capabilities;
    return said;
  });
}

describe("Ollama", () => {
  const model = (name: string, format = "gguf") => ({ name, model: name, digest: name, details: { format } });
  const ollama = (version: string, show: object, format?: string) =>
    abilities(OLLAMA_SERVER, {
      "GET /api/version": { body: { version } },
      "GET /api/tags": { body: { models: [model("m:1", format)] } },
      "GET /api/ps": { body: { models: [] } },
      "POST /api/show": { body: { model_info: {}, ...show } },
    });
  const thinks = { capabilities: ["completion", "thinking"] };
  const chats = { capabilities: ["completion"] };

  it.each<[string, object, Abilities]>([
    ["0.12.11", thinks, { structured_output: true, logprobs: true, reasoning: true }],
    ["0.33.0-rc2", chats, { structured_output: true, logprobs: true, reasoning: false }],
    ["0.12.10", thinks, { structured_output: true, logprobs: false, reasoning: true }],
    ["0.8.0", chats, { structured_output: true, logprobs: false }],
    ["0.5.0", { template: "{{ .Tools }}" }, { structured_output: true, logprobs: false }],
    ["0.4.7", { template: "{{ .Tools }}" }, { structured_output: false, logprobs: false }],
    ["0.0.0", thinks, { reasoning: true }],
  ])("%s with %j says so by its version and its list", async (version, show, expected) => {
    expect(await ollama(version, show)).toEqual([expected]);
  });

  it("says nothing of schemas for what is no GGUF file: its MLX runner may drop them", async () => {
    expect(await ollama("0.31.1", chats, "safetensors")).toEqual([{ logprobs: true, reasoning: false }]);
    expect(await ollama("0.4.7", chats, "safetensors")).toMatchObject([{ structured_output: false }]);
  });

  it("says nothing of a model that only makes embeddings", async () => {
    expect(await ollama("0.33.0", { capabilities: ["embedding"] })).toEqual([{}]);
  });
});

describe("LM Studio", () => {
  it("holds chats to schemas, and tells in its newer list who may think", async () => {
    expect(await abilities(LM_STUDIO_SERVER)).toEqual([
      { structured_output: true, reasoning: true },
      { structured_output: true },
      {},
    ]);
  });
});

describe("vLLM", () => {
  const vllm = (version: string, paths: readonly string[] = ["/v1/chat/completions"]) =>
    abilities(VLLM_SERVER, {
      "GET /version": { body: { version } },
      "GET /openapi.json": { body: { paths: Object.fromEntries(paths.map((path) => [path, {}])) } },
    });

  it("gives both since 0.9.0; of others nothing is known", async () => {
    for (const version of ["0.9.0", "0.19.1", "0.11.1rc2.dev45+gabc"]) {
      expect(await vllm(version)).toEqual([{ structured_output: true, logprobs: true }]);
    }
    for (const version of ["0.8.5", "dev", "0.1.dev1+g0123"]) expect(await vllm(version)).toEqual([{}]);
    expect(await vllm("0.19.1", ["/v1/embeddings"])).toEqual([{}]);
  });
});

it("says nothing of MLX-LM, which tells no version", async () => {
  expect(await abilities(MLX_LM_SERVER)).toEqual([{}, {}]);
});

describe("a server of no known kind", () => {
  it.each<[object, Abilities]>([
    [{}, {}],
    [{ supported_parameters: ["temperature", "response_format"] }, {}],
    [{ supported_parameters: ["structured_outputs", "logprobs"] }, { structured_output: true, logprobs: true }],
    [{ supported_parameters: ["reasoning"] }, { reasoning: true }],
    [{ capabilities: { completion_chat: true, reasoning: true } }, { reasoning: true }],
    [{ capabilities: ["chat", "thinking"] }, { reasoning: true }],
    [{ supported_parameters: "logprobs" }, {}],
  ])("is taken at its word: %j", async (more, expected) => {
    expect(await abilities({ models: [{ id: "m", ...more }] })).toEqual([expected]);
  });
});

describe("llama-server", () => {
  const llama = (props: object) =>
    abilities(
      { models: [{ id: "m", owned_by: "llamacpp", meta: { n_ctx: 512 } }], scripted: [] },
      {
        "GET /props": { body: { total_slots: 1, build_info: "b11669-x", ...props } },
        "POST /v1/chat/completions": { status: 400, body: {} },
      },
    );
  const both = { structured_output: true, logprobs: true };

  it.each<[object, Abilities]>([
    [{}, {}],
    [{ modalities: { vision: false } }, both],
    [
      { modalities: {}, chat_template: "{% if enable_thinking %}" },
      { ...both, reasoning: true },
    ],
    [
      { modalities: {}, chat_template_caps: { supports_preserve_reasoning: true } },
      { ...both, reasoning: true },
    ],
    [
      { modalities: {}, chat_template_caps: { supports_reasoning_effort: true } },
      { ...both, reasoning: true },
    ],
    [{ modalities: {}, chat_template_caps: { supports_reasoning_effort: false } }, both],
  ])("tells by its properties: %j", async (props, expected) => {
    expect(await llama(props)).toEqual([expected]);
  });
});

const program = process.env["LLAMA_SERVER"];
// biome-ignore lint/suspicious/noConsole: whoever reads the run must see that tests were skipped
if (program === undefined) console.warn("NOTICE: LLAMA_SERVER is not set; tests with a real llama-server are skipped.");

describe.skipIf(program === undefined)("a real llama-server", () => {
  it("does what is advertised of it", async () => {
    await using server = await LlamaServer.start(program ?? "");
    const backend = new OpenAiBackend({ baseUrl: server.url, models: [] });
    const status = await backend.probe(new AbortController().signal);
    await backend.stop();
    if (status.type === "unreachable") throw new Error(status.problem);
    expect(status.models[0]?.capabilities).toMatchObject({ structured_output: true, logprobs: true });
    const schema = {
      type: "object",
      properties: { a: { const: "yes" } },
      required: ["a"],
      additionalProperties: false,
    };
    const answer = await fetch(`${server.url}/chat/completions`, {
      method: "POST",
      body: JSON.stringify({
        messages: [{ role: "user", content: "Hi" }],
        max_tokens: 64,
        temperature: 0,
        logprobs: true,
        response_format: { type: "json_schema", json_schema: { name: "s", schema } },
      }),
    });
    const { choices } = (await answer.json()) as Answer;
    expect(JSON.parse(choices[0]?.message.content ?? "")).toEqual({ a: "yes" });
    expect(choices[0]?.logprobs?.content.length).toBeGreaterThan(3);
  });
});

interface Answer {
  readonly choices: readonly {
    readonly message: { readonly content: string };
    readonly logprobs: { readonly content: readonly object[] } | null;
  }[];
}
