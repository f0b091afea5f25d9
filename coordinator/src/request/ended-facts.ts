import { describeFault, type Fault } from "@hearth/platform";
import type { SentAttempt } from "../dispatch/sent-attempt.js";
import type { Outcome } from "../dispatch/types.js";
import type { UsageOutcome } from "../ledger/usage-writer.js";
import type { HearthError } from "../platform/errors.js";
import { microUsdJson } from "../platform/micro-usd.js";
import type { RequestRecord } from "./request-record.js";

/** How a request ended, and how long after it had been admitted. */
export interface EndedHow {
  readonly result: UsageOutcome;
  readonly durationMs: number;
}

/** What the log says of a request that has ended: who, where, how long and how much, and nothing that was said. */
export function endedFacts(
  record: RequestRecord,
  outcome: Outcome<SentAttempt>,
  { result, durationMs }: EndedHow,
): Readonly<Record<string, unknown>> {
  const { request, caller, times, queuedMs, attempts, first } = record;
  const { winner, committedAt } = first;
  return {
    request: request.id,
    clientRequest: caller.clientId,
    result,
    model: winner?.model ?? request.model,
    provider: winner?.provider,
    account: caller.account,
    key: caller.principal.keyId,
    stream: request.stream,
    attempts: attempts.length,
    queuedMs: Math.round(queuedMs),
    firstContentMs: committedAt === undefined ? undefined : Math.round(committedAt - times.arrivedAt),
    durationMs: Math.round(durationMs),
    ...factsOf(outcome),
    ...costOf(record),
    ...wasted(record),
  };
}

function factsOf(outcome: Outcome): object {
  switch (outcome.type) {
    case "success":
      return { usage: outcome.usage };
    case "failed":
      return { code: outcome.error.code, status: outcome.error.details.status, fault: faultOf(outcome.error) };
    case "cancelled":
      return { reason: outcome.reason };
  }
}

function costOf({ cost }: RequestRecord): object {
  return cost === undefined ? {} : { costMicroUsd: microUsdJson(cost) };
}

/** Tokens that were generated for the request and thrown away, if any. */
function wasted({ attempts }: RequestRecord): object {
  const lost = attempts.filter(({ ending }) => ending?.end.type !== "completed");
  if (lost.length === 0) return {};
  let tokens = 0;
  for (const { ending } of lost) tokens += tokensOf(ending?.end);
  return { abandoned: { attempts: lost.length, tokens } };
}

function tokensOf(end: NonNullable<SentAttempt["ending"]>["end"] | undefined): number {
  switch (end?.type) {
    case "failed":
      return end.usage?.completion_tokens ?? 0;
    case "cancelled":
      return end.generatedTokens;
    default:
      return 0;
  }
}

/** Details for the log, of internal errors only. */
function faultOf(error: HearthError): Fault | undefined {
  return error.code === "internal" ? describeFault(error.cause) : undefined;
}
