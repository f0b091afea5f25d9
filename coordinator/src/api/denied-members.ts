import type { JsonObjectText } from "@hearth/dialects";
import { HearthError, invalidMember } from "../platform/errors.js";
import { SAMPLING_MEMBERS } from "./members/sampling-members.js";

/**
 * Top-level members that no consumer may set, and why: with each of them a backend would load what its owner did not
 * choose, reach for the network, disturb others, or do more work than was asked for. A `null` is no value and passes.
 *
 * What merely samples, formats or bounds (`samplers`, `grammar`, `guided_json`, `min_tokens`, `cache_prompt`,
 * `cache_salt`, `add_generation_prompt`, `echo`, `truncate_prompt_tokens` …) is the backend's business and passes.
 */
const DENIED: ReadonlyMap<string, string> = new Map([
  // vLLM and SGLang render it: a template can loop for ever.
  ["chat_template", "the template is the model's own"],
  // llama-server weighs the adapters that its owner loaded, and reprocesses the cache for each change.
  ["lora", "adapters are the machine's owner's to choose"],
  // vLLM and its forks: the name and path of an adapter to load.
  ["lora_request", "adapters are the machine's owner's to choose"],
  // SGLang: the same.
  ["lora_path", "adapters are the machine's owner's to choose"],
  // mlx-lm server: loads the adapter at this path.
  ["adapters", "adapters are the machine's owner's to choose"],
  ["adapter", "adapters are the machine's owner's to choose"],
  // mlx-vlm server: the same.
  ["adapter_path", "adapters are the machine's owner's to choose"],
  // mlx-lm server and LM Studio: load a second model, from Hugging Face if need be.
  ["draft_model", "models are the machine's owner's to choose"],
  // llama-server: takes this slot and the conversation cached in it, whoever's it is.
  ["id_slot", "slots are the backend's to give"],
  ["slot_id", "slots are the backend's to give"],
  // vLLM: unpickles tensors.
  ["prompt_embeds", "prompts are text"],
  // vLLM: arguments of the model's image processor, such as sizes without bound.
  ["mm_processor_kwargs", "how media are read is the machine's owner's to choose"],
  // mlx-vlm server: the size that an image is made to have.
  ["resize_shape", "how media are read is the machine's owner's to choose"],
  ["media_io_kwargs", "how media are read is the machine's owner's to choose"],
  // vLLM: addresses of hosts that the cache is fetched from.
  ["kv_transfer_params", "a backend connects to nobody at a consumer's wish"],
  // SGLang: the same.
  ["bootstrap_host", "a backend connects to nobody at a consumer's wish"],
  ["bootstrap_port", "a backend connects to nobody at a consumer's wish"],
  ["bootstrap_room", "a backend connects to nobody at a consumer's wish"],
  // vLLM and SGLang: the replica that serves.
  ["data_parallel_rank", "replicas are the backend's to choose"],
  ["routed_dp_rank", "replicas are the backend's to choose"],
  // vLLM: Python objects to import, by their name.
  ["logits_processors", "a backend runs no code of a consumer's"],
  // SGLang: a pickled Python object.
  ["custom_logit_processor", "a backend runs no code of a consumer's"],
  ["custom_params", "a backend runs no code of a consumer's"],
  // vLLM: arguments of plug-ins.
  ["vllm_xargs", "plug-ins are the machine's owner's"],
  // vLLM: the library that compiles grammars; some of them execute what others refuse.
  ["guided_decoding_backend", "the library is the machine's owner's to choose"],
  // llama-server: the parser of answers in its own serialised form, read without a check.
  ["chat_parser", "the parser is the backend's own"],
  // vLLM and SGLang: goes before everybody else's requests.
  ["priority", "nobody goes before others"],
  // vLLM and SGLang: the name under which a request is known, aborted and looked up.
  ["request_id", "the coordinator names requests"],
  ["rid", "the coordinator names requests"],
  // SGLang: continues another request's session.
  ["session_params", "nothing is kept between requests"],
  // llama-server: wins over `max_tokens`.
  ["n_predict", "bound the answer with 'max_tokens'"],
  // llama-server: another name of `n`.
  ["n_cmpl", "say how many answers with 'n'"],
  // vLLM: runs as many answers as the beam is wide.
  ["use_beam_search", "each answer is one run of the model"],
  // LM Studio: how long a model stays loaded.
  ["ttl", "what stays loaded is the machine's owner's to choose"],
  // Ollama: the same, and the options that a model is loaded anew for.
  ["keep_alive", "what stays loaded is the machine's owner's to choose"],
  ["options", "write the backend's own settings as members of the body"],
  // LM Studio: run tools on the machine, and connect to servers of tools.
  ["plugins", "a backend runs no tools"],
  ["integrations", "a backend runs no tools"],
]);

