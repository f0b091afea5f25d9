import { sql } from "kysely";
import type { UsageTotalsRow } from "../schema/usage-tables.js";
import {
  type RequestUsage,
  type TotalsQuery,
  USAGE_UNITS,
  type UsageDimension,
  type UsageTotals,
  type UsageUnit,
} from "../usage-store.js";
import { inserts, type Trx } from "./operation.js";

/** The columns that are sums. */
const SUMS = [
  "requests",
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

const COLUMNS: Readonly<Record<UsageDimension, "account" | "key_id" | "model" | "provider_id">> = {
  account: "account",
  key: "key_id",
  model: "model",
  provider: "provider_id",
};

/** Adds requests to the totals of their minute, hour and day. */
export async function addTotals(trx: Trx, usage: readonly RequestUsage[]): Promise<void> {
  const totals = new Map<string, UsageTotalsRow>();
  for (const each of usage) for (const unit of Object.keys(USAGE_UNITS) as UsageUnit[]) add(totals, unit, each);
  // In one order for everybody: two coordinators that add to the same rows do not wait for each other in a circle.
  const rows = [...totals.values()].sort(({ id: a }, { id: b }) => (a < b ? -1 : 1));
  for (const group of inserts(rows)) {
    await trx
      .insertInto("usage_totals")
      .values(group)
      .onConflict((conflict) =>
        conflict
          .column("id")
          .doUpdateSet(
            Object.fromEntries(
              SUMS.map((sum) => [sum, sql<number>`${sql.ref(`usage_totals.${sum}`)} + ${sql.ref(`excluded.${sum}`)}`]),
            ),
          ),
      )
      .execute();
  }
}

function add(totals: Map<string, UsageTotalsRow>, unit: UsageUnit, usage: RequestUsage): void {
  const { account, keyId, model, providerId } = usage;
  const start = usage.atMs - (usage.atMs % USAGE_UNITS[unit]);
  const id = JSON.stringify([unit, start, account, keyId, model, providerId]);
  const sums = sumsOf(usage);
  const known = totals.get(id);
  const named = { id, unit, start_ms: start, account, key_id: keyId, model, provider_id: providerId };
  const both = known === undefined ? sums : sumOf(known, sums);
  totals.set(id, { ...named, ...both });
}

function sumsOf(usage: RequestUsage): Sums {
  const { outcome, firstContentMs } = usage;
  return {
    requests: 1,
    failed: outcome === "failure" || outcome === "in_band_error" ? 1 : 0,
    cancelled: outcome === "cancelled" ? 1 : 0,
    prompt_tokens: usage.promptTokens,
    cached_tokens: usage.cachedTokens,
    completion_tokens: usage.completionTokens,
    cost_micro_usd: usage.costMicroUsd,
    duration_ms: usage.durationMs,
    answered: firstContentMs === undefined ? 0 : 1,
    first_content_ms: firstContentMs ?? 0,
  };
}

function sumOf(a: Sums, b: Sums): Sums {
  return Object.fromEntries(SUMS.map((sum) => [sum, a[sum] + b[sum]])) as Sums;
}

export async function usageTotals(trx: Trx, query: TotalsQuery): Promise<readonly UsageTotals[]> {
  const { unit, by, fromMs, toMs, account, keyId, model, providerId, limit } = query;
  const columns = by.map((dimension) => COLUMNS[dimension]);
  const rows = await trx
    .selectFrom("usage_totals")
    .select(["start_ms", ...columns])
    .select(SUMS.map((sum) => sql<number>`CAST(SUM(${sql.ref(sum)}) AS BIGINT)`.as(sum)))
    .where("unit", "=", unit)
    .where("start_ms", ">=", fromMs)
    .where("start_ms", "<", toMs)
    .$if(account !== undefined, (each) => each.where("account", "=", account ?? ""))
    .$if(keyId !== undefined, (each) => each.where("key_id", "=", keyId ?? ""))
    .$if(model !== undefined, (each) => each.where("model", "=", model ?? ""))
    .$if(providerId !== undefined, (each) => each.where("provider_id", "=", providerId ?? ""))
    .groupBy(["start_ms", ...columns])
    .orderBy("start_ms")
    .$call((each) => columns.reduce((sorted, column) => sorted.orderBy(column), each))
    .limit(limit)
    .execute();
  return rows.map((row) => totalsOf(row as Partial<UsageTotalsRow> & Sums & { start_ms: number }, by));
}

function totalsOf(
  row: Partial<UsageTotalsRow> & Sums & { start_ms: number },
  by: readonly UsageDimension[],
): UsageTotals {
  const named = Object.fromEntries(by.map((dimension) => [dimension, row[COLUMNS[dimension]] ?? ""]));
  return {
    ...named,
    startMs: row.start_ms,
    requests: row.requests,
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
