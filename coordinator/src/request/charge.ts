import type { Usage } from "@hearth/protocol";
import { type Priced, sharesOf } from "../ledger/cost.js";
import { FREE } from "../ledger/price-list.js";
import type { MicroUsd } from "../platform/micro-usd.js";
import type { ChoiceRecord, RequestRecord } from "./request-record.js";
import type { TokenCalibration } from "./token-calibration.js";

/**
 * What each complete answer of a request costs, by the prices of its arrival and of whoever gave it: together they are
 * rounded once. As the usage tells it the prompt counts once, with the first of them. An answer of the caller's own
 * machine costs nothing.
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

/** Of what is only estimated the least that it may have been. */
function credible(usage: Usage, model: string, calibration: Pick<TokenCalibration, "estimate">): Usage {
  if (usage.estimated !== true) return usage;
  const least = (tokens: number): number => Math.min(tokens, calibration.estimate(model, tokens).least);
  return {
    ...usage,
    prompt_tokens: least(usage.prompt_tokens),
    completion_tokens: least(usage.completion_tokens),
  };
}
