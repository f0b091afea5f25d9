import type { RunSample } from "./measure-run.js";
import { rateOf } from "./rate.js";

/** What several runs have shown of one quantity. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly runs: number;
}

/** Time to first token with prompts of one size. */
export interface FirstTokenFigure {
  /** As the server counts them, median; where it does not, as they were meant to be. */
  readonly promptTokens: number;
  readonly ms: Spread;
}

/** How fast a model is, for one request at a time. What could not be measured is absent. */
export interface BenchFigures {
  /** Tokens per second, with the largest prompts. */
  readonly prefillTps?: Spread;
  /** Tokens per second, over all runs. */
  readonly decodeTps?: Spread;
  /** The smallest prompts first. */
  readonly firstToken: readonly FirstTokenFigure[];
}

/** What was measured with prompts of one size. */
export interface SizeSamples {
  /** Tokens that the prompts were meant to have. */
  readonly size: number;
  readonly samples: readonly RunSample[];
}

/** @param sizes the smallest first */
export function figuresOf(sizes: readonly SizeSamples[]): BenchFigures {
  const measured = sizes.filter(({ samples }) => samples.length > 0);
  const prefillTps = prefillSpread(measured);
  const decodeTps = spreadOf(measured.flatMap(({ samples }) => present(samples, "decodeTps")));
  return {
    ...(prefillTps === undefined ? {} : { prefillTps }),
    ...(decodeTps === undefined ? {} : { decodeTps }),
    firstToken: measured.flatMap(({ size, samples }) => {
      const ms = spreadOf(present(samples, "firstTokenMs"));
      const promptTokens = spreadOf(present(samples, "promptTokens"))?.median ?? size;
      return ms === undefined ? [] : [{ promptTokens, ms }];
    }),
  };
}

/** The server's own measurement comes first; else it follows from the times to the first token. */
function prefillSpread(sizes: readonly SizeSamples[]): Spread | undefined {
  const reported = sizes.map(({ samples }) => spreadOf(present(samples, "prefillTps"))).findLast((each) => each);
  return reported ?? spreadOf(ratesFromFirstToken(sizes.map(({ samples }) => timedReads(samples))));
}

interface TimedRead {
  readonly tokens: number;
  readonly ms: number;
}

/**
 * Time to first token = constant overhead + tokens read ÷ rate. The difference of two sizes is free of the overhead:
 *
 *     rate = (tokens_large − tokens_small) ÷ (ms_large − ms_small)
 *
 * with the medians of the smallest size against each run of the largest. A run of the largest that was no slower than
 * every run of the smallest shows noise, no rate. Where there is one size only, the overhead stays in: the rate is a
 * lower bound.
 */
function ratesFromFirstToken(sizes: readonly (readonly TimedRead[])[]): number[] {
  const [small, ...larger] = sizes.filter((reads) => reads.length > 0);
  if (small === undefined) return [];
  const tokens = spreadOf(small.map((read) => read.tokens));
  const ms = spreadOf(small.map((read) => read.ms));
  const large = larger.at(-1);
  if (large === undefined || tokens === undefined || ms === undefined) return small.flatMap(prefillRate);
  return large
    .filter((read) => read.ms > ms.max)
    .flatMap((read) => prefillRate({ tokens: read.tokens - tokens.median, ms: read.ms - ms.median }));
}

function prefillRate({ tokens, ms }: TimedRead): number[] {
  const tps = rateOf("prefill", tokens, ms);
  return tps === undefined ? [] : [tps];
}

function timedReads(samples: readonly RunSample[]): TimedRead[] {
  return samples.flatMap(({ readTokens: tokens, firstTokenMs: ms }) =>
    tokens === undefined || ms === undefined ? [] : [{ tokens, ms }],
  );
}

function present(samples: readonly RunSample[], key: keyof RunSample): number[] {
  return samples.flatMap(({ [key]: value }) => (value === undefined ? [] : [value]));
}

/** @returns `undefined` for no values */
export function spreadOf(values: readonly number[]): Spread | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const [min] = sorted;
  const max = sorted.at(-1);
  if (min === undefined || max === undefined) return undefined;
  const lower = sorted[Math.floor((sorted.length - 1) / 2)] ?? min;
  const upper = sorted[Math.floor(sorted.length / 2)] ?? max;
  return { median: (lower + upper) / 2, min, max, runs: sorted.length };
}
