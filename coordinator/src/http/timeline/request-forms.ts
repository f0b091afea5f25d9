import { z } from "zod";
import { named } from "../../api/named-schemas.js";
import { type MicroUsd, microUsdJson } from "../../platform/micro-usd.js";
import {
  type AttemptFacts,
  type DispatchFacts,
  TIMELINE_OUTCOMES,
  type Timeline,
} from "../../timeline/request-facts.js";
import { notTried, reasonOf } from "../../timeline/words.js";
import { pageSchema } from "../paged-list.js";
import { describeTerms, fine, termsSchema } from "./score-terms.js";

const name = z.string().min(1).max(256);

export const ownRequestsQuerySchema = pageSchema.omit({ account: true }).extend({
  model: name.optional().meta({ description: "As the request named it, or the build that answered." }),
  outcome: z.enum(TIMELINE_OUTCOMES).optional(),
});

export const requestsQuerySchema = ownRequestsQuerySchema.extend({
  account: z.string().min(1).max(128).optional(),
  provider: name.optional().meta({ description: "That one of its attempts was on." }),
});

const ms = z.int().min(0);
const count = z.int().min(0);

const summarySchema = z.object({
  id: z.string(),
  object: z.literal("request"),
  client_request_id: z.string().nullable().meta({ description: "What its caller called it, by `X-Request-Id`." }),
  created_at: z.int().meta({ description: "Seconds since 1970." }),
  account: z.string(),
  key_id: z.string(),
  endpoint: z.string(),
  dialect: z.string(),
  model: z.string().meta({ description: "As it was asked for; empty = nobody could read that." }),
  build: z.string().nullable().meta({ description: "The model that answered." }),
  provider: z.string().nullable().meta({ description: "The machine that answered." }),
  outcome: z.enum(TIMELINE_OUTCOMES).meta({ description: "`refused`: before any machine was asked." }),
  code: z.string().nullable().meta({ description: "Of the error, or why it was called off." }),
  attempts: count,
  stream: z.boolean().nullable(),
  prompt_tokens: count,
  completion_tokens: count.meta({ description: "Of a request that runs: what is known to be written." }),
  cost_micro_usd: z.int().nullable(),
  ttft_ms: ms.nullable().meta({ description: "From its arrival to the first content that its consumer got." }),
  total_ms: ms,
  queued_ms: ms,
});

const attemptSchema = z.object({
  id: z.string(),
  provider: z.string(),
  model: z.string(),
  role: z.enum(["primary", "retry", "overtake", "backup"]).meta({
    description: "`retry`: in place of another. `overtake`: beside a slow one. `backup`: beside one, for speed.",
  }),
  started_ms: ms.meta({ description: "Times are from the request's arrival." }),
  route_ms: z.number(),
  first_content_ms: ms.nullable(),
  ended_ms: ms.nullable(),
  result: z.enum(["running", "success", "failed", "cancelled"]),
  code: z.string().nullable(),
  reason: z.string().nullable().meta({ description: "Why it gave no answer and what came next, in words." }),
  expected_ms: ms.meta({ description: "How long its first content was expected to take, from its start." }),
  estimate_ms: ms.meta({ description: "After so long without content another machine is looked for." }),
  prompt_tokens: count,
  completion_tokens: count,
  chosen: z
    .object({ total_ms: z.number(), terms: termsSchema })
    .nullable()
    .meta({ description: "Why this machine: its score, for the operator alone." }),
});

const detailSchema = summarySchema.omit({ attempts: true }).extend({
  timings: z.object({
    parse_ms: z.number(),
    admit_ms: z.number(),
    queued_ms: z.number(),
    route_ms: z.number(),
    encrypt_ms: z.number(),
    dispatch_ms: z.number(),
  }),
  plan: z.array(z.string()).meta({ description: "The builds that its name stood for, best first." }),
  attempts: z.array(attemptSchema),
  not_tried: z
    .array(z.object({ model: z.string(), reason: z.string() }))
    .meta({ description: "Fallbacks that never ran, and why." }),
});

