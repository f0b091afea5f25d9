import type { Provider } from "../fleet/provider.js";
import type { Expecting } from "../selection/expecting.js";
import { estimateRates } from "../selection/hardware-estimate.js";
import type { Traits } from "../selection/traits.js";

/** First figures of an earlier system on Macs. */
const FIRST = {
  loadMs: { running: 0, idle: 0, idle_shutdown: 20_000, reloading: 20_000, crashed: 20_000 },
  unknownStateMs: 2_500,
  decodeTps: 30,
  prefillTps: 500,
  decodeInterference: 0.27,
  answerTokens: 256,
  leastMs: 10_000,
  spread: 2,
} as const;

/** Expects of every machine what its hardware promises, and remembers nothing, but for what the test changes. */
export function fakeExpecting(changes: Partial<Pick<Expecting, "expect" | "reputationMs">> = {}): Expecting {
  const expect: Expecting["expect"] = (...asked) => (changes.expect ?? expectByHardware)(...asked);
  const reputationMs: Expecting["reputationMs"] = (...asked) => changes.reputationMs?.(...asked) ?? 0;
  return {
    expect,
    reputationMs,
    revision: () => Number.NaN,
    expectedAnswerTokens: (_model, bound) => Math.min(bound ?? FIRST.answerTokens, FIRST.answerTokens),
    forecast: ({ provider, model }) => {
      const of = (promptTokens: number) => expect(provider, { model, promptTokens });
      const censored = (promptTokens: number): number => of(promptTokens).terms.censored;
      return {
        waitMs: (promptTokens) => of(promptTokens).expectedMs - censored(promptTokens),
        censoredMs: censored,
        get isAssumed() {
          return of(0).byDefault;
        },
        reputationMs: () => reputationMs(provider),
      };
    },
  };
}

export function expectByHardware(
  provider: Provider,
  { model, promptTokens }: Pick<Traits, "model" | "promptTokens">,
): ReturnType<Expecting["expect"]> {
  const slot = provider.slots.get(model);
  const slowdown = 1 + FIRST.decodeInterference * provider.load(model);
  const rates = slot?.decode_tps && slot.prefill_tps ? undefined : estimateRates(provider, model);
  const decodeTps = (slot?.decode_tps || rates?.decodeTps || FIRST.decodeTps) / slowdown;
  const prefillTps = (slot?.prefill_tps || rates?.prefillTps || FIRST.prefillTps) / slowdown;
  const load = slot === undefined ? FIRST.unknownStateMs : FIRST.loadMs[slot.state];
  const ahead = (provider.tokensAhead(model) / decodeTps) * 1000;
  const prefill = (promptTokens / prefillTps) * 1000;
  const expectedMs = load + ahead + prefill;
  return {
    expectedMs,
    estimateMs: Math.max(FIRST.leastMs, expectedMs * FIRST.spread),
    byDefault: true,
    terms: { connect: 0, load, ahead, prefill, censored: 0 },
  };
}
