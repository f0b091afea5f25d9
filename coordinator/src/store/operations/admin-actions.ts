import { sql } from "kysely";
import { ACTION_PRUNE_BATCH, type AdminAction, type AdminActionPage } from "../admin-action-store.js";
import type { Trx } from "./operation.js";

export async function putAction(trx: Trx, action: AdminAction): Promise<void> {
  const { id, atMs, keyId, account, method, route, target, status, changes } = action;
  await trx
    .insertInto("admin_actions")
    .values({ id, at_ms: atMs, key_id: keyId, account, method, route, target, status, changes })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

export async function listActions(trx: Trx, page: AdminActionPage): Promise<readonly AdminAction[]> {
  const { limit, after, account, keyId } = page;
  let query = trx.selectFrom("admin_actions").selectAll();
  if (account !== undefined) query = query.where("account", "=", account);
  if (keyId !== undefined) query = query.where("key_id", "=", keyId);
  if (after !== undefined) {
    const last = trx.selectFrom("admin_actions as a").select(["a.at_ms", "a.id"]).where("a.id", "=", after);
    query = query.where(sql<boolean>`(at_ms, id) < ${last}`);
  }
  const rows = await query.orderBy("at_ms", "desc").orderBy("id", "desc").limit(limit).execute();
  return rows.map(({ at_ms, key_id, ...row }) => ({ ...row, atMs: at_ms, keyId: key_id }));
}

export interface ActionRetention {
  readonly beforeMs: number;
  readonly keepAtMost: number;
}

export async function pruneActions(trx: Trx, { beforeMs, keepAtMost }: ActionRetention): Promise<number> {
  const old = await forget(trx, ACTION_PRUNE_BATCH, beforeMs);
  const { kept } = await trx
    .selectFrom("admin_actions")
    .select(({ fn }) => fn.countAll<number>().as("kept"))
    .executeTakeFirstOrThrow();
  const over = Math.min(ACTION_PRUNE_BATCH, Math.max(0, Number(kept) - keepAtMost));
  return Math.max(old, over === 0 ? 0 : await forget(trx, over));
}

/** @param beforeMs absent = whenever they were */
async function forget(trx: Trx, count: number, beforeMs?: number): Promise<number> {
  const { numDeletedRows } = await trx
    .deleteFrom("admin_actions")
    .where("id", "in", (from) =>
      from
        .selectFrom("admin_actions as a")
        .select("a.id")
        .$if(beforeMs !== undefined, (query) => query.where("a.at_ms", "<", beforeMs ?? 0))
        .orderBy("a.at_ms")
        .orderBy("a.id")
        .limit(count),
    )
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}
