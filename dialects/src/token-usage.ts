import { parseProviderJson } from "./provider-json.js";

/** What an answer cost, in tokens. */
export interface TokenUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  /** Part of `prompt_tokens` that the backend took from its cache. */
  readonly cached_tokens?: number | undefined;
}

/** What is told of it so far. */
export type PartialUsage = { readonly [member in keyof TokenUsage]?: TokenUsage[member] | undefined };

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** A `usage` object of a backend's, or `undefined` for anything else. */
export function readUsage(value: unknown): TokenUsage | undefined {
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

/** Tokens of one request at most: ten times the longest context of any model known (Llama 4 Scout's 10 million). */
const MAX_COUNT = 100_000_000;

/** A count of tokens, which some write as text, and some estimate as a fraction. */
function countOf(value: unknown): number | undefined {
  const number = typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : value;
  const whole = typeof number === "number" ? Math.ceil(number) : undefined;
  return isCount(whole) && whole <= MAX_COUNT ? whole : undefined;
}

type Members = Readonly<Record<string, unknown>>;
const membersOf = (value: unknown): Members => (typeof value === "object" && value !== null ? (value as Members) : {});

/**
 * What a chunk of either older dialect tells: by its `usage`, in the words of any API, beside a choice (Moonshot) or
 * under a name of its own (Groq); by Ollama's counts; by llama.cpp's timings, where these tell what was cached.
 *
 * @returns `undefined` where nothing is told; a count that is none is left out
 */
export function readChunkUsage(chunk: unknown): PartialUsage | undefined {
  const { usage, x_groq, choices, prompt_eval_count, eval_count, timings } = membersOf(chunk);
  const beside = Array.isArray(choices) ? membersOf(choices[0])["usage"] : undefined;
  const { prompt_n, cache_n, predicted_n } = membersOf(timings);
  const [fresh, cached] = [countOf(prompt_n), countOf(cache_n)];
  const timed = fresh === undefined || cached === undefined ? undefined : fresh + cached;
  return (
    readCounts(usage ?? membersOf(x_groq)["usage"] ?? beside) ??
    partial(countOf(prompt_eval_count), countOf(eval_count)) ??
    partial(timed, countOf(predicted_n), cached)
  );
}

/** A `usage` object in the words of any API, as far as its counts are counts. */
export function readCounts(usage: unknown): PartialUsage | undefined {
  const { prompt_tokens, completion_tokens, input_tokens, output_tokens, total_tokens } = membersOf(usage);
  const prompt = countOf(prompt_tokens) ?? countOf(input_tokens);
  const completion = countOf(completion_tokens) ?? countOf(output_tokens);
  const { cached, reasoning = 0 } = readDetails(usage);
  const [read = 0, written = 0, total] = [prompt, completion, countOf(total_tokens)];
  // xAI counts thoughts beside what was written: the total tells who does.
  const isBeside = completion !== undefined && total === read + written + reasoning;
  return partial(prompt, isBeside ? written + reasoning : completion, cached);
}

/** Parts of the counts, tokens. */
export interface UsageDetails {
  readonly cached: number | undefined;
  readonly reasoning: number | undefined;
}

/**
 * Parts of what was read and written: under the details of the count, or as members of their own, as Moonshot and
 * DeepSeek tell what was cached, and SGLang what was thought.
 */
export function readDetails(usage: unknown): UsageDetails {
  const members = membersOf(usage);
  const read = membersOf(members["prompt_tokens_details"] ?? members["input_tokens_details"]);
  const written = membersOf(members["completion_tokens_details"] ?? members["output_tokens_details"]);
  return {
    cached:
      countOf(read["cached_tokens"]) ??
      countOf(members["cached_tokens"]) ??
      countOf(members["prompt_cache_hit_tokens"]),
    reasoning: countOf(written["reasoning_tokens"]) ?? countOf(members["reasoning_tokens"]),
  };
}

function partial(prompt?: number, completion?: number, cached?: number): PartialUsage | undefined {
  if (prompt === undefined && completion === undefined) return undefined;
  return {
    ...(prompt === undefined ? {} : { prompt_tokens: prompt }),
    ...(completion === undefined ? {} : { completion_tokens: completion }),
    ...(cached === undefined ? {} : { cached_tokens: cached }),
  };
}

interface MessagesUsage {
  readonly input_tokens?: unknown;
  readonly output_tokens?: unknown;
  readonly cache_read_input_tokens?: unknown;
  readonly cache_creation_input_tokens?: unknown;
}

/** The part of a Messages `usage` that tells of the prompt: what came from a cache is counted beside the rest. */
export function readInputUsage(value: unknown): PartialUsage | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { input_tokens, cache_read_input_tokens: cached, cache_creation_input_tokens } = value as MessagesUsage;
  if (!isCount(input_tokens)) return undefined;
  const rest = [cached, cache_creation_input_tokens].filter(isCount).reduce((sum, count) => sum + count, 0);
  return { prompt_tokens: input_tokens + rest, ...(isCount(cached) ? { cached_tokens: cached } : {}) };
}

/** A `usage` at the end of a Messages answer; many tell only of the output there. */
export function readMessagesUsage(value: unknown): PartialUsage | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { output_tokens } = value as MessagesUsage;
  return { ...readInputUsage(value), ...(isCount(output_tokens) ? { completion_tokens: output_tokens } : {}) };
}

/** A `usage` of Responses, or `undefined` for anything else. */
export function readResponsesUsage(value: unknown): TokenUsage | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { input_tokens, output_tokens, input_tokens_details } = value as Record<string, unknown>;
  return readUsage({
    prompt_tokens: input_tokens,
    completion_tokens: output_tokens,
    prompt_tokens_details: input_tokens_details,
  });
}

/** `usage` stands before or behind the vectors of an embeddings answer, within this many bytes of its end. */
const MARGIN_BYTES = 4_096;
const USAGE = /"usage"\s*:\s*(\{(?:[^{}]|\{[^{}]*\})*\})/;

/** The usage in the JSON body of an embeddings answer, found without parsing megabytes of vectors. */
export function usageInBody(body: Buffer): TokenUsage | undefined {
  const margins = [body.subarray(-MARGIN_BYTES), body.subarray(0, MARGIN_BYTES)];
  for (const margin of margins) {
    const usage = readUsage(parseProviderJson(USAGE.exec(margin.toString("latin1"))?.[1] ?? ""));
    if (usage !== undefined) return usage;
  }
  return undefined;
}
