import { believable, type ChatUsage } from "@hearth/dialects";
import type { Usage } from "@hearth/protocol";

/** What an answer cost, tokens. */
export interface TokenCounts {
  readonly input: number;
  /** Part of `input` that the backend took from its cache. */
  readonly cached: number;
  readonly output: number;
  /** Part of `output` that was spent on reasoning. */
  readonly reasoning: number;
}

/** The backend's own count, or the provider's where its events had none, or one that cannot be. */
export function tokenCounts(told: ChatUsage | undefined, counted: Usage): TokenCounts {
  const usage = believable(told, counted);
  if (usage === undefined) {
    const { prompt_tokens: input, completion_tokens: output, cached_tokens: cached = 0 } = counted;
    return { input, cached, output, reasoning: 0 };
  }
  const input = usage.prompt_tokens ?? 0;
  return {
    input,
    cached: Math.min(input, detail(usage["prompt_tokens_details"], "cached_tokens")),
    output: usage.completion_tokens ?? 0,
    reasoning: Math.min(usage.completion_tokens ?? 0, detail(usage["completion_tokens_details"], "reasoning_tokens")),
  };
}

function detail(details: unknown, name: string): number {
  const value = (details as Record<string, unknown> | null | undefined)?.[name];
  return typeof value === "number" && value >= 0 ? Math.floor(value) : 0;
}
