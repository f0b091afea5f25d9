/** The legacy form of log probabilities: parallel lists. */
export interface TextLogprobs {
  readonly tokens: string[];
  readonly token_logprobs: number[];
  readonly top_logprobs: Record<string, number>[];
  readonly text_offset: number[];
}

interface ChatToken {
  readonly token: string;
  readonly logprob: number;
  readonly top_logprobs?: unknown;
}

/** What a backend lists may be anything; what is no token with its figure is left out. */
function isToken(value: unknown): value is ChatToken {
  const { token, logprob } = (value ?? {}) as Partial<ChatToken>;
  return typeof token === "string" && typeof logprob === "number";
}

/**
 * Turns a chat choice's log probabilities into the legacy form.
 *
 * @param offset characters of the answer before this part
 */
export function toTextLogprobs(logprobs: unknown, offset: number): TextLogprobs | null {
  const content = (logprobs as { readonly content?: unknown } | null | undefined)?.content;
  if (!Array.isArray(content)) return null;
  const lists: TextLogprobs = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
  let at = offset;
  for (const { token, logprob, top_logprobs: top } of content.filter(isToken)) {
    lists.tokens.push(token);
    lists.token_logprobs.push(logprob);
    const others = Array.isArray(top) ? top.filter(isToken) : [];
    lists.top_logprobs.push(Object.fromEntries(others.map((each) => [each.token, each.logprob])));
    lists.text_offset.push(at);
    at += token.length;
  }
  return lists;
}

/** Both parts in one; either may be missing. */
export function joinLogprobs(before: TextLogprobs | null, next: unknown): TextLogprobs | null {
  if (typeof next !== "object" || next === null) return before;
  const lists = before ?? { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
  const more = next as Partial<TextLogprobs>;
  for (const key of ["tokens", "token_logprobs", "top_logprobs", "text_offset"] as const) {
    const given: unknown = more[key];
    if (Array.isArray(given)) for (const each of given) (lists[key] as unknown[]).push(each);
  }
  return lists;
}
