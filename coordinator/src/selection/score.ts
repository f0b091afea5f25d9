import type { Provider } from "../fleet/provider.js";
import { estimateRates } from "./hardware-estimate.js";
import type { Traits } from "./traits.js";

/**
 * Estimated cost of a provider for a request, in milliseconds, by term. The terms add up to the total; they are what
 * a decision is logged as.
 */
export interface Score {
  readonly total: number;
  readonly terms: Readonly<Record<ScoreTerm, number>>;
}

export type ScoreTerm = "state" | "queue" | "pending" | "ahead" | "prefill" | "decode" | "health" | "owner";

/** First figures: measurements of an earlier system on Macs. One table, so that a calibration can replace them. */
export const SCORE_TABLE = {
  statePenaltyMs: { running: 0, idle: 0, idle_shutdown: 20_000, reloading: 20_000, crashed: 60_000 },
  unknownStatePenaltyMs: 2_500,
  queueMs: 3_000,
  pendingMs: 750,
  /** Share of its rate that a machine loses to each request that runs beside. */
  decodeInterference: 0.27,
  memoryPressureMs: 4_000,
  cpuLoadMs: 1_500,
  gpuLoadMs: 5_000,
  thermalMs: { nominal: 0, fair: 2_000, serious: 8_000, critical: 8_000 },
  /** Used where no rate was observed and nothing is known to estimate one from, tokens per second. */
  assumedDecodeTps: 30,
  assumedPrefillTps: 300,
  /** Answer length taken into account, tokens: most answers end long before their bound. */
  expectedAnswerTokens: 256,
  /** `prefer`: what a stranger's machine must be better by to beat the caller's own. */
  foreignOwnerMs: 60_000,
  /** Providers within this of the best count as equal. */
  tieMs: 3_000,
} as const;

/** Scores one provider for one request; lower is better. */
export function score(provider: Provider, traits: Traits): Score {
  const slot = provider.slots.get(traits.model);
  const running = provider.load(traits.model);
  const slowdown = 1 + SCORE_TABLE.decodeInterference * running;
  const estimate = estimateRates(provider, traits.model);
  const decodeTps = (slot?.decode_tps || estimate?.decodeTps || SCORE_TABLE.assumedDecodeTps) / slowdown;
  const prefillTps = (slot?.prefill_tps || estimate?.prefillTps || SCORE_TABLE.assumedPrefillTps) / slowdown;
  const answerTokens = Math.min(traits.maxTokens, SCORE_TABLE.expectedAnswerTokens);
  const foreign = traits.route === "prefer" && provider.account !== traits.account;
  const terms: Record<ScoreTerm, number> = {
    state: slot === undefined ? SCORE_TABLE.unknownStatePenaltyMs : SCORE_TABLE.statePenaltyMs[slot.state],
    queue: (slot?.queued ?? 0) * SCORE_TABLE.queueMs,
    pending: provider.inFlight(traits.model) * SCORE_TABLE.pendingMs,
    ahead: (provider.tokensAhead(traits.model) / decodeTps) * 1000,
    prefill: (traits.promptTokens / prefillTps) * 1000,
    decode: (answerTokens / decodeTps) * 1000,
    health: healthMs(provider),
    owner: foreign ? SCORE_TABLE.foreignOwnerMs : 0,
  };
  let total = 0;
  for (const value of Object.values(terms)) total += value;
  return { total, terms };
}

function healthMs(provider: Provider): number {
  const { vitals } = provider;
  return (
    (vitals.memory_pressure ?? 0) * SCORE_TABLE.memoryPressureMs +
    (vitals.cpu_load ?? 0) * SCORE_TABLE.cpuLoadMs +
    (vitals.gpu_load ?? 0) * SCORE_TABLE.gpuLoadMs +
    SCORE_TABLE.thermalMs[vitals.thermal ?? "nominal"]
  );
}
