import type { Usage } from "@hearth/protocol";

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** A `usage` object of a backend's, or `undefined` for anything else. */
export function readUsage(value: unknown): Usage | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { prompt_tokens, completion_tokens, prompt_tokens_details } = value as Record<string, unknown>;
  if (!isCount(prompt_tokens)) return undefined;
  const cached = (prompt_tokens_details as { cached_tokens?: unknown } | null | undefined)?.cached_tokens;
  return {
    prompt_tokens,
    completion_tokens: isCount(completion_tokens) ? completion_tokens : 0,
    ...(isCount(cached) ? { cached_tokens: cached } : {}),
  };
}

/** `usage` stands before or behind the vectors of an embeddings answer, within this many bytes of its end. */
const MARGIN_BYTES = 4_096;
const USAGE = /"usage"\s*:\s*(\{(?:[^{}]|\{[^{}]*\})*\})/;

/** The usage in the JSON body of an embeddings answer, found without parsing megabytes of vectors. */
export function usageInBody(body: Buffer): Usage | undefined {
  const margins = [body.subarray(-MARGIN_BYTES), body.subarray(0, MARGIN_BYTES)];
  for (const margin of margins) {
    const usage = readUsage(parseJson(USAGE.exec(margin.toString("latin1"))?.[1] ?? ""));
    if (usage !== undefined) return usage;
  }
  return undefined;
}

/** @returns `undefined` for what is not JSON */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
