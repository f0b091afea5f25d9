import type { Usage } from "@hearth/protocol";
import { type Priced, sharesOf } from "../ledger/cost.js";
import { FREE } from "../ledger/price-list.js";
import type { MicroUsd } from "../platform/micro-usd.js";
import type { ChoiceRecord, RequestRecord } from "./request-record.js";
import type { TokenCalibration } from "./token-calibration.js";

/**
 * What each complete answer of a request costs, by the prices at its arrival and of the machine that gave it. Their sum
 * is rounded once. The prompt is paid once, with the first of them, as in the usage. Answers of the caller's own
 * machines cost nothing.
 *
 * @returns `undefined` where nothing has a price
 */
export function chargesOf(
  { choices, caller, request, quote }: RequestRecord,
  calibration: Pick<TokenCalibration, "estimate">,
): ReadonlyMap<ChoiceRecord, MicroUsd> | undefined {
  if (quote === undefined) return undefined;
  const answered: ChoiceRecord[] = [];
  const parts: Priced[] = [];
  for (const choice of choices) {
    const { answer } = choice;
    if (answer === undefined) continue;
    const { link, model, provider } = answer.attempt;
    const price =
      link.account === caller.account ? FREE : (quote.of(model, { id: provider, account: link.account }) ?? FREE);
    const usage = credible(answer.usage, request.model, calibration);
    parts.push({ price, usage: answered.length === 0 ? usage : { ...usage, prompt_tokens: 0 } });
    answered.push(choice);
  }
  const shares = sharesOf(parts);
  return new Map(answered.map((choice, index) => [choice, shares[index] ?? 0n]));
}

/** Replaces estimated counts by their lower bounds. */
function credible(usage: Usage, model: string, calibration: Pick<TokenCalibration, "estimate">): Usage {
  if (usage.estimated !== true) return usage;
  const least = (tokens: number): number => Math.min(tokens, calibration.estimate(model, tokens).least);
  return {
    ...usage,
    prompt_tokens: least(usage.prompt_tokens),
    completion_tokens: least(usage.completion_tokens),
  };
}
