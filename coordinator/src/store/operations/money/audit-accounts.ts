import { sql } from "kysely";
import type { Trx } from "../operation.js";
import { type Findings, inPages } from "./findings.js";

const SUM = (column: string) => sql<string>`CAST(sum(${sql.ref(column)}) AS TEXT)`.as("sum");

interface AccountRow {
  readonly id: string;
  readonly owner: string | null;
  readonly kind: string;
  readonly balance: number;
  readonly reserved: number;
}

/** Every balance from its entries, what is set aside from the open reservations, and all of it together. */
export async function auditAccounts(trx: Trx, findings: Findings): Promise<void> {
  const held = await heldByAccount(trx);
  const pending = await pendingByAccount(trx);
  let all = 0n;
  await inPages<AccountRow>(
    async (last, limit) => {
      const query = trx.selectFrom("ledger_accounts").selectAll().orderBy("id").limit(limit);
      return (last === undefined ? query : query.where("id", ">", last.id)).execute();
    },
    async (page) => {
      const sums = await entrySums(trx, page);
      for (const account of page) {
        const balance = BigInt(account.balance);
        all += balance;
        findings.equal("balance is the sum of its entries", account.id, sums.get(account.id) ?? 0n, balance);
        findings.equal(
          "set aside for open reservations",
          account.id,
          held.get(account.id) ?? 0n,
          BigInt(account.reserved),
        );
        held.delete(account.id);
        if (account.kind === "pending") {
          findings.equal("pending is what payouts have asked for", account.id, pending.get(account.id) ?? 0n, balance);
          pending.delete(account.id);
        }
        checkUser(account, findings);
      }
    },
  );
  findings.equal("all accounts add up to 0", "ledger", 0n, all);
  for (const [id, amount] of [...held, ...pending]) findings.equal("has an account", id, amount, 0n);
}

function checkUser({ id, owner, balance, reserved }: AccountRow, findings: Findings): void {
  if (owner === null || (reserved >= 0 && balance >= reserved)) return;
  findings.add("a user's balance covers what is set aside", id, `at least ${Math.max(0, reserved)}`, String(balance));
}

async function entrySums(trx: Trx, page: readonly AccountRow[]): Promise<Map<string, bigint>> {
  const ids = page.map(({ id }) => id);
  const rows = await trx
    .selectFrom("entries")
    .select(["ledger_account", SUM("amount")])
    .where("ledger_account", "in", ids)
    .groupBy("ledger_account")
    .execute();
  return new Map(rows.map((row) => [row.ledger_account, BigInt(row.sum)]));
}

async function heldByAccount(trx: Trx): Promise<Map<string, bigint>> {
  const rows = await trx
    .selectFrom("reservations")
    .select(["payer", sql<string>`CAST(sum(reserved_credit) AS TEXT)`.as("credit")])
    .select(sql<string>`CAST(sum(reserved_earned) AS TEXT)`.as("earned"))
    .where("state", "=", "open")
    .groupBy("payer")
    .execute();
  const held = rows.flatMap(({ payer, credit, earned }): [string, bigint][] => [
    [`credit/${payer}`, BigInt(credit)],
    [`earned/${payer}`, BigInt(earned)],
  ]);
  return new Map(held.filter(([, amount]) => amount !== 0n));
}

async function pendingByAccount(trx: Trx): Promise<Map<string, bigint>> {
  const rows = await trx
    .selectFrom("payouts")
    .select(["account", SUM("amount")])
    .where("state", "=", "requested")
    .groupBy("account")
    .execute();
  return new Map(rows.map(({ account, sum }) => [`pending/${account}`, BigInt(sum)]));
}
