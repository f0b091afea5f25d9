import type { Usage } from "@hearth/protocol";
import type { ClampedMember } from "../platform/clamped-members.js";

/** Tokens that a template, tools and pictures may add to a prompt, beyond one for each byte. */
const PROMPT_MARGIN_TOKENS = 16_384;
/** Tokens of an answer that do not show in its bytes: ends of turns, empty pieces. */
const ANSWER_MARGIN_TOKENS = 256;
/** Upper bound of the rate at which hidden reasoning is written, tokens a second. */
const HIDDEN_TOKENS_PER_SECOND = 20_000;
/** Upper bound of an answer when neither the consumer's bound nor the model's context is known, tokens. */
const UNBOUNDED_ANSWER_TOKENS = 1_048_576;

/** The most tokens that one attempt can have used. */
export interface UsageBounds {
  readonly prompt: number;
  readonly completion: number;
}

/** What is known of an attempt without trusting its provider. */
export interface UsageEvidence {
  /** Size of the body that was sent. */
  readonly promptBytes: number;
  /** Size of the plaintext that came. */
  readonly answerBytes: number;
  readonly elapsedMs: number;
  /** The consumer's bound on the answer, else the model's context length, tokens; `undefined` = neither is known. */
  readonly answerTokens: number | undefined;
}

/**
 * Each token is at least one byte of the prompt or of the visible answer. Hidden reasoning is bounded by what was asked
 * for and by the time that it took.
 */
export function usageBounds({ promptBytes, answerBytes, elapsedMs, answerTokens }: UsageEvidence): UsageBounds {
  const byTime = (Math.max(0, elapsedMs) / 1000) * HIDDEN_TOKENS_PER_SECOND;
  const hidden = Math.min(answerTokens ?? UNBOUNDED_ANSWER_TOKENS, byTime);
  return {
    prompt: promptBytes + PROMPT_MARGIN_TOKENS,
    completion: Math.ceil(Math.max(answerBytes, hidden)) + ANSWER_MARGIN_TOKENS,
  };
}

/** The usage held to its bounds, and the members that exceeded them. */
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