export const REQUEST_SUMMARY = named("RequestSummary", summarySchema);
export const REQUEST_DETAIL = named("RequestDetail", detailSchema);

const NEVER_ADMITTED: Pick<DispatchFacts, "attempts" | "promptTokens" | "completionTokens" | "queuedMs"> = {
  attempts: [],
  promptTokens: 0,
  completionTokens: 0,
  queuedMs: 0,
};

export function describeSummary(timeline: Timeline): z.infer<typeof summarySchema> {
  const { facts } = timeline;
  const { dispatch } = facts;
  const { attempts, promptTokens, completionTokens, queuedMs } = dispatch ?? NEVER_ADMITTED;
  return {
    id: timeline.id,
    object: "request",
    client_request_id: timeline.clientId ?? null,
    created_at: Math.floor(timeline.atMs / 1_000),
    account: timeline.account,
    key_id: timeline.keyId,
    endpoint: timeline.endpoint,
    dialect: timeline.dialect,
    model: facts.model,
    build: dispatch?.winner?.model ?? null,
    provider: dispatch?.winner?.provider ?? null,
    outcome: facts.outcome,
    code: facts.code ?? null,
    attempts: attempts.length,
    stream: facts.stream ?? null,
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    cost_micro_usd: costOf(dispatch?.cost),
    ttft_ms: dispatch?.firstContentMs ?? null,
    total_ms: facts.totalMs,
    queued_ms: queuedMs,
  };
}

const costOf = (cost: MicroUsd | undefined): number | null => (cost === undefined ? null : microUsdJson(cost));

/** @param audience consumers are not shown what speaks for and against other people's machines */
export function describeDetail(timeline: Timeline, audience: "Account" | "Operator"): object {
  const { facts } = timeline;
  const { dispatch } = facts;
  const first = dispatch?.attempts[0];
  const detail: z.infer<typeof detailSchema> = {
    ...describeSummary(timeline),
    timings: {
      parse_ms: (dispatch?.parseUs ?? 0) / 1_000,
      admit_ms: dispatch?.admitMs ?? 0,
      queued_ms: dispatch?.queuedMs ?? 0,
      route_ms: (first?.routeUs ?? 0) / 1_000,
      encrypt_ms: (first?.encryptUs ?? 0) / 1_000,
      dispatch_ms: (first?.dispatchUs ?? 0) / 1_000,
    },
    plan: [...(dispatch?.builds ?? [])],
    attempts: (dispatch?.attempts ?? []).map((each) => ({
      ...describeAttempt(each),
      reason: reasonOf(each, dispatch as DispatchFacts),
      chosen: audience === "Account" ? null : describeScore(each),
    })),
    not_tried: [...notTried(facts)],
  };
  return detail;
}

function describeAttempt(attempt: AttemptFacts): Omit<z.infer<typeof attemptSchema>, "reason" | "chosen"> {
  const { result } = attempt;
  return {
    id: attempt.id,
    provider: attempt.provider,
    model: attempt.model,
    role: attempt.role,
    started_ms: attempt.startedMs,
    route_ms: attempt.routeUs / 1_000,
    first_content_ms: attempt.firstContentMs ?? null,
    ended_ms: attempt.endedMs ?? null,
    result: result?.type ?? "running",
    code: codeOf(result),
    expected_ms: attempt.expectedMs,
    estimate_ms: attempt.estimateMs,
    prompt_tokens: result !== undefined && result.type !== "cancelled" ? result.promptTokens : 0,
    completion_tokens: result?.completionTokens ?? 0,
  };
}

function codeOf(result: AttemptFacts["result"]): string | null {
  switch (result?.type) {
    case "failed":
      return result.code;
    case "cancelled":
      return result.reason;
    case "success":
    case undefined:
      return null;
  }
}

const describeScore = ({
  score: { total, terms },
}: AttemptFacts): { total_ms: number; terms: z.infer<typeof termsSchema> } => ({
  total_ms: fine(total),
  terms: describeTerms(terms),
});
