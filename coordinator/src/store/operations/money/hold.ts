import { sql } from "kysely";
import type { MicroUsd } from "../../../platform/micro-usd.js";
import type { Budget, Insufficient } from "../../ledger-store.js";
import type { Trx } from "../operation.js";
import { availableIn, ledgerAccountOf } from "./moves.js";

export type Held =
  | { readonly type: "held"; readonly credit: MicroUsd; readonly earned: MicroUsd }
  | (Insufficient & { readonly limitedBy: "balance" });

/** Sets money of a user's aside: of what can only be spent first, then of what was earned. */
export async function hold(trx: Trx, payer: string, amount: MicroUsd): Promise<Held> {
  const credit = ledgerAccountOf("credit", payer);
  const earned = ledgerAccountOf("earned", payer);
  // Nearly always there is enough of it, and one statement does.
  if (await setAside(trx, credit, amount)) return { type: "held", credit: amount, earned: 0n };
  const ofCredit = await availableIn(trx, credit);
  const ofEarned = await availableIn(trx, earned);
  const available = ofCredit + ofEarned;
  if (available < amount) return { type: "insufficient", limitedBy: "balance", available };
  const rest = amount > ofCredit ? amount - ofCredit : 0n;
  if (amount > rest) await setAside(trx, credit, amount - rest);
  if (rest > 0n) await setAside(trx, earned, rest);
  return { type: "held", credit: amount - rest, earned: rest };
}

async function setAside(trx: Trx, id: string, amount: MicroUsd): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable("ledger_accounts")
    .set({ reserved: sql`reserved + ${amount}` })
    .where("id", "=", id)
    .where(sql<boolean>`balance - reserved >= ${amount}`)
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

type BudgetHeld = { readonly type: "held" } | (Insufficient & { readonly limitedBy: "budget" });

/** Sets a part of a key's budget aside. */
export async function holdBudget(trx: Trx, budget: Budget, amount: MicroUsd): Promise<BudgetHeld> {
  const { keyId, windowStartMs, limit } = budget;
  if (amount <= limit) {
    const { numInsertedOrUpdatedRows } = await trx
      .insertInto("key_spend")
      .values({ key_id: keyId, window_start_ms: windowStartMs, spent: 0n, reserved: amount })
      .onConflict((conflict) =>
        conflict
          .columns(["key_id", "window_start_ms"])
          .doUpdateSet({ reserved: sql`key_spend.reserved + ${amount}` })
          .where(sql<boolean>`key_spend.spent + key_spend.reserved <= ${limit - amount}`),
      )
      .executeTakeFirstOrThrow();
    if (numInsertedOrUpdatedRows === 1n) return { type: "held" };
  }
  const left = limit - (await takenOf(trx, budget));
  // Somebody has given something back since; now the row is ours.
  if (left >= amount) return holdBudget(trx, budget, amount);
  return { type: "insufficient", limitedBy: "budget", available: left > 0n ? left : 0n };
}

/** What is spent and set aside of a key's budget; it is this transaction's until its end. */
async function takenOf(trx: Trx, { keyId, windowStartMs }: Budget): Promise<MicroUsd> {
  const row = await trx
    .updateTable("key_spend")
    .set({ reserved: sql`reserved` })
    .where("key_id", "=", keyId)
    .where("window_start_ms", "=", windowStartMs)
    .returning(["spent", "reserved"])
    .executeTakeFirst();
  return row === undefined ? 0n : BigInt(row.spent) + BigInt(row.reserved);
}

/** Gives back what was set aside of a key's budget, and counts what was spent of it. */
export async function settleBudget(
  trx: Trx,
  { keyId, windowStartMs }: Pick<Budget, "keyId" | "windowStartMs">,
  { held, spent }: { held: MicroUsd; spent: MicroUsd },
): Promise<void> {
  await trx
    .updateTable("key_spend")
    .set({ reserved: sql`reserved - ${held}`, spent: sql`spent + ${spent}` })
    .where("key_id", "=", keyId)
    .where("window_start_ms", "=", windowStartMs)
    .execute();
}
