import type { AttemptId, CancelReason, ProviderId, RequestId } from "@hearth/protocol";
import type { SentAttempt } from "../dispatch/sent-attempt.js";
import type { AttemptRole, FailureCode, Outcome } from "../dispatch/types.js";
import type { ErrorCode, HearthError } from "../platform/errors.js";
import type { MicroUsd } from "../platform/micro-usd.js";
import type { TraceContext } from "../platform/trace-context.js";
import type { RequestRecord } from "../request/request-record.js";
import type { Arrival } from "../request/request-watch.js";
import type { Score } from "../selection/score-terms.js";

export const TIMELINE_OUTCOMES = ["running", "success", "failed", "cancelled", "refused"] as const;
export type TimelineOutcome = (typeof TIMELINE_OUTCOMES)[number];

/** How an attempt ended; `undefined` = it runs. */
export type AttemptResult =
  | { readonly type: "success"; readonly promptTokens: number; readonly completionTokens: number }
  | {
      readonly type: "failed";
      readonly code: FailureCode;
      readonly status: number;
      /** Content had come that a consumer might have been shown. */
      readonly afterContent: boolean;
      readonly promptTokens: number;
      readonly completionTokens: number;
    }
  | {
      readonly type: "cancelled";
      readonly reason: CancelReason;
      /** Its machine had shown signs of life. */
      readonly moved: boolean;
      readonly completionTokens: number;
    };

/** One attempt of a request. Times are whole ms since the request arrived. */
export interface AttemptFacts {
  readonly id: AttemptId;
  readonly provider: ProviderId;
  readonly model: string;
  readonly role: AttemptRole;
  readonly startedMs: number;
  readonly routeUs: number;
  readonly encryptUs: number;
  readonly dispatchUs: number;
  readonly firstContentMs: number | undefined;
  readonly endedMs: number | undefined;
  readonly result: AttemptResult | undefined;
  /** When its first content was expected, and when another machine is looked for, ms from its start. */
  readonly expectedMs: number;
  readonly estimateMs: number;
  readonly score: Score;
}

/** Of an admitted request: where it could run, and what became of it there. */
export interface DispatchFacts {
  /** The builds that its name stood for. */
  readonly builds: readonly string[];
  readonly attempts: readonly AttemptFacts[];
  /** The build and the machine whose answer the consumer gets; `undefined` = nobody's yet. */
  readonly winner: SentWinner | undefined;
  readonly parseUs: number;
  /** From then until a slot was leased, with the time in the queue. */
  readonly admitMs: number;
  readonly queuedMs: number;
  readonly firstContentMs: number | undefined;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cost: MicroUsd | undefined;
  /** The consumer had a part of the answer when it ended. */
  readonly committed: boolean;
  /** Why the last attempt that was wanted in place of another found nobody, in words for the consumer. */
  readonly unplaced: string | undefined;
}

interface SentWinner {
  readonly provider: ProviderId;
  readonly model: string;
}

/** What is remembered of a request that is over: names, codes and numbers, nothing that was asked or answered. */
export interface RequestFacts {
  readonly outcome: TimelineOutcome;
  readonly code: ErrorCode | CancelReason | undefined;
  readonly model: string;
  readonly stream: boolean | undefined;
  readonly totalMs: number;
  /** `undefined` = it was not admitted. */
  readonly dispatch: DispatchFacts | undefined;
}

/** @param outcome `undefined` = it runs */
export function factsOf(record: RequestRecord, outcome: Outcome<SentAttempt> | undefined, now: number): RequestFacts {
  return {
    outcome: outcome?.type ?? "running",
    code: outcome === undefined ? undefined : codeOf(outcome),
    model: record.request.model,
    stream: record.request.stream,
    totalMs: Math.round(now - record.times.arrivedAt),
    dispatch: dispatchOf(record, outcome),
  };
}

/** @param error `undefined` = it still waits for its admission */
export function factsBefore(
  { progress, arrivedAt }: Arrival,
  error: HearthError | undefined,
  now: number,
): RequestFacts {
  const { request } = progress;
  return {
    outcome: error === undefined ? "running" : error.code === "cancelled" ? "cancelled" : "refused",
    code: error?.code,
    model: request?.model ?? "",
    stream: request?.stream,
    totalMs: Math.round(now - arrivedAt),
    dispatch: undefined,
  };
}

