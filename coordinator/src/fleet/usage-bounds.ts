import type { Usage } from "@hearth/protocol";
import type { ClampedMember } from "../platform/clamped-members.js";

/** Tokens that a template, tools and a picture may add to a prompt beyond a token a byte. */
const PROMPT_MARGIN_TOKENS = 16_384;
/** Tokens of an answer beside those that its bytes show: ends of turns, empty pieces. */
const ANSWER_MARGIN_TOKENS = 256;
/** No machine thinks faster than this where nobody sees it, tokens a second. */
const HIDDEN_TOKENS_PER_SECOND = 20_000;
/** Tokens of an answer whose consumer set no bound and whose model tells no context. */
const UNBOUNDED_ANSWER_TOKENS = 1_048_576;

/** The most that one attempt can have cost, tokens. */
export interface UsageBounds {
  readonly prompt: number;
  readonly completion: number;
}

/** What is known of an attempt without believing its provider. */
export interface UsageEvidence {
  /** Bytes of the body that was sent. */
  readonly promptBytes: number;
  /** Plaintext bytes that came. */
  readonly answerBytes: number;
  readonly elapsedMs: number;
  /** The consumer's own bound on the answer, or what the model's context holds, tokens; absent = neither is known. */
  readonly answerTokens: number | undefined;
}

/**
 * A token is at least one byte of the prompt. What an answer shows is at least one byte a token too; reasoning that
 * nobody is shown is bounded by what was asked and by the time it took.
 */
export function usageBounds({ promptBytes, answerBytes, elapsedMs, answerTokens }: UsageEvidence): UsageBounds {
  const byTime = (Math.max(0, elapsedMs) / 1000) * HIDDEN_TOKENS_PER_SECOND;
  const hidden = Math.min(answerTokens ?? UNBOUNDED_ANSWER_TOKENS, byTime);
  return {
    prompt: promptBytes + PROMPT_MARGIN_TOKENS,
    completion: Math.ceil(Math.max(answerBytes, hidden)) + ANSWER_MARGIN_TOKENS,
  };
}

/** The usage as it counts, and which of its members were more than can be. */
export function clampUsage(
  usage: Usage,
  bounds: UsageBounds,
): { readonly usage: Usage; readonly clamped: readonly ClampedMember[] } {
  const clamped: ClampedMember[] = [];
  const most = (member: ClampedMember, told: number, bound: number): number => {
    if (told > bound) clamped.push(member);
    return Math.min(told, bound);
  };
  const prompt = most("prompt", usage.prompt_tokens, bounds.prompt);
  const completion = most("completion", usage.completion_tokens, bounds.completion);
  const cached = usage.cached_tokens === undefined ? undefined : most("cached", usage.cached_tokens, prompt);
  if (clamped.length === 0) return { usage, clamped };
  const counted = { ...usage, prompt_tokens: prompt, completion_tokens: completion };
  return { usage: cached === undefined ? counted : { ...counted, cached_tokens: cached }, clamped };
}
