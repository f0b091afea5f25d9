import type { TokenUsage } from "./token-usage.js";

/**
 * What an answer's own events say that it cost, unless that is more than is counted, no count at all, or nothing where
 * something is counted: a provider may say there what it likes, and what cannot be true is not passed on.
 */
export function believable<T extends object>(told: T | undefined, counted: TokenUsage): T | undefined {
  if (told === undefined) return undefined;
  const { prompt_tokens, completion_tokens } = counted;
  const bounds = { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
  for (const [name, bound] of Object.entries(bounds)) {
    const count = (told as Readonly<Record<string, unknown>>)[name];
    if (count === undefined) continue;
    if (typeof count !== "number" || count > bound || (count === 0 && bound > 0)) return undefined;
  }
  return told;
}

/** What stands in for what a backend never said of its whole answer. */
export interface CompletionFallback {
  readonly id: string;
  readonly model: string;
  /** Seconds since 1970. */
  readonly created: number;
  /** What is counted; absent = what the backend said is kept as it is. */
  readonly usage?: TokenUsage;
}

/** The `usage` of a whole answer: what the backend told where it can be true, else what is counted. */
export function settledUsage(told: object | undefined, counted: TokenUsage | undefined): { readonly usage?: object } {
  const usage = counted === undefined ? told : (believable(told, counted) ?? openAiUsage(counted));
  return usage === undefined ? {} : { usage };
}

/** The provider's count in OpenAI's form. */
export function openAiUsage(usage: TokenUsage): {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
} {
  const { prompt_tokens, completion_tokens, cached_tokens } = usage;
  return {
    prompt_tokens,
    completion_tokens,
    total_tokens: prompt_tokens + completion_tokens,
    ...(cached_tokens === undefined ? {} : { prompt_tokens_details: { cached_tokens } }),
  };
}