/** Whole numbers take no memory of their own, and thousands of these are kept. */
const us = (ms: number): number => Math.round(ms * 1_000);

function codeOf(outcome: Outcome<SentAttempt>): RequestFacts["code"] {
  switch (outcome.type) {
    case "success":
      return undefined;
    case "failed":
      return outcome.error.code;
    case "cancelled":
      return outcome.reason;
  }
}

function dispatchOf(record: RequestRecord, outcome: Outcome<SentAttempt> | undefined): DispatchFacts {
  const { times, plan, choices, attempts, first } = record;
  const usage = outcome?.type === "success" ? outcome.usage : undefined;
  let firstContentAt = Number.POSITIVE_INFINITY;
  let unplaced: HearthError | undefined;
  for (const { committedAt, lastUnplaced } of choices) {
    if (committedAt !== undefined && committedAt < firstContentAt) firstContentAt = committedAt;
    unplaced ??= lastUnplaced;
  }
  const { winner } = first;
  return {
    builds: plan.builds,
    attempts: attempts.map((sent) => attemptOf(sent, times.arrivedAt)),
    winner: winner === undefined ? undefined : { provider: winner.provider, model: winner.model },
    parseUs: us(times.parsedAt - times.arrivedAt),
    admitMs: Math.round(times.admittedAt - times.parsedAt),
    queuedMs: Math.round(record.queuedMs),
    firstContentMs:
      firstContentAt === Number.POSITIVE_INFINITY ? undefined : Math.round(firstContentAt - times.arrivedAt),
    promptTokens: usage?.prompt_tokens ?? 0,
    completionTokens: usage?.completion_tokens ?? record.writtenTokens,
    cost: record.cost,
    committed: outcome !== undefined && outcome.type !== "success" && outcome.committed,
    unplaced: unplaced?.message,
  };
}

function attemptOf(sent: SentAttempt, arrivedAt: number): AttemptFacts {
  const { attempt, ending, times, expectation } = sent;
  const firstAt = attempt.progress.contentTimes.firstAt;
  return {
    id: sent.id,
    provider: sent.provider,
    model: sent.model,
    role: sent.role,
    startedMs: Math.round(attempt.startedAt - arrivedAt),
    routeUs: us(times.routeMs),
    encryptUs: us(times.encryptMs),
    dispatchUs: us(times.dispatchMs),
    firstContentMs: firstAt === undefined ? undefined : Math.round(firstAt - arrivedAt),
    endedMs: ending === undefined ? undefined : Math.round(ending.at - arrivedAt),
    result: resultOf(ending),
    expectedMs: Math.round(expectation.expectedMs),
    estimateMs: Math.round(expectation.estimateMs),
    score: sent.score,
  };
}

function resultOf(ending: SentAttempt["ending"]): AttemptResult | undefined {
  if (ending === undefined) return undefined;
  const { end } = ending;
  switch (end.type) {
    case "completed":
      return {
        type: "success",
        promptTokens: end.usage.prompt_tokens,
        completionTokens: end.usage.completion_tokens,
      };
    case "failed":
      return {
        type: "failed",
        code: end.failure.code,
        status: end.failure.status,
        afterContent: end.afterContent,
        promptTokens: end.usage?.prompt_tokens ?? 0,
        completionTokens: end.usage?.completion_tokens ?? 0,
      };
    case "cancelled":
      return { type: "cancelled", reason: end.reason, moved: end.moved, completionTokens: end.generatedTokens };
  }
}

/** One request with the key that asked, as it is remembered. */
export interface Timeline {
  readonly id: RequestId;
  /** What its caller calls it; `undefined` = it does not say. */
  readonly clientId: string | undefined;
  /** When it arrived, wall-clock ms. */
  readonly atMs: number;
  readonly account: string;
  readonly keyId: string;
  readonly endpoint: string;
  readonly dialect: string;
  /** `undefined` = nobody traces it. */
  readonly trace: TraceContext | undefined;
  readonly facts: RequestFacts;
}
