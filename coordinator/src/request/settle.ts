import type { Clock } from "@hearth/platform";
import type { RequestId } from "@hearth/protocol";
import { giveBack } from "../dispatch/send-attempt.js";
import type { SentAttempt } from "../dispatch/sent-attempt.js";
import type { Outcome, Success } from "../dispatch/types.js";
import type { KnownModels } from "../fleet/known-models.js";
import type { Ledger } from "../ledger/ledger.js";
import type { UsageOutcome, UsageWriter } from "../ledger/usage-writer.js";
import type { Logger } from "../platform/logger.js";
import type { MicroUsd } from "../platform/micro-usd.js";
import type { ReceiptWriter } from "../receipts/receipt-writer.js";
import { billOf, type Charge, chargeOf, payLosers } from "./billing.js";
import { endedFacts } from "./ended-facts.js";
import { judge } from "./judge.js";
import type { RequestRecord } from "./request-record.js";
import type { RequestWatch } from "./request-watch.js";
import type { TokenCalibration } from "./token-calibration.js";
import { usageOf } from "./usage-of.js";

export interface SettleHooks {
  ended(result: UsageOutcome, durationMs: number): void;
  /** Counts tokens of a delivered answer. */
  tokens(kind: "prompt" | "completion", count: number): void;
}

export interface SettleDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly hooks: SettleHooks;
  readonly receipts: Pick<ReceiptWriter, "keep">;
  readonly usage: Pick<UsageWriter, "keep" | "refused">;
  readonly ledger: Pick<Ledger, "reserve">;
  readonly knownModels: Pick<KnownModels, "answered">;
  readonly calibration: Pick<TokenCalibration, "learn" | "estimate">;
  /** Absent = nobody follows requests. */
  readonly watch?: RequestWatch | undefined;
}

/**
 * Settles a request: judges its leases, counts its usage, keeps its receipts and has it paid. Called exactly once for
 * each record, when nothing of it runs any more.
 *
 * @returns resolves when it is paid; `undefined` if nothing is to be paid
 */
export function settle(
  deps: SettleDeps,
  record: RequestRecord,
  outcome: Outcome<SentAttempt>,
): Promise<void> | undefined {
  for (const choice of record.choices) {
    const unused = choice.takeSlot();
    if (unused !== undefined) giveBack(unused);
  }
  judge(record.attempts);
  // Before the token calibration learns from this request, so that the bill goes by what was known while it ran.
  const bill = billOf(record, outcome, deps.calibration);
  const charge = chargeOf(record, bill);
  if (charge !== undefined) record.charged(charge.all);
  if (outcome.type === "success") answered(deps, record, outcome, charge);
  deps.watch?.settled(record, outcome);
  const result = resultOf(outcome);
  const durationMs = deps.clock.now() - record.times.admittedAt;
  deps.hooks.ended(result, durationMs);
  deps.usage.keep(usageOf(record, outcome, result, { now: deps.clock.now(), wallTime: deps.clock.wallTime() }));
  deps.log.info(endedFacts(record, outcome, { result, durationMs }), "request ended");
  payLosers(deps.ledger, record);
  return record.payment?.settle(bill);
}

/** Counts a complete request: its tokens, with the prompt's once, and each of its answers. */
function answered(deps: SettleDeps, record: RequestRecord, { usage }: Success, charge: Charge | undefined): void {
  deps.hooks.tokens("prompt", usage.prompt_tokens);
  deps.hooks.tokens("completion", usage.completion_tokens);
  for (const { request, answer } of record.choices) {
    if (answer === undefined) continue;
    chosen(deps, record, { ...answer, id: request.id, cost: charge?.parts.get(answer.attempt.id) });
  }
}

/** One of the answers, with its own id and its share of what the consumer pays. */
interface Chosen extends Success<SentAttempt> {
  readonly id: RequestId;
  readonly cost: MicroUsd | undefined;
}

/** Takes from one answer what it shows: that its machine has the model, the true size of the prompt, the receipt. */
function chosen(deps: SettleDeps, record: RequestRecord, { id, attempt, usage, cost }: Chosen): void {
  const { receipts, knownModels, calibration } = deps;
  const { request } = record;
  knownModels.answered(attempt.link, attempt.model);
  // Pictures say nothing about tokens of text, and estimated counts nothing about true ones.
  if (!request.needs.vision && usage.estimated !== true) {
    const { model, promptTokens: raw } = request;
    calibration.learn({ model, provider: attempt.provider, raw, reported: usage.prompt_tokens });
  }
  const { receipt, clamped } = attempt.attempt;
  if (receipt === undefined) return;
  record.signedBy(id, receipt);
  const { id: providerId, proven } = attempt.link;
  if (proven === undefined) return;
  const { hash, signed, verifier } = proven.proof;
  const counted = clamped.length === 0 ? undefined : { usage, clamped: [...clamped] };
  const attestation = { hash, ...signed, identityKey: verifier.publicKey };
  receipts.keep(
    { requestId: id, account: record.caller.account, providerId, attestation, word: { counted, cost } },
    receipt,
  );
}

function resultOf(outcome: Outcome): UsageOutcome {
  if (outcome.type !== "failed") return outcome.type;
  return outcome.committed ? "in_band_error" : "failure";
}
