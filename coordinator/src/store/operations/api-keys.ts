import {
  type ApiKey,
  type FoundKey,
  KEY_PRUNE_BATCH,
  type KeyChanges,
  type NewApiKey,
  type NewSecret,
  type Scope,
} from "../account-store.js";
import type { Page } from "../enrolment-store.js";
import type { ApiKeyRow } from "../schema/tables.js";
import { findAccount } from "./accounts.js";
import type { Trx } from "./operation.js";
import { readPage } from "./page.js";

export interface AddKey {
  readonly key: NewApiKey;
  readonly maxPerAccount: number;
}

export async function addKey(
  trx: Trx,
  { key, maxPerAccount }: AddKey,
): Promise<"added" | "exists" | "no_account" | "account_full"> {
  if ((await findAccount(trx, key.account)) === undefined) return "no_account";
  if ((await rowByDigest(trx, key.digest)) !== undefined) return "exists";
  const { n } = await trx
    .selectFrom("api_keys")
    .select(({ fn }) => fn.countAll<number>().as("n"))
    .where("account", "=", key.account)
    .where("revoked_at_ms", "is", null)
    .executeTakeFirstOrThrow();
  if (n >= maxPerAccount) return "account_full";
  const whole = { ...key, oldDigest: undefined, oldEndsAtMs: undefined, revokedAtMs: undefined };
  await trx.insertInto("api_keys").values(rowOf(whole)).execute();
  return "added";
}

export async function findKeyByDigest(trx: Trx, digest: string): Promise<FoundKey | undefined> {
  const row = await rowByDigest(trx, digest);
  if (row === undefined) return undefined;
  const account = await findAccount(trx, row.account);
  if (account === undefined) return undefined;
  const parent = account.parent === undefined ? undefined : await findAccount(trx, account.parent);
  return { key: keyOf(row), account, parent };
}

/** Two statements, each of which has its index. */
async function rowByDigest(trx: Trx, digest: string): Promise<ApiKeyRow | undefined> {
  const by = (column: "digest" | "old_digest"): Promise<ApiKeyRow | undefined> =>
    trx.selectFrom("api_keys").selectAll().where(column, "=", digest).executeTakeFirst();
  return (await by("digest")) ?? (await by("old_digest"));
}

export async function findKey(trx: Trx, id: string): Promise<ApiKey | undefined> {
  const row = await trx.selectFrom("api_keys").selectAll().where("id", "=", id).executeTakeFirst();
  return row && keyOf(row);
}

export async function listKeys(trx: Trx, page: Page): Promise<readonly ApiKey[]> {
  return (await readPage(trx, "api_keys", page)).map(keyOf);
}

export interface UpdateKey {
  readonly id: string;
  readonly changes: KeyChanges;
}

export async function updateKey(trx: Trx, { id, changes }: UpdateKey): Promise<ApiKey | undefined> {
  const now = await findKey(trx, id);
  if (now === undefined || now.revokedAtMs !== undefined) return undefined;
  return await replace(trx, { ...now, ...changes, limits: { ...now.limits, ...changes.limits } });
}

export interface RotateKey {
  readonly id: string;
  readonly secret: NewSecret;
}

export async function rotateKey(
  trx: Trx,
  { id, secret: { prefix, digest, oldEndsAtMs } }: RotateKey,
): Promise<{ readonly before: ApiKey; readonly now: ApiKey } | undefined> {
  const before = await findKey(trx, id);
  if (before === undefined || before.revokedAtMs !== undefined) return undefined;
  return { before, now: await replace(trx, { ...before, prefix, digest, oldDigest: before.digest, oldEndsAtMs }) };
}

export interface RevokeKey {
  readonly id: string;
  readonly atMs: number;
}

export async function revokeKey(trx: Trx, { id, atMs }: RevokeKey): Promise<ApiKey | undefined> {
  const now = await findKey(trx, id);
  if (now === undefined || now.revokedAtMs !== undefined) return undefined;
  return await replace(trx, { ...now, revokedAtMs: atMs });
}

export async function pruneKeys(trx: Trx, beforeMs: number): Promise<number> {
  const { numDeletedRows } = await trx
    .deleteFrom("api_keys")
    .where("id", "in", (from) =>
      from
        .selectFrom("api_keys")
        .select("id")
        .where(({ eb, or }) => or([eb("revoked_at_ms", "<", beforeMs), eb("expires_at_ms", "<", beforeMs)]))
        .limit(KEY_PRUNE_BATCH),
    )
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}

async function replace(trx: Trx, key: ApiKey): Promise<ApiKey> {
  const { id, ...columns } = rowOf(key);
  await trx.updateTable("api_keys").set(columns).where("id", "=", id).execute();
  return key;
}

function rowOf(key: ApiKey): ApiKeyRow {
  const { limits } = key;
  return {
    id: key.id,
    account: key.account,
    name: key.name,
    prefix: key.prefix,
    digest: key.digest,
    old_digest: key.oldDigest ?? null,
    old_ends_at_ms: key.oldEndsAtMs ?? null,
    scopes: key.scopes.join(" "),
    allowed_models: key.allowedModels === undefined ? null : JSON.stringify(key.allowedModels),
    self_route_only: key.selfRouteOnly ? 1 : 0,
    requests_per_minute: limits.requestsPerMinute ?? null,
    tokens_per_minute: limits.tokensPerMinute ?? null,
    concurrency: limits.concurrency ?? null,
    budget_micro_usd: limits.budget?.microUsd ?? null,
    budget_reset: limits.budget?.reset ?? null,
    tags: JSON.stringify(key.tags),
    created_at_ms: key.createdAtMs,
    expires_at_ms: key.expiresAtMs ?? null,
    revoked_at_ms: key.revokedAtMs ?? null,
  };
}

function keyOf(row: ApiKeyRow): ApiKey {
  const { budget_micro_usd: microUsd, budget_reset: reset } = row;
  return {
    id: row.id,
    account: row.account,
    name: row.name,
    prefix: row.prefix,
    digest: row.digest,
    oldDigest: row.old_digest ?? undefined,
    oldEndsAtMs: row.old_ends_at_ms ?? undefined,
    scopes: row.scopes === "" ? [] : (row.scopes.split(" ") as Scope[]),
    allowedModels: row.allowed_models === null ? undefined : (JSON.parse(row.allowed_models) as string[]),
    selfRouteOnly: row.self_route_only === 1,
    limits: {
      requestsPerMinute: row.requests_per_minute ?? undefined,
      tokensPerMinute: row.tokens_per_minute ?? undefined,
      concurrency: row.concurrency ?? undefined,
      budget: microUsd === null || reset === null ? undefined : { microUsd, reset },
    },
    tags: JSON.parse(row.tags) as Record<string, string>,
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms ?? undefined,
    revokedAtMs: row.revoked_at_ms ?? undefined,
  };
}
