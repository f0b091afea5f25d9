import { ContentTimes } from "../dispatch/content-times.js";
import type { SentAttempt } from "../dispatch/sent-attempt.js";
import type { Outcome } from "../dispatch/types.js";
import type { RequestUsage, UsageOutcome } from "../ledger/usage-writer.js";
import { endUserDigest } from "../platform/end-user.js";
import { microUsdJson } from "../platform/micro-usd.js";
import type { Caller } from "./classify.js";
import type { InferenceRequest } from "./inference-request.js";
import type { RequestRecord } from "./request-record.js";

/** When a request ended: on the coordinator's clock, and by the calendar, ms. */
export interface EndTimes {
  readonly now: number;
  readonly wallTime: number;
}

/** What is kept of a request that has ended: numbers and names, nothing that was asked or answered. */
export function usageOf(
  record: RequestRecord,
  outcome: Outcome<SentAttempt>,
  result: UsageOutcome,
  { now, wallTime }: EndTimes,
): RequestUsage {
  const { request, caller, entrance, times, first, choices, cost } = record;
  const usage = outcome.type === "success" ? outcome.usage : undefined;
  const { winner } = first;
  const firstContentAt = Math.min(...choices.map(({ committedAt = Number.POSITIVE_INFINITY }) => committedAt));
  return {
    requestId: request.id,
    atMs: Math.round(wallTime - (now - times.arrivedAt)),
    account: caller.account,
    keyId: caller.principal.keyId,
    modelAsked: request.model,
    model: winner?.model ?? "",
    providerId: winner?.provider ?? "",
    outcome: result,
    requests: 1,
    ...entrance,
    endUser: endUserOf(caller, request),
    tags: caller.principal.tags,
    promptTokens: usage?.prompt_tokens ?? 0,
    cachedTokens: usage?.cached_tokens ?? 0,
    completionTokens: usage?.completion_tokens ?? 0,
    estimated: usage?.estimated === true,
    costMicroUsd: cost === undefined ? 0 : microUsdJson(cost),
    durationMs: Math.round(now - times.arrivedAt),
    firstContentMs: Number.isFinite(firstContentAt) ? Math.round(firstContentAt - times.arrivedAt) : undefined,
    facts: JSON.stringify(factsOf(record, outcome)),
  };
}

/** What is kept of whom it is for; empty = it does not say. */
export function endUserOf({ account }: Pick<Caller, "account">, request: InferenceRequest | undefined): string {
  return request?.endUser === undefined ? "" : endUserDigest(account, request.endUser);
}

/** What is only shown, never asked for. JSON leaves out what is `undefined`. */
function factsOf({ request, traits, queuedMs, choices, attempts }: RequestRecord, outcome: Outcome): object {
  return {
    stream: request.stream,
    shape: traits.shape,
    messages: request.messageCount,
    choices: choices.length > 1 ? choices.length : undefined,
    queued_ms: Math.round(queuedMs),
    stop: choices[0]?.winner?.attempt.progress.stopReason,
    code: outcome.type === "failed" ? outcome.error.code : undefined,
    reason: outcome.type === "cancelled" ? outcome.reason : undefined,
    chunks: chunksOf(choices),
    attempts: attempts.map(attemptOf),
  };
}

/** When the content came of which the consumer was given answers. */
function chunksOf(choices: RequestRecord["choices"]): object | undefined {
  const summary = ContentTimes.summary(choices.flatMap(({ winner }) => winner?.attempt.progress.contentTimes ?? []));
  if (summary === undefined) return undefined;
  const { count, ms, p50GapMs, maxGapMs } = summary;
  return { count, ms, p50_gap_ms: p50GapMs, max_gap_ms: maxGapMs };
}

function attemptOf({ provider, model, role, attempt, ending }: SentAttempt): object {
  if (ending === undefined) return { provider, model, role };
  const { end, at } = ending;
  const failure = end.type === "failed" ? end.failure : undefined;
  const cancel = end.type === "cancelled" ? end : undefined;
  return {
    provider,
    model,
    role,
    ms: Math.round(at - attempt.startedAt),
    end: end.type,
    code: failure?.code,
    status: failure?.status,
    reason: cancel?.reason,
    generated_tokens: cancel?.generatedTokens,
  };
}
