import { answerBound } from "../member-edits.js";
import type { TokenCounts } from "../translation/token-counts.js";
import type { CreateResponseBody } from "./parse.js";
import type { KnownTool, ResponseTool } from "./tool-schemas.js";

/** The response object, as far as it is the same in every event. */
export interface ResponseObject {
  readonly id: string;
  readonly object: "response";
  readonly created_at: number;
  readonly model: string;
  readonly [member: string]: unknown;
}

/** Members of the request that the response repeats, and what they are where the request leaves them out. */
const REPEATED: Readonly<Record<string, unknown>> = {
  instructions: null,
  max_tool_calls: null,
  parallel_tool_calls: true,
  presence_penalty: 0,
  frequency_penalty: 0,
  prompt_cache_key: null,
  safety_identifier: null,
  temperature: 1,
  tool_choice: "auto",
  top_logprobs: 0,
  top_p: 1,
  truncation: "disabled",
  user: null,
  metadata: {},
};

/** A response that has only begun: what was asked for, and OpenAI's defaults for what was not. */
export function newResponse(body: CreateResponseBody, id: string, createdAt: number): ResponseObject {
  const { reasoning, text } = body;
  const repeated = Object.entries(REPEATED).map(([member, absent]) => [member, body[member] ?? absent]);
  return {
    id,
    object: "response",
    created_at: createdAt,
    status: "in_progress",
    background: false,
    completed_at: null,
    error: null,
    incomplete_details: null,
    model: body.model,
    output: [],
    previous_response_id: null,
    reasoning: {
      effort: reasoning?.effort ?? null,
      summary: reasoning?.summary ?? reasoning?.generate_summary ?? null,
    },
    service_tier: "default",
    store: false,
    text: { ...text, format: text?.format ?? { type: "text" } },
    tools: (body.tools ?? []).map(shownTool),
    usage: null,
    ...(Object.fromEntries(repeated) as object),
    max_output_tokens: answerBound(body.max_output_tokens) ?? null,
  };
}

const isFunction = (tool: ResponseTool): tool is Extract<KnownTool, { type: "function" }> => tool.type === "function";

function shownTool(tool: ResponseTool): object {
  if (!isFunction(tool)) return tool;
  const { description = null, parameters = null, strict = null } = tool;
  return { ...tool, description, parameters, strict };
}

export function responseUsage({ input, cached, output, reasoning }: TokenCounts): object {
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: cached, cache_write_tokens: 0 },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: input + output,
  };
}
