import { readMembers } from "@hearth/dialects";
import { describe, expect, it } from "vitest";
import { HearthError } from "../platform/errors.js";
import { chatCompletionSchema } from "./chat-completions/parse.js";
import { completionSchema } from "./completions/parse.js";
import { checkMembers, checkTemplateArguments } from "./denied-members.js";
import { embeddingSchema } from "./embeddings/parse.js";
import { createMessageSchema } from "./messages/parse.js";
import { createResponseSchema } from "./responses/parse.js";

function errorOf(check: () => void): HearthError | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof HearthError) return error;
    throw error;
  }
}

function refusalOf(text: string): HearthError | undefined {
  const result = readMembers(text);
  if (result.type !== "object") throw new Error(result.type);
  return errorOf(() => checkMembers(result.object));
}

describe("the deny list", () => {
  it.each([
    ...["chat_template", "lora", "lora_request", "lora_path", "adapters", "adapter", "adapter_path", "draft_model"],
    ...["id_slot", "slot_id", "prompt_embeds", "mm_processor_kwargs", "media_io_kwargs", "kv_transfer_params"],
    ...["bootstrap_host", "bootstrap_port", "bootstrap_room", "data_parallel_rank", "routed_dp_rank"],
    ...["logits_processors", "custom_logit_processor", "custom_params", "vllm_xargs", "guided_decoding_backend"],
    ...["chat_parser", "priority", "request_id", "rid", "session_params", "n_predict", "n_cmpl", "use_beam_search"],
    ...["ttl", "keep_alive", "options", "plugins", "integrations"],
  ])("refuses %s by its name, and lets it pass where it says nothing", (name) => {
    const refused = refusalOf(`{"model":"m","${name}":1}`);
    expect(refused?.code).toBe("invalid_request");
    expect(refused?.details.param).toBe(name);
    expect(refusalOf(`{"model":"m","${name}":null}`)).toBeUndefined();
  });

  it("takes servers of tools only where there are none", () => {
    expect(refusalOf('{"mcp_servers":[ ]}')).toBeUndefined();
    expect(refusalOf('{"mcp_servers":[{"url":"http://x"}]}')?.details.param).toBe("mcp_servers");
  });

  it.each(["samplers", "grammar", "guided_json", "min_tokens", "cache_prompt", "cache_salt", "Unknown", "customParam"])(
    "lets pass what only samples, or what nobody knows: %s",
    (name) => expect(refusalOf(`{"model":"m","${name}":1}`)).toBeUndefined(),
  );
});

describe("names that a backend would fold", () => {
  it.each([
    "Model",
    "MODEL",
    "\\u004dodel",
    "me\\u017f\\u017fages",
    "\\u212aeep_alive",
    "Max_Tokens",
    "Chat_Template",
    "STREAM",
  ])("refuses %s", (name) => {
    const refused = refusalOf(`{"model":"m","${name}":"x"}`);
    expect(refused?.code).toBe("invalid_request");
    expect(refused?.details.param).toBe(JSON.parse(`"${name}"`));
  });

  it("knows every member that a dialect checks", () => {
    const schemas = [
      chatCompletionSchema,
      completionSchema,
      embeddingSchema,
      createMessageSchema,
      createResponseSchema,
    ];
    for (const name of schemas.flatMap((schema) => Object.keys(schema.shape))) {
      expect(refusalOf(`{"${name.toUpperCase()}":1}`)?.details.param).toBe(name.toUpperCase());
    }
  });
});

it("refuses a known member that occurs twice, however it is spelt", () => {
  expect(refusalOf('{"min_p":0.1,"min_p":9}')?.details.param).toBe("min_p");
  expect(refusalOf('{"Min_P":0.1}')?.details.param).toBe("Min_P");
  expect(refusalOf('{"model":"a","model":"b"}')?.details.param).toBe("model");
  expect(refusalOf('{"model":"a","m\\u006fdel":"b"}')?.details.param).toBe("model");
  expect(refusalOf('{"model":"a","x":1,"x":2}')).toBeUndefined();
});

describe("the arguments of a template", () => {
  it("pass as plain values: that is how thinking is switched off", () => {
    const values = { enable_thinking: false, thinking_budget: 10, reasoning_effort: "low", extra: null };
    expect(errorOf(() => checkTemplateArguments(values))).toBeUndefined();
    expect(errorOf(() => checkTemplateArguments(undefined))).toBeUndefined();
  });

  it.each<[string, unknown]>([
    ["chat_template_kwargs.chat_template", { chat_template: "{% for x in range(10**9) %}{% endfor %}" }],
    ["chat_template_kwargs.tokenize", { tokenize: true }],
    ["chat_template_kwargs.Chat_Template", { Chat_Template: "x" }],
    ["chat_template_kwargs.list", { list: [1] }],
    ["chat_template_kwargs", "x"],
    ["chat_template_kwargs", [1]],
  ])("are refused where they are none: %s", (param, value) => {
    expect(errorOf(() => checkTemplateArguments(value))?.details.param).toBe(param);
  });
});
