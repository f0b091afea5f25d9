import { type ExpressionBuilder, sql } from "kysely";
import type { Tables } from "../schema/tables.js";
import type { UsageRow } from "../schema/usage-tables.js";
import {
  type RequestUsage,
  USAGE_PRUNE_BATCH,
  USAGE_UNITS,
  type UsagePage,
  type UsageRetention,
  type UsageUnit,
} from "../usage-store.js";
import { ManyRows } from "./many-rows.js";
import type { Trx } from "./operation.js";
import { matching } from "./usage-filter.js";
import { addTotals } from "./usage-totals.js";

const REQUESTS = new ManyRows((trx, rows: readonly UsageRow[]) =>
  trx
    .insertInto("request_usage")
    .values(rows)
    .onConflict((conflict) => conflict.doNothing())
    .returning("request_id"),
);

export async function putUsage(trx: Trx, usage: readonly RequestUsage[]): Promise<void> {
  const kept = await REQUESTS.insert(trx, usage.map(rowOf));
  const added = new Set(kept.map(({ request_id }) => request_id));
  // Whatever is given twice, in one batch too, counts once.
  await addTotals(
    trx,
    usage.filter(({ requestId }) => added.delete(requestId)),
  );
}

export async function listUsage(trx: Trx, page: UsagePage): Promise<readonly RequestUsage[]> {
  const { limit, after } = page;
  let query = trx.selectFrom("request_usage").selectAll().where(matching(page));
  if (after !== undefined) {
    const last = trx
      .selectFrom("request_usage as u")
      .select(["u.at_ms", "u.request_id"])
      .where("u.request_id", "=", after);
    query = query.where(sql<boolean>`(at_ms, request_id) < ${last}`);
  }
  const rows = await query.orderBy("at_ms", "desc").orderBy("request_id", "desc").limit(limit).execute();
  return rows.map(usageOf);
}

export async function pruneUsage(trx: Trx, before: UsageRetention): Promise<number> {
  const gone = [await forgetRequests(trx, (eb) => eb("at_ms", "<", before.requests))];
  for (const unit of Object.keys(USAGE_UNITS) as UsageUnit[]) {
    gone.push(await forgetTotals(trx, (eb) => eb.and([eb("unit", "=", unit), eb("start_ms", "<", before[unit])])));
  }
  return Math.max(...gone);
}

export async function forgetUsage(trx: Trx, account: string): Promise<number> {
  const requests = await forgetRequests(trx, (eb) => eb("account", "=", account));
  return Math.max(requests, await forgetTotals(trx, (eb) => eb("account", "=", account)));
}

type Which<T extends keyof Tables> = (
  eb: ExpressionBuilder<Tables, T>,
) => ReturnType<ExpressionBuilder<Tables, T>["and"]>;

async function forgetRequests(trx: Trx, which: Which<"request_usage">): Promise<number> {
  const { numDeletedRows } = await trx
    .deleteFrom("request_usage")
    .where("request_id", "in", (from) =>
      from.selectFrom("request_usage").select("request_id").where(which).limit(USAGE_PRUNE_BATCH),
    )
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}

async function forgetTotals(trx: Trx, which: Which<"usage_totals">): Promise<number> {
  const { numDeletedRows } = await trx
    .deleteFrom("usage_totals")
    .where("id", "in", (from) => from.selectFrom("usage_totals").select("id").where(which).limit(USAGE_PRUNE_BATCH))
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}

function rowOf(usage: RequestUsage): UsageRow {
  return {
    request_id: usage.requestId,
    at_ms: usage.atMs,
    account: usage.account,
    key_id: usage.keyId,
    model_asked: usage.modelAsked,
    model: usage.model,
    provider_id: usage.providerId,
    outcome: usage.outcome === "refused" ? "failure" : usage.outcome,
    prompt_tokens: usage.promptTokens,
    cached_tokens: usage.cachedTokens,
    completion_tokens: usage.completionTokens,
    estimated: usage.estimated ? 1 : 0,
    cost_micro_usd: usage.costMicroUsd,
    duration_ms: usage.durationMs,
    first_content_ms: usage.firstContentMs ?? null,
    facts: usage.facts,
    dialect: usage.dialect,
    endpoint: usage.endpoint,
    end_user: usage.endUser,
    tags: JSON.stringify(usage.tags),
    refused: usage.outcome === "refused" ? usage.requests : 0,
  };
}

function usageOf(row: UsageRow): RequestUsage {
  return {
    requestId: row.request_id,
    atMs: row.at_ms,
    account: row.account,
    keyId: row.key_id,
    modelAsked: row.model_asked,
    model: row.model,
    providerId: row.provider_id,
    outcome: row.refused > 0 ? "refused" : row.outcome,
    requests: Math.max(1, row.refused),
    dialect: row.dialect,
    endpoint: row.endpoint,
    endUser: row.end_user,
    tags: JSON.parse(row.tags) as Record<string, string>,
    promptTokens: row.prompt_tokens,
    cachedTokens: row.cached_tokens,
    completionTokens: row.completion_tokens,
    estimated: row.estimated === 1,
    costMicroUsd: row.cost_micro_usd,
    durationMs: row.duration_ms,
    firstContentMs: row.first_content_ms ?? undefined,
    facts: row.facts,
  };
}
