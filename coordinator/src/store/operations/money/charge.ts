import { sql } from "kysely";
import type { MicroUsd } from "../../../platform/micro-usd.js";
import type { Posting } from "../../ledger-store.js";
import { inserts, type Trx } from "../operation.js";
import { ledgerAccountOf, Moves } from "./moves.js";
import { hourOf, type PricedPart, pricedPart, smallerOf } from "./parts.js";
import type { StoredReservation } from "./reservations.js";
import { addTransfer, moveAll, tell } from "./transfer.js";

/** Rules 9 and 10 of docs/ledger.md: one transfer from who pays to who has worked, and the platform's share. */
export async function charge(trx: Trx, taken: StoredReservation, posting: Posting): Promise<void> {
  const { id, payer, credit, earned, posted } = taken;
  const parts = posting.parts.map((part) => pricedPart(part, taken.feeBasisPoints));
  const transferId = `charge/${id}`;
  const ofCredit = smallerOf(posted, credit);
  const all = new Moves(transferId)
    .user("credit", payer, -ofCredit, -credit)
    .user("earned", payer, ofCredit - posted, -earned);
  const gross = sumOf(parts, "gross");
  all.platform("fees", sumOf(parts, "fee")).platform("losses", posted - gross);
  for (const { account, net } of parts) all.user("earned", account, net);
  const moves = all.inOrder();
  const balances = await moveAll(trx, moves);
  if (gross > 0n) {
    const { nowMs } = posting;
    const { requestId } = taken;
    const transfer = { id: transferId, kind: "charge", account: payer, amount: posted, requestId, nowMs } as const;
    await addTransfer(trx, transfer, moves, balances);
  }
  await addParts(trx, id, parts, posting.nowMs);
  await tellLowBalance(trx, taken, posting, balances);
}

async function addParts(trx: Trx, id: string, parts: readonly PricedPart[], nowMs: number): Promise<void> {
  const hour = hourOf(nowMs);
  const rows = parts.map((part, n) => ({
    reservation_id: id,
    n,
    payer: part.payer,
    account: part.account,
    machine: part.machine,
    model: part.model,
    attempt_id: part.attemptId,
    hour_ms: hour,
    gross: part.gross,
    fee: part.fee,
    net: part.net,
    prompt_tokens: part.promptTokens,
    completion_tokens: part.completionTokens,
  }));
  for (const some of inserts(rows)) await trx.insertInto("work_parts").values(some).execute();
  for (const part of [...parts].sort(byEarningsKey)) await addEarnings(trx, part, hour);
}

const keyOf = ({ account, machine, model }: PricedPart): string => JSON.stringify([account, machine, model]);

function byEarningsKey(one: PricedPart, other: PricedPart): number {
  return keyOf(one) < keyOf(other) ? -1 : 1;
}

async function addEarnings(trx: Trx, part: PricedPart, hour: number): Promise<void> {
  const { account, machine, model, gross, fee, net } = part;
  await trx
    .insertInto("earnings")
    .values({
      ...{ account, machine, model, hour_ms: hour, gross, fee, net, requests: 1 },
      prompt_tokens: part.promptTokens,
      completion_tokens: part.completionTokens,
    })
    .onConflict((conflict) =>
      conflict.columns(["account", "hour_ms", "machine", "model"]).doUpdateSet({
        gross: sql`earnings.gross + ${gross}`,
        fee: sql`earnings.fee + ${fee}`,
        net: sql`earnings.net + ${net}`,
        requests: sql`earnings.requests + 1`,
        prompt_tokens: sql`earnings.prompt_tokens + ${part.promptTokens}`,
        completion_tokens: sql`earnings.completion_tokens + ${part.completionTokens}`,
      }),
    )
    .execute();
}

function sumOf(parts: readonly PricedPart[], member: "gross" | "fee"): MicroUsd {
  return parts.reduce((sum, part) => sum + part[member], 0n);
}

/** Tells once that what can be spent has fallen below the bound: when it does, not while it is. */
async function tellLowBalance(
  trx: Trx,
  { id, payer, posted }: StoredReservation,
  { lowBalance, nowMs }: Posting,
  balances: ReadonlyMap<string, MicroUsd>,
): Promise<void> {
  if (lowBalance === undefined || posted === 0n) return;
  const names = [ledgerAccountOf("credit", payer), ledgerAccountOf("earned", payer)];
  // Most have more than that of one part of it, and nobody need look.
  if (names.some((name) => (balances.get(name) ?? 0n) >= lowBalance)) return;
  const rows = await trx.selectFrom("ledger_accounts").select("balance").where("id", "in", names).execute();
  const left = rows.reduce((sum, { balance }) => sum + BigInt(balance), 0n);
  if (left >= lowBalance || left + posted < lowBalance) return;
  const payload = { account: payer, available_micro_usd: Number(left) };
  await tell(trx, { id: `low_balance/${id}`, kind: "balance.low", payload, nowMs });
}
