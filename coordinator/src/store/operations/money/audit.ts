import { sql } from "kysely";
import type { Audit } from "../../ledger-reports.js";
import type { Trx } from "../operation.js";
import { auditAccounts } from "./audit-accounts.js";
import { auditReservations } from "./audit-reservations.js";
import { Findings, inPages } from "./findings.js";

/** Rule 19 of docs/ledger.md: nothing of what is kept as a sum is believed. */
export async function audit(trx: Trx, limit: number): Promise<Audit> {
  const findings = new Findings(limit);
  const transfers = await auditTransfers(trx, findings);
  await auditAccounts(trx, findings);
  const reservations = await auditReservations(trx, findings);
  return { transfers, reservations, mismatches: findings.mismatches };
}

function auditTransfers(trx: Trx, findings: Findings): Promise<number> {
  return inPages<{ id: string }>(
    async (last, limit) => {
      const query = trx.selectFrom("transfers").select("id").orderBy("id").limit(limit);
      return (last === undefined ? query : query.where("id", ">", last.id)).execute();
    },
    async (page) => {
      const ids = page.map(({ id }) => id);
      const odd = await trx
        .selectFrom("entries")
        .select(["transfer_id", sql<string>`CAST(sum(amount) AS TEXT)`.as("sum")])
        .where("transfer_id", "in", ids)
        .groupBy("transfer_id")
        .having(sql<boolean>`sum(amount) <> 0`)
        .execute();
      for (const { transfer_id, sum } of odd) findings.add("entries of a transfer add up to 0", transfer_id, "0", sum);
    },
  );
}
