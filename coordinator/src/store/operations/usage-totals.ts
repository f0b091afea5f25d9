import { type SelectQueryBuilder, sql } from "kysely";
import type { Tables } from "../schema/tables.js";
import type { UsageTotalsRow } from "../schema/usage-tables.js";
import {
  isOfRequests,
  type RequestUsage,
  type SpentQuery,
  type TotalsQuery,
  USAGE_UNITS,
  type UsageDimension,
  type UsageTotals,
  type UsageUnit,
} from "../usage-store.js";
import { ManyRows } from "./many-rows.js";
import type { Trx } from "./operation.js";
import { matching } from "./usage-filter.js";

/** The columns that are sums. */
const SUMS = [
  "requests",
  "refused",
  "failed",
  "cancelled",
  "prompt_tokens",
  "cached_tokens",
  "completion_tokens",
  "cost_micro_usd",
  "duration_ms",
  "answered",
  "first_content_ms",
] as const;

type Sums = Record<(typeof SUMS)[number], number>;

const COLUMNS = {
  account: "account",
  key: "key_id",
  model: "model",
  provider: "provider_id",
  end_user: "end_user",
  dialect: "dialect",
  endpoint: "endpoint",
} as const satisfies Readonly<Record<UsageDimension, string>>;

const TOTALS = new ManyRows((trx, rows: readonly UsageTotalsRow[]) =>
  trx
    .insertInto("usage_totals")
    .values(rows)
    .onConflict((conflict) =>
      conflict
        .column("id")
        .doUpdateSet(
          Object.fromEntries(
            SUMS.map((sum) => [sum, sql<number>`${sql.ref(`usage_totals.${sum}`)} + ${sql.ref(`excluded.${sum}`)}`]),
          ),
        ),
    ),
);

/** Adds requests to the totals of their minute, hour and day. */
export async function addTotals(trx: Trx, usage: readonly RequestUsage[]): Promise<void> {
  const minutes = summed("minute", usage.map(totalOf));
  const units = Object.keys(USAGE_UNITS) as UsageUnit[];
  const rows = units.flatMap((unit) => summed(unit, minutes));
  // In one order for everybody: two coordinators that add to the same rows do not wait for each other in a circle.
  await TOTALS.insert(
    trx,
    rows.sort(({ id: a }, { id: b }) => (a < b ? -1 : 1)),
  );
}

/** Adds up what falls into the same stretch and has the same names. */
function summed(unit: UsageUnit, parts: readonly Total[]): readonly UsageTotalsRow[] {
  const totals = new Map<string, Total>();
  for (const part of parts) {
    const start = part.start_ms - (part.start_ms % USAGE_UNITS[unit]);
    const id = JSON.stringify([unit, start, part.account, part.key_id, part.model, part.provider_id]);
    const known = totals.get(id);
    if (known === undefined) totals.set(id, { ...part, start_ms: start });
    else for (const sum of SUMS) known[sum] += part[sum];
  }
  return [...totals].map(([id, total]) => ({ ...total, id, unit }));
}

/** What is added up, and where it belongs. */
type Total = Omit<UsageTotalsRow, "id" | "unit" | keyof Sums> & Sums;

function totalOf(usage: RequestUsage): Total {
  const { outcome, firstContentMs } = usage;
  const isRefused = outcome === "refused";
  return {
    start_ms: usage.atMs,
    account: usage.account,
    key_id: usage.keyId,
    model: usage.model,
    provider_id: usage.providerId,
    requests: isRefused ? 0 : 1,
    refused: isRefused ? usage.requests : 0,
    failed: outcome === "failure" || outcome === "in_band_error" ? 1 : 0,
    cancelled: outcome === "cancelled" ? 1 : 0,
    prompt_tokens: usage.promptTokens,
    cached_tokens: usage.cachedTokens,
    completion_tokens: usage.completionTokens,
    cost_micro_usd: usage.costMicroUsd,
    // How long a refusal took says nothing of how long answers take.
    duration_ms: isRefused ? 0 : usage.durationMs,
    answered: firstContentMs === undefined ? 0 : 1,
    first_content_ms: firstContentMs ?? 0,
  };
}

export async function usageTotals(trx: Trx, query: TotalsQuery): Promise<readonly UsageTotals[]> {
  const { by, limit } = query;
  const columns = by.map((dimension) => COLUMNS[dimension]);
  const source = isOfRequests(query) ? ofRequests(trx, query) : ofTotals(trx, query);
  const rows = await trx
    .selectFrom(source.as("t"))
    .select(["start_ms", ...columns])
    .select(SUMS.map((sum) => sql<number>`CAST(SUM(${sql.ref(sum)}) AS BIGINT)`.as(sum)))
    .groupBy(["start_ms", ...columns])
    .orderBy("start_ms")
    .$call((each) => columns.reduce((sorted, column) => sorted.orderBy(column), each))
    .limit(limit)
    .execute();
  return rows.map((row) => totalsOf(row as GroupedRow, by));
}

