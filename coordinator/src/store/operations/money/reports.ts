import { sql } from "kysely";
import type { UserPart } from "../../ledger-kinds.js";
import type {
  Balance,
  EarningsGroup,
  EarningsLine,
  EarningsQuery,
  StatementLine,
  StatementPage,
} from "../../ledger-reports.js";
import type { Trx } from "../operation.js";
import { ledgerAccountOf } from "./ledger-accounts.js";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const PARTS: readonly UserPart[] = ["credit", "earned", "pending"];

export async function balance(trx: Trx, account: string): Promise<Balance> {
  const names = PARTS.map((part) => ledgerAccountOf(part, account));
  const rows = await trx.selectFrom("ledger_accounts").selectAll().where("id", "in", names).execute();
  const of = (part: UserPart) => {
    const row = rows.find(({ kind }) => kind === part);
    return { balance: BigInt(row?.balance ?? 0), reserved: BigInt(row?.reserved ?? 0) };
  };
  const credit = of("credit");
  const earned = of("earned");
  const available = credit.balance - credit.reserved + earned.balance - earned.reserved;
  return { credit, earned, pending: of("pending").balance, available };
}

/** In the order in which it happened to the account: its rows were this transaction's when their lines were written. */
export async function statement(trx: Trx, { account, after, limit }: StatementPage): Promise<readonly StatementLine[]> {
  const names = PARTS.map((part) => ledgerAccountOf(part, account));
  const rows = await trx
    .selectFrom("entries as e")
    .innerJoin("transfers as t", "t.id", "e.transfer_id")
    .select(["e.seq", "e.ledger_account", "e.amount", "e.balance_after"])
    .select(["t.id", "t.kind", "t.request_id", "t.reason", "t.actor", "t.created_at_ms"])
    .where("e.ledger_account", "in", names)
    .where("e.seq", ">", after ?? 0)
    .orderBy("e.seq")
    .limit(limit)
    .execute();
  return rows.map((row) => ({
    seq: row.seq,
    transferId: row.id,
    kind: row.kind,
    part: PARTS.find((part) => ledgerAccountOf(part, account) === row.ledger_account) ?? "credit",
    amount: BigInt(row.amount),
    balanceAfter: BigInt(row.balance_after),
    requestId: row.request_id ?? undefined,
    reason: row.reason ?? undefined,
    actor: row.actor ?? undefined,
    atMs: row.created_at_ms,
  }));
}

/** Sums come as text: they may be more than a number holds. */
const SUM = (column: string) => sql<string>`CAST(sum(${sql.ref(column)}) AS TEXT)`;

export async function earnings(trx: Trx, query: EarningsQuery): Promise<readonly EarningsLine[]> {
  const groups: Readonly<Record<EarningsGroup, ReturnType<typeof sql<string | number>>>> = {
    machine: sql<string>`machine`,
    model: sql<string>`model`,
    hour: sql<number>`hour_ms`,
    day: sql<number>`hour_ms - hour_ms % ${sql.lit(DAY_MS)}`,
  };
  const grouped = [...new Set(query.groupBy)];
  const rows = await trx
    .selectFrom("earnings")
    .select(grouped.map((group) => groups[group].as(`by_${group}`)))
    .select([
      SUM("gross").as("gross"),
      SUM("fee").as("fee"),
      SUM("net").as("net"),
      SUM("requests").as("requests"),
      SUM("prompt_tokens").as("prompt_tokens"),
      SUM("completion_tokens").as("completion_tokens"),
    ])
    .where("account", "=", query.account)
    .where("hour_ms", ">=", query.fromMs)
    .where("hour_ms", "<", query.toMs)
    .$if(grouped.length > 0, (select) => select.groupBy(grouped.map((_, n) => sql`${sql.lit(n + 1)}`)))
    .$if(grouped.length > 0, (select) => select.orderBy(sql.join(grouped.map((_, n) => sql`${sql.lit(n + 1)}`))))
    .having(sql<boolean>`count(*) > 0`)
    .limit(query.limit)
    .execute();
  return rows.map((row) => lineOf(row as unknown as GroupedRow));
}

interface GroupedRow extends Readonly<Record<"gross" | "fee" | "net", string>> {
  readonly by_machine?: string;
  readonly by_model?: string;
  readonly by_hour?: number;
  readonly by_day?: number;
  readonly requests: string;
  readonly prompt_tokens: string;
  readonly completion_tokens: string;
}

function lineOf(row: GroupedRow): EarningsLine {
  return {
    machine: row.by_machine,
    model: row.by_model,
    startMs: row.by_hour ?? row.by_day,
    gross: BigInt(row.gross),
    fee: BigInt(row.fee),
    net: BigInt(row.net),
    requests: Number(row.requests),
    promptTokens: Number(row.prompt_tokens),
    completionTokens: Number(row.completion_tokens),
  };
}
