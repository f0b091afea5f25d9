import { z } from "zod";

const share = z.number().min(0).max(1);
const positive = z.number().min(0);
const count = z.int().min(0);
const flag = z.boolean();
const text = z.string();
const texts = z.array(text).max(1_024);
const tokens = z.array(count).max(65_536);
const scalars = z.record(text, z.union([text, z.number(), flag, z.null()]));

/**
 * Members that backends take beside what the specifications have, by their published names: how tokens are sampled, how
 * an answer is constrained, whether a model thinks. They reach a backend as they came; what another one does not know it
 * leaves out by itself.
 */
export const SAMPLING_MEMBERS: Readonly<Record<string, z.ZodType>> = {
  // Which tokens may come: llama-server, vLLM, SGLang, Ollama, LM Studio, MLX.
  top_k: z.int().min(-1),
  min_p: share,
  top_n_sigma: z.number(),
  typical_p: share,
  typ_p: share,
  min_keep: count,
  xtc_probability: share,
  xtc_threshold: share,
  dynatemp_range: positive,
  dynatemp_exponent: z.number(),
  mirostat: z.int().min(0).max(2),
  mirostat_tau: positive,
  mirostat_eta: positive,
  adaptive_target: z.number(),
  adaptive_decay: share,
  samplers: z.union([text, texts]),
  backend_sampling: flag,
  sampling_seed: z.int(),
  // What is said again.
  frequency_penalty: z.number().min(-2).max(2),
  presence_penalty: z.number().min(-2).max(2),
  repeat_penalty: positive,
  repetition_penalty: positive,
  repeat_last_n: z.int().min(-1),
  repetition_context_size: count,
  presence_context_size: count,
  frequency_context_size: count,
  length_penalty: z.number(),
  penalize_nl: flag,
  dry_multiplier: positive,
  dry_base: positive,
  dry_allowed_length: count,
  dry_penalty_last_n: z.int().min(-1),
  dry_sequence_breakers: texts,
  // How long it goes on.
  min_tokens: count,
  min_new_tokens: count,
  ignore_eos: flag,
  stop_token_ids: tokens,
  stop_regex: z.union([text, texts]),
  repetition_detection: scalars,
  include_stop_str_in_output: flag,
  no_stop_trim: flag,
  t_max_predict_ms: z.int().min(-1),
  n_keep: z.int().min(-1),
  n_discard: count,
  n_indent: count,
  truncate_prompt_tokens: z.int().min(-1),
  truncation_side: z.enum(["left", "right"]),
  num_draft_tokens: count,
  // Which words.
  logit_bias: z.union([
    z.record(text, z.union([z.number(), flag])),
    z.array(z.array(z.union([z.number(), text, flag]))).max(65_536),
  ]),
  bad_words: texts,
  allowed_token_ids: tokens,
  // What an answer has to look like.
  grammar: text,
  json_schema: z.union([text, z.looseObject({})]),
  guided_json: z.union([text, z.looseObject({})]),
  guided_regex: text,
  guided_choice: texts,
  guided_grammar: text,
  guided_whitespace_pattern: text,
  structured_outputs: z.looseObject({}),
  regex: text,
  ebnf: text,
  // What is told beside it.
  n_probs: count,
  post_sampling_probs: flag,
  prompt_logprobs: z.int().min(-1),
  logprob_token_ids: tokens,
  return_tokens: flag,
  return_token_ids: flag,
  return_tokens_as_token_ids: flag,
  return_progress: flag,
  timings_per_token: flag,
  response_fields: texts,
  // How it is written, and read.
  skip_special_tokens: flag,
  spaces_between_special_tokens: flag,
  add_special_tokens: flag,
  add_generation_prompt: flag,
  continue_final_message: z.union([flag, text]),
  parse_tool_calls: flag,
  documents: z.array(z.looseObject({})).max(1_024),
  cache_prompt: flag,
  cache_salt: text,
  echo: flag,
  seed: z.number(),
  // Whether and how long a model thinks.
  enable_thinking: flag,
  think: z.union([flag, text]),
  thinking: z.union([flag, text, scalars]),
  reasoning: z.union([flag, text, scalars]),
  reasoning_effort: text,
  reasoning_format: text,
  reasoning_budget: z.int().min(-1),
  reasoning_budget_tokens: z.int().min(-1),
  reasoning_budget_message: text,
  thinking_budget: z.int().min(-1),
  thinking_budget_tokens: z.int().min(-1),
  thinking_token_budget: z.int().min(-1),
  include_reasoning: flag,
  separate_reasoning: flag,
  stream_reasoning: flag,
  preserve_thinking: flag,
  verbosity: text,
  // Looked at where all bodies are: plain values for the template to read.
  chat_template_kwargs: z.looseObject({}),
};
