import type { TokenCounts } from "../translation/token-counts.js";
import type { CreateResponseBody, ResponseTool } from "./parse.js";

/** The response object, as far as it is the same in every event. */
export interface ResponseObject {
  readonly id: string;
  readonly object: "response";
  readonly created_at: number;
  readonly model: string;
  readonly [member: string]: unknown;
}

/** A response that has only begun: what was asked for, and OpenAI's defaults for what was not. */
export function newResponse(body: CreateResponseBody, id: string, createdAt: number): ResponseObject {
  const { instructions, max_output_tokens, metadata, parallel_tool_calls, reasoning, text, tool_choice } = body;
  return {
    id,
    object: "response",
    created_at: createdAt,
    status: "in_progress",
    background: false,
    completed_at: null,
    error: null,
    incomplete_details: null,
    instructions: instructions ?? null,
    max_output_tokens: max_output_tokens ?? null,
    max_tool_calls: null,
    model: body.model,
    output: [],
    parallel_tool_calls: parallel_tool_calls ?? true,
    previous_response_id: null,
    reasoning: {
      effort: reasoning?.effort ?? null,
      summary: reasoning?.summary ?? reasoning?.generate_summary ?? null,
    },
    service_tier: "default",
    store: false,
    temperature: body.temperature ?? 1,
    text: { ...text, format: text?.format ?? { type: "text" } },
    tool_choice: tool_choice ?? "auto",
    tools: (body.tools ?? []).map(shownTool),
    top_logprobs: body.top_logprobs ?? 0,
    top_p: body.top_p ?? 1,
    truncation: body.truncation ?? "disabled",
    usage: null,
    metadata: metadata ?? {},
  };
}

function shownTool(tool: ResponseTool): object {
  return { ...tool, parameters: tool.parameters ?? null, strict: tool.strict ?? null };
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
