import { z } from "zod";
import { checkBody } from "../../api/check-body.js";
import {
  type RequestUsage,
  USAGE_DIMENSIONS,
  USAGE_UNITS,
  type UsageDimension,
  type UsageTotals,
  type UsageUnit,
} from "../../store/usage-store.js";

const MAX_ROWS = 1_000;
/** Stretches that are asked about where the query does not say since when. */
const DEFAULT_STRETCHES: Readonly<Record<UsageUnit, number>> = { minute: 60, hour: 48, day: 31 };

const name = z.string().min(1).max(256);
const seconds = z.coerce.number().int().min(0).max(253_402_300_799).meta({ description: "Seconds since 1970." });
const format = z.enum(["json", "csv"]).default("json");

const filter = {
  account: z.string().min(1).max(128).optional(),
  key: name.optional(),
  model: name.optional(),
  provider: name.optional(),
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
  }>;
}

type Query = Readonly<Record<string, string>>;

/** @throws HearthError `invalid_request` that names the member */
export function readUsageQuery(query: Query): Asked & { readonly after: string | undefined } {
  const { limit, after, ...rest } = checkBody(usageQuerySchema, query);
  return { format: rest.format, limit, after, filter: filterOf(rest, 0) };
}

const UNITS: Readonly<Record<"1m" | "1h" | "1d", UsageUnit>> = { "1m": "minute", "1h": "hour", "1d": "day" };

/** @throws HearthError `invalid_request` that names the member */
export function readTotalsQuery(
  query: Query,
  nowMs: number,
): Asked & { readonly unit: UsageUnit; readonly by: readonly UsageDimension[] } {
  const { bucket_width: width, group_by, limit, ...rest } = checkBody(totalsQuerySchema, query);
  const unit = UNITS[width];
  const { group_by: by } = checkBody(groupSchema, { group_by: group_by === "" ? [] : group_by.split(",") });
  const stretchMs = USAGE_UNITS[unit];
  const sinceMs = nowMs - (nowMs % stretchMs) - (DEFAULT_STRETCHES[unit] - 1) * stretchMs;
  return { unit, by: [...new Set(by)], format: rest.format, limit, filter: filterOf(rest, sinceMs) };
}

const groupSchema = z.object({ group_by: z.array(z.enum(USAGE_DIMENSIONS)) });

function filterOf(
  { account, key, model, provider, start_time, end_time }: z.infer<z.ZodObject<typeof filter>>,
  sinceMs: number,
): Asked["filter"] {
  return {
    account,
    keyId: key,
    model,
    providerId: provider,
    fromMs: start_time === undefined ? Math.max(0, sinceMs) : start_time * 1000,
    toMs: end_time === undefined ? Number.MAX_SAFE_INTEGER : end_time * 1000,
  };
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
  outcome: z.enum(["success", "failure", "in_band_error", "cancelled"]),
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
  requests: count,
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
  const { startMs, account, key, model, provider, requests, answered } = totals;
  return {
    object: "usage.bucket",
    start_time: startMs / 1000,
    end_time: (startMs + USAGE_UNITS[unit]) / 1000,
    ...(account === undefined ? {} : { account }),
    ...(key === undefined ? {} : { key }),
    ...(model === undefined ? {} : { model }),
    ...(provider === undefined ? {} : { provider }),
    requests,
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
