import type { BackendDialect } from "@hearth/protocol";
import { checkBody } from "../check-body.js";
import { SAMPLING_MEMBERS } from "./sampling-members.js";

/** What becomes of a member of a request. */
export type Fate =
  /** Hearth checks it, and tells a backend in the form that this one knows. */
  | "read"
  /** It reaches a backend as it came. */
  | "passed"
  /** It is for its vendor's own servers, such as who the end user is and what to cache: no provider gets it. */
  | "kept_back"
  /** It means nothing here: it is left out, and named in `X-Hearth-Ignored`. */
  | "left_out";

const fates = (fate: Fate, ...names: readonly string[]): Record<string, Fate> =>
  Object.fromEntries(names.map((name) => [name, fate]));

const PASSED = fates("passed", ...Object.keys(SAMPLING_MEMBERS));
const OF_THE_USER = fates("kept_back", "user", "safety_identifier", "prompt_cache_key", "metadata");
/** What asks OpenAI for more than an answer. */
const OF_OPENAI = fates(
  "left_out",
  ...["store", "service_tier", "moderation", "prompt_cache_options", "prompt_cache_retention"],
);

/** By dialect: the members of its specification, and those that backends take beside them. */
export const REQUEST_MEMBERS: Readonly<Record<BackendDialect, Readonly<Record<string, Fate>>>> = {
  chat_completions: {
    ...PASSED,
    ...OF_THE_USER,
    ...OF_OPENAI,
    ...fates(
      "read",
      "model",
      "messages",
      "stream",
      "stream_options",
      "max_tokens",
      "max_completion_tokens",
      "n",
      "seed",
    ),
    ...fates("read", "tools", "tool_choice", "parallel_tool_calls", "functions", "function_call", "response_format"),
    ...fates("read", "temperature", "top_p", "stop", "logprobs", "top_logprobs"),
    ...fates("left_out", "audio", "modalities", "prediction", "web_search_options"),
  },
  completions: {
    ...PASSED,
    ...OF_THE_USER,
    ...fates(
      "read",
      "model",
      "prompt",
      "stream",
      "stream_options",
      "max_tokens",
      "n",
      "best_of",
      "echo",
      "suffix",
      "seed",
    ),
    ...fates("read", "temperature", "top_p", "stop", "logprobs"),
    ...fates("left_out", "store"),
  },
  responses: {
    ...PASSED,
    ...OF_THE_USER,
    ...fates("read", "model", "input", "instructions", "stream", "stream_options", "max_output_tokens", "temperature"),
    ...fates("read", "top_p", "top_logprobs", "tools", "tool_choice", "parallel_tool_calls", "text", "reasoning"),
    ...fates("read", "include", "store", "service_tier", "truncation", "previous_response_id", "conversation"),
    ...fates("read", "background", "max_tool_calls", "prompt"),
    ...fates("kept_back", "client_metadata"),
    ...fates("left_out", "context_management", "moderation", "prompt_cache_options", "prompt_cache_retention"),
  },
  messages: {
    ...PASSED,
    ...fates("read", "model", "messages", "system", "max_tokens", "stop_sequences", "stream", "temperature", "top_p"),
    ...fates("read", "top_k", "tools", "tool_choice", "thinking", "output_config", "output_format", "mcp_servers"),
    ...fates("read", "thread"),
    ...fates(
      "kept_back",
      "metadata",
      "user",
      "user_profile_id",
      "workspace_id",
      "safety_identifier",
      "prompt_cache_key",
    ),
    ...fates("kept_back", "betas", "anthropic_version", "anthropic_beta", "cache_control", "diagnostics", "store"),
    ...fates("left_out", "container", "context_management", "service_tier", "inference_geo", "speed", "compaction"),
    ...fates("left_out", "fallbacks", "fallback_credit_token", "billing_policy", "stream_options"),
  },
  embeddings: {
    ...fates("read", "model", "input", "encoding_format", "dimensions"),
    ...fates("kept_back", "user"),
    ...fates("passed", "truncate_prompt_tokens", "truncation_side", "add_special_tokens", "embd_normalize"),
    ...fates("passed", "truncate", "task", "input_type", "prompt_name"),
  },
};

/** What of a body goes no further. */
export interface Members {
  /** Names, to be taken away. */
  readonly removed: readonly string[];
  /** Of them, those that whoever asked is told of. */
  readonly ignored: readonly string[];
}

/**
 * Sorts a body's top-level members. `null` is absent.
 *
 * @throws HearthError `invalid_request` for a member of a backend's that has not the type or the range it is published with
 */
export function sortMembers(dialect: BackendDialect, body: Readonly<Record<string, unknown>>): Members {
  const known = REQUEST_MEMBERS[dialect];
  const [removed, ignored]: [string[], string[]] = [[], []];
  for (const name in body) {
    const value = body[name];
    if (value === null || value === undefined) continue;
    const fate = Object.hasOwn(known, name) ? (known[name] as Fate) : "left_out";
    if (fate === "passed") checkType(name, value);
    if (fate === "kept_back" || fate === "left_out") removed.push(name);
    if (fate === "left_out") ignored.push(name);
  }
  return { removed, ignored };
}

function checkType(name: string, value: unknown): void {
  const schema = SAMPLING_MEMBERS[name];
  if (schema !== undefined) checkBody(schema, value, name);
}
