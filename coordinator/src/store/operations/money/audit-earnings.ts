import { sql } from "kysely";
import type { TransferKind } from "../../ledger-kinds.js";
import type { Trx } from "../operation.js";
import type { Findings } from "./findings.js";

/** What is left when one is taken from the other is what does not add up. */
export const negated = <C extends string>(column: C) => sql<number>`-${sql.ref(column)}`.as(column);

/** Until when reservations may have been forgotten, and the parts of their work. */
export async function foldedBefore(trx: Trx): Promise<number> {
  const row = await trx.selectFrom("folded_work").select("before_ms").executeTakeFirst();
  return row?.before_ms ?? Number.MIN_SAFE_INTEGER;
}

/** What was earned, from the parts of the work; and all of it from what was paid, which no forgotten part can change. */
export async function auditEarnings(trx: Trx, findings: Findings): Promise<void> {
  const parts = trx
    .selectFrom("work_parts")
    .select(["account", "hour_ms", "machine", "model", "gross", "fee", "net", "prompt_tokens", "completion_tokens"])
    .select(sql<number>`1`.as("requests"));
  const earned = trx
    .selectFrom("earnings")
    .select(["account", "hour_ms", "machine", "model"])
    .select([negated("gross"), negated("fee"), negated("net")])
    .select([negated("prompt_tokens"), negated("completion_tokens"), negated("requests")]);
  // There may be more than what is left of the parts, never less.
  const isOff = sql<boolean>`(sum(gross) > 0 OR sum(fee) > 0 OR sum(net) > 0 OR sum(requests) > 0
      OR sum(prompt_tokens) > 0 OR sum(completion_tokens) > 0)
    OR (hour_ms >= ${await foldedBefore(trx)} AND (sum(gross) <> 0 OR sum(fee) <> 0 OR sum(net) <> 0
      OR sum(requests) <> 0 OR sum(prompt_tokens) <> 0 OR sum(completion_tokens) <> 0))`;
  const rows = await trx
    .selectFrom(parts.unionAll(earned).as("x"))
    .select(["account", "hour_ms", "machine", "model"])
    .select(sql<string>`CAST(sum(gross) AS TEXT)`.as("gross"))
    .groupBy(["account", "hour_ms", "machine", "model"])
    .having(isOff)
    .limit(findings.left)
    .execute();
  for (const { account, hour_ms, machine, model, gross } of rows) {
    findings.add("earnings are what the parts add up to", [account, hour_ms, machine, model].join(" "), "0", gross);
  }
  await auditPaid(trx, findings);
}

async function auditPaid(trx: Trx, findings: Findings): Promise<void> {
  const { gross, fee } = await trx
    .selectFrom("earnings")
    .select(sql<string>`CAST(coalesce(sum(gross), 0) AS TEXT)`.as("gross"))
    .select(sql<string>`CAST(coalesce(sum(fee), 0) AS TEXT)`.as("fee"))
    .executeTakeFirstOrThrow();
  const losses = await balanceOf(trx, "losses");
  const moved = await amounts(trx);
  // What consumers have paid, and what the platform has lost beside corrections and refunds.
  const paid = moved("charge") - moved("correction") - moved("refund") - losses;
  findings.equal("machines have earned what was paid for their work", "earnings", paid, BigInt(gross));
  findings.equal("fees are those of the earnings", "fees", BigInt(fee), await balanceOf(trx, "fees"));
}

async function balanceOf(trx: Trx, kind: "fees" | "losses"): Promise<bigint> {
  const { sum } = await trx
    .selectFrom("ledger_accounts")
    .select(sql<string>`CAST(coalesce(sum(balance), 0) AS TEXT)`.as("sum"))
    .where("kind", "=", kind)
    .executeTakeFirstOrThrow();
  return BigInt(sum);
}

async function amounts(trx: Trx): Promise<(kind: TransferKind) => bigint> {
  const rows = await trx
    .selectFrom("transfers")
    .select(["kind", sql<string>`CAST(sum(amount) AS TEXT)`.as("sum")])
    .groupBy("kind")
    .execute();
  const sums = new Map(rows.map(({ kind, sum }) => [kind, BigInt(sum)]));
  return (kind) => sums.get(kind) ?? 0n;
}