type Source = SelectQueryBuilder<
  Tables,
  never,
  Sums & { readonly start_ms: number } & Readonly<Record<(typeof COLUMNS)[UsageDimension], string>>
>;

/** Of the days of a key, those that begin then or later. */
export async function spentOf(trx: Trx, { account, keyId, sinceMs }: SpentQuery): Promise<readonly number[]> {
  const since = (ms: number) => sql`COALESCE(SUM(CASE WHEN start_ms >= ${ms} THEN cost_micro_usd ELSE 0 END), 0)`;
  const row: Readonly<Record<string, number>> = await trx
    .selectFrom("usage_totals")
    .select(sinceMs.map((ms, n) => sql<number>`CAST(${since(ms)} AS BIGINT)`.as(`since_${n}`)))
    .where("account", "=", account)
    .where("unit", "=", "day")
    .where("key_id", "=", keyId)
    .executeTakeFirstOrThrow();
  return sinceMs.map((_, n) => row[`since_${n}`] ?? 0);
}

/** What is kept in totals already, of which nobody asks for more than they know. */
function ofTotals(trx: Trx, { unit, fromMs, toMs, account, keyId, model, providerId }: TotalsQuery): Source {
  const unknown = (["end_user", "dialect", "endpoint"] as const).map((name) => sql<string>`''`.as(name));
  return trx
    .selectFrom("usage_totals")
    .select(["start_ms", "account", "key_id", "model", "provider_id", ...SUMS])
    .select(unknown)
    .where("unit", "=", unit)
    .where("start_ms", ">=", fromMs)
    .where("start_ms", "<", toMs)
    .$if(account !== undefined, (each) => each.where("account", "=", account ?? ""))
    .$if(keyId !== undefined, (each) => each.where("key_id", "=", keyId ?? ""))
    .$if(model !== undefined, (each) => each.where("model", "=", model ?? ""))
    .$if(providerId !== undefined, (each) => each.where("provider_id", "=", providerId ?? ""));
}

/** Each request as if it were a total, of the same stretches. */
function ofRequests(trx: Trx, query: TotalsQuery): Source {
  const stretchMs = USAGE_UNITS[query.unit];
  const startOf = (ms: number): number => Math.min(Number.MAX_SAFE_INTEGER, Math.ceil(ms / stretchMs) * stretchMs);
  const when = (condition: ReturnType<typeof sql>, value = sql`1`) =>
    sql<number>`CASE WHEN ${condition} THEN ${value} ELSE 0 END`;
  const isAsked = sql`refused = 0`;
  return trx
    .selectFrom("request_usage")
    .select(["account", "key_id", "model", "provider_id", "end_user", "dialect", "endpoint"])
    .select(["refused", "prompt_tokens", "cached_tokens", "completion_tokens", "cost_micro_usd"])
    .select([
      sql<number>`at_ms - at_ms % ${sql.lit(stretchMs)}`.as("start_ms"),
      when(isAsked).as("requests"),
      when(sql`refused = 0 AND outcome IN ('failure', 'in_band_error')`).as("failed"),
      when(sql`outcome = 'cancelled'`).as("cancelled"),
      when(isAsked, sql`duration_ms`).as("duration_ms"),
      when(sql`first_content_ms IS NOT NULL`).as("answered"),
      sql<number>`COALESCE(first_content_ms, 0)`.as("first_content_ms"),
    ])
    .where(matching({ ...query, fromMs: startOf(query.fromMs), toMs: startOf(query.toMs) }));
}

type GroupedRow = Sums & { readonly start_ms: number } & Readonly<
    Partial<Record<(typeof COLUMNS)[UsageDimension], string>>
  >;

function totalsOf(row: GroupedRow, by: readonly UsageDimension[]): UsageTotals {
  const named = Object.fromEntries(by.map((dimension) => [dimension, row[COLUMNS[dimension]] ?? ""]));
  return {
    ...named,
    startMs: row.start_ms,
    requests: row.requests,
    refused: row.refused,
    failed: row.failed,
    cancelled: row.cancelled,
    promptTokens: row.prompt_tokens,
    cachedTokens: row.cached_tokens,
    completionTokens: row.completion_tokens,
    costMicroUsd: row.cost_micro_usd,
    durationMs: row.duration_ms,
    answered: row.answered,
    firstContentMs: row.first_content_ms,
  };
}
