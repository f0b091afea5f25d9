import { MAX_MICRO_USD, type MicroUsd } from "../platform/micro-usd.js";
import type { Price } from "./price-list.js";

/** What was read and written, tokens. What is no count of any is taken as none, and `MAX_TOKENS` as the most. */
export interface TokenCounts {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  /** Part of `prompt_tokens` that the backend took from its cache. */
  readonly cached_tokens?: number | undefined;
}

/** Tokens and what they cost. */
export interface Priced {
  readonly price: Price;
  readonly usage: TokenCounts;
}

/** Ten thousand times what any answer comes to. */
export const MAX_TOKENS = 1_000_000_000_000;

const PER_TOKENS = 1_000_000n;

/** What an answer costs: rounded up once, to a whole micro-USD, and never more than `MAX_MICRO_USD`. */
export function costOf(price: Price, usage: TokenCounts): MicroUsd {
  return roundedUp(millionths(price, usage));
}

/**
 * What each of several parts of one charge costs: together they are rounded up once, so that the parts add up to it.
 */
export function sharesOf(parts: readonly Priced[]): MicroUsd[] {
  let sum = 0n;
  return parts.map(({ price, usage }) => {
    const before = roundedUp(sum);
    sum += millionths(price, usage);
    return roundedUp(sum) - before;
  });
}

/** The most that an answer within these bounds costs, tokens; `price` is the dearest of those it may be given at. */
export function maxCost(price: Price, promptTokens: number, outputTokens: number): MicroUsd {
  const dearest = { ...price, input: most(price.input, price.cachedInput) };
  return costOf(dearest, { prompt_tokens: promptTokens, completion_tokens: outputTokens });
}

/** Millionths of a micro-USD: what tokens come to before anything is rounded. */
function millionths({ input, output, cachedInput }: Price, usage: TokenCounts): bigint {
  const prompt = countOf(usage.prompt_tokens);
  const cached = least(countOf(usage.cached_tokens ?? 0), prompt);
  return (prompt - cached) * input + cached * cachedInput + countOf(usage.completion_tokens) * output;
}

function roundedUp(amount: bigint): MicroUsd {
  return least((amount + PER_TOKENS - 1n) / PER_TOKENS, MAX_MICRO_USD);
}

/** A fraction of a token is a token. */
function countOf(tokens: number): bigint {
  if (!(tokens > 0)) return 0n;
  return BigInt(Math.min(Math.ceil(tokens), MAX_TOKENS));
}

const least = (one: bigint, other: bigint): bigint => (one < other ? one : other);
const most = (one: bigint, other: bigint): bigint => (one > other ? one : other);
