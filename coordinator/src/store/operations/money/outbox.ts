import { sql } from "kysely";
import type { NewMessage, OutboxMessage } from "../../ledger-store.js";
import type { Trx } from "../operation.js";

export interface DueMessages {
  readonly nowMs: number;
  readonly limit: number;
}

export async function dueMessages(trx: Trx, { nowMs, limit }: DueMessages): Promise<readonly OutboxMessage[]> {
  const rows = await trx
    .selectFrom("outbox")
    .selectAll()
    .where("delivered_at_ms", "is", null)
    .where("next_at_ms", "<=", nowMs)
    .orderBy("next_at_ms")
    .orderBy("id")
    .limit(limit)
    .execute();
  return rows.map(({ id, kind, payload, created_at_ms, attempts }) => ({
    ...{ id, kind, payload, attempts },
    createdAtMs: created_at_ms,
  }));
}

export async function addMessage(trx: Trx, { id, kind, payload, nowMs, isForOwners }: NewMessage): Promise<void> {
  const tried = { delivered_at_ms: isForOwners ? nowMs : null, attempts: 0, next_at_ms: nowMs };
  await trx
    .insertInto("outbox")
    .values({ id, kind, payload, created_at_ms: nowMs, ...tried })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

export interface MessageTried {
  readonly id: string;
  readonly end: { readonly deliveredAtMs: number } | { readonly nextAtMs: number };
}

export async function messageTried(trx: Trx, { id, end }: MessageTried): Promise<void> {
  await trx
    .updateTable("outbox")
    .set("deliveredAtMs" in end ? { delivered_at_ms: end.deliveredAtMs } : { next_at_ms: end.nextAtMs })
    .set({ attempts: sql`attempts + 1` })
    .where("id", "=", id)
    .where("delivered_at_ms", "is", null)
    .execute();
}
