import { sql } from "kysely";
import type { Correction, Income, Refund, TransferResult } from "../../ledger-store.js";
import type { Trx } from "../operation.js";
import { Moves } from "./moves.js";
import { smallerOf } from "./parts.js";
import { madeBefore, type NewTransfer, tell, transferOnce } from "./transfer.js";

/** Rule 13 of docs/ledger.md. */
export async function deposit(trx: Trx, input: Income): Promise<TransferResult> {
  return come(trx, input, "deposit");
}

export async function grant(trx: Trx, input: Income): Promise<TransferResult> {
  return come(trx, input, "grant");
}

async function come(trx: Trx, input: Income, kind: "deposit" | "grant"): Promise<TransferResult> {
  const id = `${kind}/${input.id}`;
  const moves = new Moves(id)
    .user("credit", input.account, input.amount)
    .platform(kind === "deposit" ? "external" : "grants", -input.amount);
  return transferOnce(trx, { ...input, id, kind }, moves);
}

/** Rule 14. */
export async function correct(trx: Trx, input: Correction): Promise<TransferResult> {
  const { account, part, amount } = input;
  const id = `correction/${input.id}`;
  const moves = new Moves(id).user(part, account, amount).platform("losses", -amount);
  return transferOnce(trx, { ...input, id, kind: "correction" }, moves);
}

/** Rule 15: what was taken last is given back first, so that nobody can pay out what he has bought. */
export async function refund(trx: Trx, input: Refund): Promise<TransferResult> {
  const { reservationId, amount, nowMs } = input;
  const row = await trx
    .updateTable("reservations")
    .set({ refunded: sql`refunded` })
    .where("id", "=", reservationId)
    .where("state", "=", "posted")
    .returning(["request_id", "payer", "posted", "refunded", "reserved_credit"])
    .executeTakeFirst();
  if (row === undefined) return { type: "unknown" };
  const id = `refund/${input.id}`;
  const posted = BigInt(row.posted);
  const refunded = BigInt(row.refunded);
  const ofEarned = posted - smallerOf(posted, BigInt(row.reserved_credit));
  const toEarned = smallerOf(amount, ofEarned > refunded ? ofEarned - refunded : 0n);
  const moves = new Moves(id)
    .user("earned", row.payer, toEarned)
    .user("credit", row.payer, amount - toEarned)
    .platform("losses", -amount);
  const transfer: NewTransfer = { ...input, id, kind: "refund", account: row.payer, requestId: row.request_id };
  const before = await madeBefore(trx, transfer);
  if (before !== undefined) return { type: before };
  if (amount > posted - refunded) {
    return { type: "insufficient", available: posted - refunded };
  }
  const result = await transferOnce(trx, transfer, moves);
  if (result.type !== "done") return result;
  await trx
    .updateTable("reservations")
    .set({ refunded: sql`refunded + ${amount}` })
    .where("id", "=", reservationId)
    .execute();
  const payload = { account: row.payer, request_id: row.request_id, amount_micro_usd: Number(amount) };
  await tell(trx, { id, kind: "request.refunded", payload, nowMs });
  return result;
}
