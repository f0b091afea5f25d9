import type { Clock } from "@hearth/platform";
import type { Timeline } from "./request-facts.js";

/** What the numbers are of: the last minute, second by second. */
const SECONDS = 60;
/** Times to the first content that quantiles rest on at most: the latest. */
const MAX_SAMPLES = 2_048;
/** Codes that are told, the most frequent first. */
const MAX_CODES = 20;

interface Second {
  at: number;
  requests: number;
  tokens: number;
  readonly errors: Map<string, number>;
}

/** How requests have gone in the last minute. */
export interface LiveNumbers {
  readonly requestsPerSecond: number;
  /** Tokens that were written for consumers, counted when their request is over. */
  readonly tokensPerSecond: number;
  /** `undefined` = no answer has begun. */
  readonly ttftMs: { readonly p50: number; readonly p95: number; readonly p99: number } | undefined;
  /** Requests that failed or were refused, the most frequent first. */
  readonly errors: readonly { readonly code: string; readonly count: number }[];
}

/** Counts what has ended, in a few counters a second: whoever looks later is told of the minute before. */
export class LiveStats {
  readonly #clock: Pick<Clock, "now">;
  readonly #startedAt: number;
  readonly #seconds: Second[] = Array.from({ length: SECONDS }, () => emptySecond());
  readonly #samples = new Float64Array(MAX_SAMPLES);
  readonly #sampledAt = new Float64Array(MAX_SAMPLES).fill(Number.NEGATIVE_INFINITY);
  #sampled = 0;

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
    this.#startedAt = clock.now();
  }

  /** A request is over. */
  note({ facts: { outcome, code, dispatch } }: Timeline): void {
    const now = this.#clock.now();
    const second = this.#second(Math.floor(now / 1_000));
    second.requests += 1;
    second.tokens += dispatch?.completionTokens ?? 0;
    if ((outcome === "failed" || outcome === "refused") && code !== undefined) {
      second.errors.set(code, (second.errors.get(code) ?? 0) + 1);
    }
    if (dispatch?.firstContentMs === undefined) return;
    const place = this.#sampled++ % MAX_SAMPLES;
    this.#samples[place] = dispatch.firstContentMs;
    this.#sampledAt[place] = now;
  }

  read(): LiveNumbers {
    const now = this.#clock.now();
    const oldest = Math.floor(now / 1_000) - SECONDS;
    const recent = this.#seconds.filter(({ at }) => at > oldest);
    const overSeconds = Math.min(SECONDS, Math.max(1, (now - this.#startedAt) / 1_000));
    const sum = (of: (second: Second) => number): number => recent.reduce((total, each) => total + of(each), 0);
    const errors = new Map<string, number>();
    for (const each of recent) {
      for (const [code, count] of each.errors) errors.set(code, (errors.get(code) ?? 0) + count);
    }
    const worst = [...errors].sort(([, one], [, other]) => other - one).slice(0, MAX_CODES);
    return {
      requestsPerSecond: sum(({ requests }) => requests) / overSeconds,
      tokensPerSecond: sum(({ tokens }) => tokens) / overSeconds,
      ttftMs: this.#quantiles(now - SECONDS * 1_000),
      errors: worst.map(([code, count]) => ({ code, count })),
    };
  }

  #quantiles(since: number): LiveNumbers["ttftMs"] {
    const recent = this.#samples.filter((_, place) => (this.#sampledAt[place] as number) >= since).sort();
    if (recent.length === 0) return undefined;
    const at = (share: number): number => recent[Math.ceil(share * recent.length) - 1] as number;
    return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
  }

  #second(at: number): Second {
    const second = this.#seconds[at % SECONDS] as Second;
    if (second.at === at) return second;
    second.at = at;
    second.requests = 0;
    second.tokens = 0;
    second.errors.clear();
    return second;
  }
}

const emptySecond = (): Second => ({ at: Number.NEGATIVE_INFINITY, requests: 0, tokens: 0, errors: new Map() });
