import { z } from "zod";
import { checkBody } from "../../api/check-body.js";
import { ENDPOINTS } from "../../api/endpoints.js";
import { endUserDigest, isEndUserDigest } from "../../platform/end-user.js";
import { invalidMember } from "../../platform/errors.js";
import {
  isOfRequests,
  type RequestUsage,
  USAGE_DIMENSIONS,
  USAGE_OUTCOMES,
  USAGE_UNITS,
  type UsageDimension,
  type UsageFilter,
  type UsageTotals,
  type UsageUnit,
} from "../../store/usage-store.js";
import { querySeconds } from "../query-time.js";

const MAX_ROWS = 1_000;
/** Stretches that are asked about where the query does not say since when. */
const DEFAULT_STRETCHES: Readonly<Record<UsageUnit, number>> = { minute: 60, hour: 48, day: 31 };

/** Of that time single requests are looked at, one by one, and others of the store wait for it. */
const MOST_DAYS = 31;
const MOST_OF_REQUESTS_MS = MOST_DAYS * USAGE_UNITS.day;

const name = z.string().min(1).max(256);
const seconds = querySeconds.meta({ description: "Seconds since 1970." });
const format = z.enum(["json", "csv"]).default("json");
const DIALECTS = new Set(ENDPOINTS.map(({ speaks }) => speaks));

const filter = {
  account: z.string().min(1).max(128).optional(),
  key: name.optional(),
  model: name.optional(),
  provider: name.optional(),
  end_user: z
    .string()
    .min(1)
    .optional()
    .meta({ description: "As the request named it, where it is asked of one account, or as records tell it." }),
  dialect: z.enum([...DIALECTS]).optional(),
  endpoint: name.optional().meta({ description: "Such as /v1/chat/completions." }),
  tag: z
    .string()
    .max(321)
    .regex(/^[^:]+:/, "expected NAME:VALUE")
    .optional()
    .meta({ description: "NAME:VALUE, of the key." }),
  start_time: seconds.optional(),
  /** Up to and without. */
  end_time: seconds.optional(),
  format,
};

export const usageQuerySchema = z.object({
  ...filter,
  limit: z.coerce.number().int().min(1).max(MAX_ROWS).default(100),
  after: z.string().min(1).max(128).optional(),
});

export const totalsQuerySchema = z.object({
  ...filter,
  bucket_width: z.enum(["1m", "1h", "1d"]).default("1d"),
  group_by: z
    .string()
    .max(64)
    .default("")
    .meta({ description: `Any of ${USAGE_DIMENSIONS.join(", ")}, separated by commas.` }),
  limit: z.coerce.number().int().min(1).max(MAX_ROWS).default(MAX_ROWS),
});

/** Which requests are asked about, as the store takes it. */
export interface Asked {
  readonly format: "json" | "csv";
  readonly limit: number;
  readonly filter: Readonly<{
    fromMs: number;
    toMs: number;
    account: string | undefined;
    keyId: string | undefined;
    model: string | undefined;
    providerId: string | undefined;
    endUser: string | undefined;
    dialect: string | undefined;
    endpoint: string | undefined;
    tag: UsageFilter["tag"];
  }>;
}

type Query = Readonly<Record<string, string>>;

/**
 * @param own whose usage is asked about, whatever the query says; `undefined` = as the query says
 * @throws HearthError `invalid_request` that names the member
 */
export function readUsageQuery(
  query: Query,
  own: string | undefined,
  nowMs: number,
): Asked & { readonly after: string | undefined } {
  const { limit, after, ...rest } = checkBody(usageQuerySchema, query);
  const asked = filterOf({ ...rest, account: own ?? rest.account }, 0);
  if (isFoundByIndex(asked)) return { format: rest.format, limit, after, filter: asked };
  const filter = { ...asked, fromMs: rest.start_time === undefined ? earliest(asked, nowMs) : asked.fromMs };
  requireFewDays(filter, nowMs);
  return { format: rest.format, limit, after, filter };
}

/** Whether the store finds the requests without looking at others. */
function isFoundByIndex({
  account,
  endUser,
  keyId,
  model,
  providerId,
  dialect,
  endpoint,
  tag,
}: Asked["filter"]): boolean {
  const others = [keyId, model, providerId, dialect, endpoint, tag];
  return others.every((each) => each === undefined) && (endUser === undefined || account !== undefined);
}

const earliest = ({ toMs }: Asked["filter"], nowMs: number): number =>
  Math.max(0, Math.min(toMs, nowMs) - MOST_OF_REQUESTS_MS);

/** @throws HearthError for more time than may be looked through */
function requireFewDays(filter: Asked["filter"], nowMs: number): void {
  if (filter.fromMs >= earliest(filter, nowMs)) return;
  throw invalidMember(
    "start_time",
    `requests are looked through for this, so at most ${MOST_DAYS} days may be asked for at once`,
  );
}

const UNITS: Readonly<Record<"1m" | "1h" | "1d", UsageUnit>> = { "1m": "minute", "1h": "hour", "1d": "day" };

/**
 * @param own as for `readUsageQuery`
 * @throws HearthError `invalid_request` that names the member
 */
export function readTotalsQuery(
  query: Query,
  own: string | undefined,
  nowMs: number,
): Asked & { readonly unit: UsageUnit; readonly by: readonly UsageDimension[] } {
  const { bucket_width: width, group_by, limit, ...rest } = checkBody(totalsQuerySchema, query);
  const unit = UNITS[width];
  const { group_by: by } = checkBody(groupSchema, { group_by: group_by === "" ? [] : group_by.split(",") });
  const stretchMs = USAGE_UNITS[unit];
  const sinceMs = nowMs - (nowMs % stretchMs) - (DEFAULT_STRETCHES[unit] - 1) * stretchMs;
  const filter = filterOf({ ...rest, account: own ?? rest.account }, sinceMs);
  if (isOfRequests({ ...filter, by })) requireFewDays(filter, nowMs);
  return { unit, by: [...new Set(by)], format: rest.format, limit, filter };
}

