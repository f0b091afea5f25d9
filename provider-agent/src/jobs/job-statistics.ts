import { LIMITS, type Usage } from "@hearth/protocol";

/** Weight of the newest observation. */
const ALPHA = 0.2;
/** Shorter pieces of work tell more of overhead than of speed, tokens. */
const MIN_TOKENS = { prefill: 32, decode: 8 } as const;

/** Observed rates of one request, tokens per second; absent = not known yet. */
export interface ModelRates {
  readonly decodeTps?: number;
  readonly prefillTps?: number;
}

export interface ModelStatistics extends ModelRates {
  readonly served: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
}

/** What has been done since the agent started. */
export interface JobSnapshot {
  readonly served: number;
  readonly failed: number;
  readonly cancelled: number;
  /** Of all requests, also of those that ended badly. */
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly models: Readonly<Record<string, ModelStatistics>>;
}

/** What a job showed of the backend's pace; absent where it was not the backend's, or is not known. */
export interface JobTimings {
  /** Prompt tokens that were really read, none from a cache, and how long that took, ms. */
  readonly prefill?: { readonly tokens: number; readonly ms: number };
  /** From the first content to the last by our own clock, ms. */
  readonly decodeMs?: number;
}

export type JobOutcome = "served" | "failed" | "cancelled";

/** Counts jobs and tokens, and how fast the backend is with each model. Holds numbers and model ids, nothing else. */
export class JobStatistics {
  readonly #outcomes = { served: 0, failed: 0, cancelled: 0 };
  #promptTokens = 0;
  #completionTokens = 0;
  readonly #models = new Map<string, ModelStatistics>();

  record(model: string, outcome: JobOutcome, usage: Usage, timings: JobTimings = {}): void {
    this.#outcomes[outcome] += 1;
    this.#promptTokens += usage.prompt_tokens;
    this.#completionTokens += usage.completion_tokens;
    const before = this.#models.get(model) ?? { served: 0, promptTokens: 0, completionTokens: 0 };
    // The one that was used last stands last.
    this.#models.delete(model);
    this.#models.set(model, {
      ...before,
      served: before.served + (outcome === "served" ? 1 : 0),
      promptTokens: before.promptTokens + usage.prompt_tokens,
      completionTokens: before.completionTokens + usage.completion_tokens,
      ...newRates(before, usage, timings),
    });
    this.#forgetOldest();
  }

  rates(model: string): ModelRates {
    const { decodeTps, prefillTps } = this.#models.get(model) ?? {};
    return { ...(decodeTps === undefined ? {} : { decodeTps }), ...(prefillTps === undefined ? {} : { prefillTps }) };
  }

  snapshot(): JobSnapshot {
    return {
      ...this.#outcomes,
      promptTokens: this.#promptTokens,
      completionTokens: this.#completionTokens,
      models: Object.fromEntries(this.#models),
    };
  }

  #forgetOldest(): void {
    if (this.#models.size <= LIMITS.modelsPerProvider) return;
    for (const oldest of this.#models.keys()) {
      this.#models.delete(oldest);
      return;
    }
  }
}

function newRates(before: ModelRates, usage: Usage, { prefill, decodeMs }: JobTimings): ModelRates {
  const read = prefill?.tokens ?? 0;
  // The first token belongs to the prefill.
  const decoded = usage.completion_tokens - 1;
  const prefillTps = read < MIN_TOKENS.prefill ? undefined : average(before.prefillTps, read, prefill?.ms);
  const decodeTps = decoded < MIN_TOKENS.decode ? undefined : average(before.decodeTps, decoded, decodeMs);
  return { ...(prefillTps === undefined ? {} : { prefillTps }), ...(decodeTps === undefined ? {} : { decodeTps }) };
}

function average(before: number | undefined, tokens: number, ms: number | undefined): number | undefined {
  if (ms === undefined || ms <= 0) return undefined;
  const tps = (tokens / ms) * 1_000;
  return before === undefined ? tps : before + ALPHA * (tps - before);
}
