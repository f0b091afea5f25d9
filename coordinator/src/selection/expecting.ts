import type { Provider } from "../fleet/provider.js";
import { estimateRates } from "./hardware-estimate.js";
import type { Expectation } from "./pick-result.js";
import type { Traits } from "./traits.js";

/** What an expectation is made of, ms: the terms add up to it. */
export interface ExpectationTerms {
  /** Between sending a request and its being worked on. */
  readonly connect: number;
  /** Loading the model. */
  readonly load: number;
  /** Work that is there already. */
  readonly ahead: number;
  /** Reading the prompt. */
  readonly prefill: number;
  /** What attempts that ended without content say it takes beyond that. */
  readonly censored: number;
}

/** What each machine is expected to do, by what it has shown. */
export interface Expecting {
  expect(provider: Provider, traits: Traits): Expectation & { readonly terms: ExpectationTerms };
  /**
   * @param bound the consumer's, tokens
   * @returns tokens that an answer of this model is expected to have
   */
  expectedAnswerTokens(model: string, bound: number | undefined): number;
  /** What this machine's reputation counts as, ms: at least 0. */
  reputationMs(provider: Provider, model: string): number;
}

/** First figures: measurements of an earlier system on Macs. */
const DEFAULTS = {
  loadMs: { running: 0, idle: 0, idle_shutdown: 20_000, reloading: 20_000, crashed: 20_000 },
  unknownStateMs: 2_500,
  decodeTps: 30,
  prefillTps: 500,
  decodeInterference: 0.27,
  answerTokens: 256,
  leastMs: 10_000,
  spread: 2,
} as const;

/** Expects of every machine what its hardware promises, and remembers nothing. */
export const defaultExpecting: Expecting = {
  expect(provider, { model, promptTokens }) {
    const slot = provider.slots.get(model);
    const slowdown = 1 + DEFAULTS.decodeInterference * provider.load(model);
    const rates = slot?.decode_tps && slot.prefill_tps ? undefined : estimateRates(provider, model);
    const decodeTps = (slot?.decode_tps || rates?.decodeTps || DEFAULTS.decodeTps) / slowdown;
    const prefillTps = (slot?.prefill_tps || rates?.prefillTps || DEFAULTS.prefillTps) / slowdown;
    const load = slot === undefined ? DEFAULTS.unknownStateMs : DEFAULTS.loadMs[slot.state];
    const ahead = (provider.tokensAhead(model) / decodeTps) * 1000;
    const prefill = (promptTokens / prefillTps) * 1000;
    const expectedMs = load + ahead + prefill;
    return {
      expectedMs,
      estimateMs: Math.max(DEFAULTS.leastMs, expectedMs * DEFAULTS.spread),
      byDefault: true,
      terms: { connect: 0, load, ahead, prefill, censored: 0 },
    };
  },
  expectedAnswerTokens: (_model, bound) => Math.min(bound ?? DEFAULTS.answerTokens, DEFAULTS.answerTokens),
  reputationMs: () => 0,
};
