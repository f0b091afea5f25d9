import { sql } from "kysely";
import type { KeySpend, KeySpendQuery } from "../../ledger-reports.js";
import type { Trx } from "../operation.js";

/** Sums come as text: they may be more than a number holds. */
const sumOf = (of: ReturnType<typeof sql>) => sql<string>`CAST(COALESCE(SUM(${of}), 0) AS TEXT)`;

export async function keySpend(trx: Trx, { keyId, windowStartMs, sinceMs }: KeySpendQuery): Promise<KeySpend> {
  const inWindow = sql`CASE WHEN window_start_ms = ${windowStartMs} THEN spent + reserved ELSE 0 END`;
  const since = (ms: number) => sumOf(sql`CASE WHEN window_start_ms >= ${ms} THEN spent ELSE 0 END`);
  const row: Readonly<Record<string, string>> = await trx
    .selectFrom("key_spend")
    .select(sumOf(inWindow).as("taken"))
    .select(sinceMs.map((ms, n) => since(ms).as(`since_${n}`)))
    .where("key_id", "=", keyId)
    .executeTakeFirstOrThrow();
  return { taken: BigInt(row["taken"] ?? 0), spent: sinceMs.map((_, n) => BigInt(row[`since_${n}`] ?? 0)) };
}
