import { type Selectable, sql } from "kysely";
import type { MoneyTables } from "../../schema/money-tables.js";
import type { Trx } from "../operation.js";
import { auditEarnings, foldedBefore, negated } from "./audit-earnings.js";
import { type Findings, inPages } from "./findings.js";

type Reservation = Selectable<MoneyTables["reservations"]>;

/** What was posted from its parts and its entries, what was earned from the parts, what keys have spent. */
export async function auditReservations(trx: Trx, findings: Findings): Promise<number> {
  const count = await inPages<Reservation>(
    async (last, limit) => {
      const query = trx.selectFrom("reservations").selectAll().orderBy("id").limit(limit);
      return (last === undefined ? query : query.where("id", ">", last.id)).execute();
    },
    (page) => checkPage(trx, page, findings),
  );
  await auditEarnings(trx, findings);
  await auditKeys(trx, findings);
  return count;
}

async function checkPage(trx: Trx, page: readonly Reservation[], findings: Findings): Promise<void> {
  const ids = page.map(({ id }) => id);
  const parts = await trx
    .selectFrom("work_parts")
    .select("reservation_id as id")
    .select(sql<string>`CAST(sum(gross) AS TEXT)`.as("gross"))
    .select(sql<string>`CAST(sum(CASE WHEN payer = 'consumer' THEN gross ELSE 0 END) AS TEXT)`.as("cost"))
    .where("reservation_id", "in", ids)
    .groupBy("reservation_id")
    .execute();
  const partsOf = new Map(parts.map((row) => [row.id, row]));
  const lost = await movedOf(trx, ids, "losses");
  for (const row of page) {
    const { cost = "0", gross = "0" } = partsOf.get(row.id) ?? {};
    const reserved = BigInt(row.reserved_credit) + BigInt(row.reserved_earned);
    const posted = BigInt(row.posted);
    const owed = BigInt(cost) < reserved ? BigInt(cost) : reserved;
    findings.equal(
      "posted is the cost of the work, up to what was reserved",
      row.id,
      row.state === "posted" ? owed : 0n,
      posted,
    );
    findings.equal(
      "the platform pays what the consumer does not",
      row.id,
      posted - BigInt(gross),
      lost.get(row.id) ?? 0n,
    );
    if (row.state !== "posted" && partsOf.has(row.id))
      findings.add("only what was posted has parts", row.id, "none", "some");
  }
  await checkTransfers(trx, page, findings);
}

/** What the charges of these reservations have moved on one kind of the platform's accounts. */
async function movedOf(trx: Trx, ids: readonly string[], kind: "losses"): Promise<Map<string, bigint>> {
  const rows = await trx
    .selectFrom("entries as e")
    .innerJoin("ledger_accounts as a", "a.id", "e.ledger_account")
    .select(["e.transfer_id", "e.amount"])
    .where("e.transfer_id", "in", ids.map(chargeOf))
    .where("a.kind", "=", kind)
    .execute();
  return new Map(rows.map(({ transfer_id, amount }) => [transfer_id.slice(chargeOf("").length), BigInt(amount)]));
}

const chargeOf = (id: string): string => `charge/${id}`;

/** One resolution a reservation: what moved money for it is one charge of what was posted, and refunds. */
async function checkTransfers(trx: Trx, page: readonly Reservation[], findings: Findings): Promise<void> {
  const charges = await trx
    .selectFrom("transfers")
    .select(["id", "amount"])
    .where(
      "id",
      "in",
      page.map(({ id }) => chargeOf(id)),
    )
    .execute();
  const charged = new Map(charges.map(({ id, amount }) => [id, BigInt(amount)]));
  for (const { id, posted } of page) {
    findings.equal("charged what was posted", id, BigInt(posted), charged.get(chargeOf(id)) ?? 0n);
  }
}

async function auditKeys(trx: Trx, findings: Findings): Promise<void> {
  const spent = trx
    .selectFrom("reservations")
    // A union goes by the order of the columns.
    .select([sql<string>`key_id`.as("key_id"), sql<number>`window_start_ms`.as("window_start_ms"), "posted as spent"])
    .select(sql<number>`CASE WHEN state = 'open' THEN reserved_credit + reserved_earned ELSE 0 END`.as("reserved"))
    .where("key_id", "is not", null);
  const kept = trx
    .selectFrom("key_spend")
    .select(["key_id", "window_start_ms"])
    .select([negated("spent"), negated("reserved")]);
  const rows = await trx
    .selectFrom(spent.unionAll(kept).as("x"))
    .select(["key_id", "window_start_ms", sql<string>`CAST(sum(spent) AS TEXT)`.as("spent")])
    .groupBy(["key_id", "window_start_ms"])
    // Of the spending there may be more than what is left of the reservations, never less.
    .having(
      sql<boolean>`sum(reserved) <> 0 OR sum(spent) > 0
        OR (window_start_ms >= ${await foldedBefore(trx)} AND sum(spent) <> 0)`,
    )
    .limit(findings.left)
    .execute();
  for (const { key_id, window_start_ms, spent: difference } of rows) {
    findings.add(
      "a key has spent and set aside what its reservations say",
      `${key_id} ${window_start_ms}`,
      "0",
      difference,
    );
  }
}
