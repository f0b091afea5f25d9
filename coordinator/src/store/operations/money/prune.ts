import { sql } from "kysely";
import { LEDGER_PRUNE_BATCH, type LedgerRetention } from "../../ledger-store.js";
import { inserts, type Trx } from "../operation.js";
import { hourOf } from "./parts.js";

/** Rule 23 of docs/ledger.md. */
export async function pruneLedger(trx: Trx, { resolved, delivered, undelivered }: LedgerRetention): Promise<number> {
  const gone = [
    await forgetReservations(trx, hourOf(resolved)),
    await forgetMessages(trx, "delivered_at_ms", delivered),
    await forgetMessages(trx, "created_at_ms", undelivered),
  ];
  return Math.max(...gone);
}

/** Of whole hours: the audit adds up the parts of each, or has none to add up. */
async function forgetReservations(trx: Trx, beforeMs: number): Promise<number> {
  const rows = await trx
    .selectFrom("reservations")
    .select("id")
    .where("resolved_at_ms", "<", beforeMs)
    .orderBy("resolved_at_ms")
    .limit(LEDGER_PRUNE_BATCH)
    .execute();
  if (rows.length > 0) await foldBefore(trx, beforeMs);
  for (const some of inserts(rows)) {
    const ids = some.map(({ id }) => id);
    await trx.deleteFrom("work_parts").where("reservation_id", "in", ids).execute();
    await trx.deleteFrom("reservations").where("id", "in", ids).execute();
  }
  return rows.length;
}

/** It never goes back: what was forgotten stays forgotten when it is to be kept longer from now on. */
async function foldBefore(trx: Trx, beforeMs: number): Promise<void> {
  await trx
    .insertInto("folded_work")
    .values({ id: 0, before_ms: beforeMs })
    .onConflict((conflict) =>
      conflict.column("id").doUpdateSet({
        before_ms: sql`CASE WHEN folded_work.before_ms < ${beforeMs} THEN ${beforeMs} ELSE folded_work.before_ms END`,
      }),
    )
    .execute();
}

async function forgetMessages(trx: Trx, age: "delivered_at_ms" | "created_at_ms", beforeMs: number): Promise<number> {
  const { numDeletedRows } = await trx
    .deleteFrom("outbox")
    .where("id", "in", (from) =>
      from.selectFrom("outbox").select("id").where(age, "<", beforeMs).limit(LEDGER_PRUNE_BATCH),
    )
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}