/** Anthropic's clients send it empty; LM Studio and vLLM would connect to what it names. */
const DENIED_UNLESS_EMPTY: ReadonlyMap<string, string> = new Map([
  ["mcp_servers", "a backend connects to nobody at a consumer's wish"],
]);

/** The names of all members that are refused. */
export const DENIED_MEMBERS: readonly string[] = [...DENIED.keys(), ...DENIED_UNLESS_EMPTY.keys()];

/** Members that the coordinator reads or writes itself, in any dialect. A test holds it against the schemas. */
const CHECKED = [
  ...["model", "messages", "prompt", "input", "system", "instructions", "suffix", "echo", "documents", "prediction"],
  ...["stream", "stream_options", "max_tokens", "max_completion_tokens", "max_output_tokens", "n", "best_of", "stop"],
  ...["stop_sequences", "seed", "temperature", "top_p", "top_k", "logprobs", "top_logprobs", "response_format"],
  ...["tools", "tool_choice", "parallel_tool_calls", "functions", "function_call", "chat_template_kwargs"],
  ...["encoding_format", "dimensions", "text", "reasoning", "thinking", "include", "metadata", "truncation", "store"],
  ...["previous_response_id", "conversation", "background", "thread", "output_config", "output_format", "user"],
  ...["prompt_cache_key", "safety_identifier", "service_tier", "inference_geo", "user_profile_id", "workspace_id"],
  ...["diagnostics", "billing_policy", "fallback_credit_token", "max_tool_calls", "presence_penalty"],
  "frequency_penalty",
];

const KNOWN: ReadonlySet<string> = new Set([
  ...CHECKED,
  ...Object.keys(SAMPLING_MEMBERS),
  ...DENIED.keys(),
  ...DENIED_UNLESS_EMPTY.keys(),
]);

/** A name that no other one could be mistaken for, so that it need not be folded. */
const PLAIN_NAME = /^[a-z0-9_]*$/;

/**
 * Refuses what no consumer may set: members on the deny list, names that a backend takes for a checked one although
 * they are written differently, and known members that occur twice, of which one reader takes the first and another the last.
 *
 * @throws HearthError `invalid_request` with the member as `param`
 */
export function checkMembers({ text, members }: JsonObjectText): void {
  const seen = new Set<string>();
  for (const { key, start, end } of members) {
    if (!PLAIN_NAME.test(key)) checkSpelling(key, KNOWN, key);
    if (!KNOWN.has(key)) continue;
    if (seen.has(key)) throw invalidMember(key, "it occurs more than once");
    seen.add(key);
    const reason = DENIED.get(key) ?? DENIED_UNLESS_EMPTY.get(key);
    if (reason === undefined) continue;
    const value = text.slice(start, end);
    if (value === "null" || (!DENIED.has(key) && /^\[\s*\]$/.test(value))) continue;
    throw refusal(key, `Unsupported '${key}': ${reason}.`);
  }
}

/**
 * Refuses a name that Go's decoder of JSON (Ollama) takes for a known one: it ignores case, and knows two letters
 * beside ASCII whose other case is in ASCII.
 *
 * @param param where the name stands
 * @throws HearthError `invalid_request`
 */
export function checkSpelling(name: string, known: { has(name: string): boolean }, param: string): void {
  // Lower case of the Kelvin sign is `k`; the long s is lower case already.
  const folded = name.toLowerCase().replaceAll("\u017f", "s");
  if (folded === name || !known.has(folded)) return;
  throw refusal(param, `Unknown member '${param}': write it as '${folded}'.`);
}

/** Arguments of the function that renders a template, not of the template: some replace it, some stop the server. */
const RENDERER_ARGUMENTS: ReadonlySet<string> = new Set([
  ...["chat_template", "tokenize", "tokenizer_kwargs", "return_tensors", "return_dict", "return_assistant_tokens_mask"],
  ...["conversation", "messages", "tools", "documents", "padding", "truncation", "max_length"],
  ...["add_generation_prompt", "continue_final_message"],
]);

/**
 * `chat_template_kwargs` is how thinking is switched on and off (`enable_thinking`), so that it passes as long as it
 * holds plain values for the template to read.
 *
 * @throws HearthError `invalid_request` with the member as `param`
 */
export function checkTemplateArguments(value: unknown): void {
  if (value === undefined || value === null) return;
  if (typeof value !== "object" || Array.isArray(value)) {
    throw invalidMember("chat_template_kwargs", "expected an object");
  }
  for (const [name, argument] of Object.entries(value)) {
    const param = `chat_template_kwargs.${name}`;
    checkSpelling(name, RENDERER_ARGUMENTS, param);
    if (RENDERER_ARGUMENTS.has(name)) throw refusal(param, `Unsupported '${param}': it is no variable of a template.`);
    if (typeof argument !== "object" || argument === null) continue;
    throw invalidMember(param, "expected a string, a number or a boolean");
  }
}

function refusal(param: string, message: string): HearthError {
  return new HearthError("invalid_request", message, { param });
}
