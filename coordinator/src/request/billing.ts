import type { SentAttempt } from "../dispatch/sent-attempt.js";
import type { Outcome } from "../dispatch/types.js";
import { costOf } from "../ledger/cost.js";
import type { Ledger } from "../ledger/ledger.js";
import { FREE, type Price } from "../ledger/price-list.js";
import type { WorkPart } from "../ledger/reservation.js";
import type { MicroUsd } from "../platform/micro-usd.js";
import { chargesOf } from "./charge.js";
import type { PaidWork } from "./payment.js";
import type { ChoiceRecord, RequestRecord } from "./request-record.js";
import type { TokenCalibration } from "./token-calibration.js";

/**
 * What a request that is over costs, by who did the work: all of an answer that is complete, by what its machine has
 * counted; of a broken one what was delivered.
 */
export function billOf(
  record: RequestRecord,
  outcome: Outcome<SentAttempt>,
  calibration: Pick<TokenCalibration, "estimate">,
): readonly WorkPart[] {
  if (outcome.type !== "success") return deliveredParts(record);
  const charges = chargesOf(record, calibration) ?? new Map<ChoiceRecord, bigint>();
  return [...charges].flatMap(([{ answer }, gross]) => {
    if (answer === undefined) return [];
    const { prompt_tokens: promptTokens, completion_tokens: completionTokens } = answer.usage;
    return [{ ...workerOf(answer.attempt), payer: "consumer", gross, promptTokens, completionTokens } as const];
  });
}

/** A request while it runs, as its payment looks at it. */
export function paidWork(record: RequestRecord): PaidWork {
  return {
    get writtenTokens() {
      return record.writtenTokens;
    },
    delivered: () => deliveredParts(record),
  };
}

/** What is owed for a stream that broke, or has not ended yet: what of it was delivered, and nothing of its prompt. */
function deliveredParts({ request, choices, caller, quote }: RequestRecord): readonly WorkPart[] {
  if (quote === undefined || !request.stream) return [];
  return choices.flatMap(({ winner, deliveredTokens: completionTokens }) => {
    if (winner === undefined || completionTokens === 0) return [];
    const isOwn = winner.link.account === caller.account;
    const price = isOwn
      ? FREE
      : (quote.of(winner.model, { id: winner.provider, account: winner.link.account }) ?? FREE);
    const gross = costOf(price, { prompt_tokens: 0, completion_tokens: completionTokens });
    return [{ ...workerOf(winner), payer: "consumer", gross, promptTokens: 0, completionTokens } as const];
  });
}

/** What the consumer pays of a bill. */
export interface Charge {
  readonly all: MicroUsd;
  /** By the attempt that has done the work; they add up to all. */
  readonly parts: ReadonlyMap<string, MicroUsd>;
}

/** No more than was set aside, whatever the work comes to; `undefined` where nothing has a price. */
export function chargeOf({ quote, payment }: RequestRecord, bill: readonly WorkPart[]): Charge | undefined {
  if (quote === undefined) return undefined;
  const costs = bill.map(({ gross }) => gross);
  const charges = payment?.chargesFor(costs) ?? costs;
  return {
    all: charges.reduce((sum, charge) => sum + charge, 0n),
    parts: new Map(bill.map(({ attemptId }, n) => [attemptId, charges[n] ?? 0n])),
  };
}

/**
 * A race that was only lost is nobody's fault: its work is paid by the platform, whenever its machine tells of it. One
 * that was late is not paid.
 */
export function payLosers(ledger: Pick<Ledger, "reserve">, record: RequestRecord): void {
  const { request, quote, caller, attempts, payment } = record;
  if (quote === undefined) return;
  // The platform pays for no more of the prompt than there can have been.
  const mostPromptTokens = payment?.mostPromptTokens ?? Number.POSITIVE_INFINITY;
  for (const attempt of attempts) {
    const { ending, link, model, provider } = attempt;
    if (ending?.end.type !== "cancelled" || ending.end.reason !== "lost_race") continue;
    const price =
      link.account === caller.account ? undefined : quote.of(model, { id: provider, account: link.account });
    if (price === undefined) continue;
    payWhenTold(ledger, attempt, { requestId: request.id, account: caller.account, price, mostPromptTokens });
  }
}

interface LostWork {
  readonly requestId: string;
  readonly account: string;
  readonly price: Price;
  readonly mostPromptTokens: number;
}

/** Made out here, where it holds nothing of the request: a machine may take half a minute to tell. */
function payWhenTold(
  ledger: Pick<Ledger, "reserve">,
  attempt: SentAttempt,
  { requestId, account, price, mostPromptTokens }: LostWork,
): void {
  const worker = workerOf(attempt);
  attempt.whenSpent((told) => {
    const usage = { ...told, prompt_tokens: Math.min(told.prompt_tokens, mostPromptTokens) };
    const { prompt_tokens: promptTokens, completion_tokens: completionTokens } = usage;
    const work = { ...worker, payer: "platform", gross: costOf(price, usage), promptTokens, completionTokens } as const;
    // The consumer pays nothing: nothing is set aside, and the platform pays what is posted.
    void ledger.reserve({ id: `lost/${worker.attemptId}`, requestId, account, max: 0n }).then(
      (reserved) => (reserved.type === "reserved" ? reserved.reservation.post([work]) : undefined),
      () => undefined,
    );
  });
}

function workerOf({ link, provider, model, id }: SentAttempt) {
  return { account: link.account, machine: provider, model, attemptId: id };
}