const groupSchema = z.object({ group_by: z.array(z.enum(USAGE_DIMENSIONS)) });

function filterOf(
  {
    account,
    key,
    model,
    provider,
    start_time,
    end_time,
    end_user,
    dialect,
    endpoint,
    tag,
  }: z.infer<z.ZodObject<typeof filter>>,
  sinceMs: number,
): Asked["filter"] {
  return {
    account,
    keyId: key,
    model,
    providerId: provider,
    endUser: end_user === undefined ? undefined : endUserAsked(account, end_user),
    dialect,
    endpoint,
    tag: tag === undefined ? undefined : tagAsked(tag),
    fromMs: start_time === undefined ? Math.max(0, sinceMs) : start_time * 1000,
    toMs: end_time === undefined ? Number.MAX_SAFE_INTEGER : end_time * 1000,
  };
}

/** Names are known within an account only: who asks about all of them asks by what records tell. */
function endUserAsked(account: string | undefined, asked: string): string {
  if (isEndUserDigest(asked)) return asked;
  if (account !== undefined) return endUserDigest(account, asked);
  throw invalidMember("end_user", "a name needs an account beside it");
}

/** A name ends at the first colon. */
function tagAsked(tag: string): UsageFilter["tag"] {
  const end = tag.indexOf(":");
  return { name: tag.slice(0, end), value: tag.slice(end + 1) };
}

const time = z.int().meta({ description: "Seconds since 1970." });
const count = z.int().min(0);

/** One request, as its account and the operator see it. */
export const requestUsageSchema = z.object({
  id: z.string(),
  object: z.literal("request.usage"),
  created_at: time,
  account: z.string(),
  key: z.string(),
  model: z.string(),
  served_model: z.string().nullable(),
  provider: z.string().nullable(),
  outcome: z.enum(USAGE_OUTCOMES),
  requests: count.meta({ description: "That it tells of: 1 but where several were refused." }),
  dialect: z.string().nullable().meta({ description: "`null` = of before this was kept." }),
  endpoint: z.string().nullable(),
  end_user: z.string().nullable().meta({ description: "A digest: docs/accounts.md says of what." }),
  tags: z.record(z.string(), z.string()).meta({ description: "Of the key." }),
  prompt_tokens: count,
  cached_tokens: count,
  completion_tokens: count,
  estimated: z.boolean(),
  cost_micro_usd: count,
  duration_ms: count,
  first_content_ms: count.nullable(),
  details: z.record(z.string(), z.unknown()),
});

export function describeUsage(usage: RequestUsage): z.infer<typeof requestUsageSchema> {
  return {
    id: usage.requestId,
    object: "request.usage",
    created_at: Math.floor(usage.atMs / 1000),
    account: usage.account,
    key: usage.keyId,
    model: usage.modelAsked,
    served_model: usage.model || null,
    provider: usage.providerId || null,
    outcome: usage.outcome,
    requests: usage.requests,
    dialect: usage.dialect || null,
    endpoint: usage.endpoint || null,
    end_user: usage.endUser || null,
    tags: { ...usage.tags },
    prompt_tokens: usage.promptTokens,
    cached_tokens: usage.cachedTokens,
    completion_tokens: usage.completionTokens,
    estimated: usage.estimated,
    cost_micro_usd: usage.costMicroUsd,
    duration_ms: usage.durationMs,
    first_content_ms: usage.firstContentMs ?? null,
    details: JSON.parse(usage.facts) as Record<string, unknown>,
  };
}

/** The sums of one stretch of time. */
export const usageTotalsSchema = z.object({
  object: z.literal("usage.bucket"),
  start_time: time,
  end_time: time,
  account: z.string().optional(),
  key: z.string().optional(),
  model: z.string().optional(),
  provider: z.string().optional(),
  end_user: z.string().optional(),
  dialect: z.string().optional(),
  endpoint: z.string().optional(),
  requests: count.meta({ description: "Those that were not refused." }),
  refused: count,
  failed: count,
  cancelled: count,
  prompt_tokens: count,
  cached_tokens: count,
  completion_tokens: count,
  cost_micro_usd: count,
  average_duration_ms: z.number().nullable(),
  average_first_content_ms: z.number().nullable(),
});

export function describeTotals(totals: UsageTotals, unit: UsageUnit): z.infer<typeof usageTotalsSchema> {
  const { startMs, requests, answered } = totals;
  const named = USAGE_DIMENSIONS.filter((dimension) => totals[dimension] !== undefined);
  return {
    object: "usage.bucket",
    start_time: startMs / 1000,
    end_time: (startMs + USAGE_UNITS[unit]) / 1000,
    ...Object.fromEntries(named.map((dimension) => [dimension, totals[dimension]])),
    requests,
    refused: totals.refused,
    failed: totals.failed,
    cancelled: totals.cancelled,
    prompt_tokens: totals.promptTokens,
    cached_tokens: totals.cachedTokens,
    completion_tokens: totals.completionTokens,
    cost_micro_usd: totals.costMicroUsd,
    average_duration_ms: average(totals.durationMs, requests),
    average_first_content_ms: average(totals.firstContentMs, answered),
  };
}

const average = (sum: number, n: number): number | null => (n === 0 ? null : Math.round(sum / n));
