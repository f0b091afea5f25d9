import type { Usage } from "@hearth/protocol";
import type { ChatUsage } from "../chat-completions/read-event.js";

/** What an answer cost, tokens. */
export interface TokenCounts {
  readonly input: number;
  /** Part of `input` that the backend took from its cache. */
  readonly cached: number;
  readonly output: number;
  /** Part of `output` that was spent on reasoning. */
  readonly reasoning: number;
}

/** The backend's own count, or the provider's where its events had none. */
export function tokenCounts(usage: ChatUsage | undefined, counted: Usage): TokenCounts {
  if (usage === undefined) {
    const { prompt_tokens: input, completion_tokens: output, cached_tokens: cached = 0 } = counted;
    return { input, cached, output, reasoning: 0 };
  }
  const input = usage.prompt_tokens ?? 0;
  return {
    input,
    cached: Math.min(input, detail(usage["prompt_tokens_details"], "cached_tokens")),
    output: usage.completion_tokens ?? 0,
    reasoning: detail(usage["completion_tokens_details"], "reasoning_tokens"),
  };
}

function detail(details: unknown, name: string): number {
  const value = (details as Record<string, unknown> | null | undefined)?.[name];
  return typeof value === "number" && value >= 0 ? Math.floor(value) : 0;
}
