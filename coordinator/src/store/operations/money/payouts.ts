import { type Selectable, sql } from "kysely";
import type { MicroUsd } from "../../../platform/micro-usd.js";
import type {
  Payout,
  PayoutChange,
  PayoutChangeResult,
  PayoutRequest,
  PayoutState,
  TransferKind,
  TransferResult,
} from "../../ledger-store.js";
import type { MoneyTables } from "../../schema/money-tables.js";
import type { Trx } from "../operation.js";
import { Moves } from "./moves.js";
import { addTransfer, moveAll, tell, transferOnce } from "./transfer.js";

/** Rule 16 of docs/ledger.md. */
export async function requestPayout(trx: Trx, input: PayoutRequest): Promise<TransferResult> {
  const { id, account, amount, actor, nowMs } = input;
  const transferId = `payout/${id}`;
  const moves = new Moves(transferId).user("earned", account, -amount).user("pending", account, amount);
  const result = await transferOnce(trx, { ...input, id: transferId, kind: "payout_requested" }, moves);
  if (result.type !== "done") return result;
  await trx
    .insertInto("payouts")
    .values({
      ...{ id, account, amount, actor, state: "requested", reason: null },
      ...{ requested_at_ms: nowMs, changed_at_ms: nowMs },
    })
    .execute();
  await tellState(trx, { id, account, amount, state: "requested", nowMs });
  return result;
}

/** The state that each is reached from. */
const FROM = { paid: "requested", failed: "requested", returned: "paid" } as const;
const KINDS: Readonly<Record<PayoutChange["to"], TransferKind>> = {
  paid: "payout_paid",
  failed: "payout_failed",
  returned: "payout_returned",
};

/** Rule 17. */
export async function changePayout(
  trx: Trx,
  { id, to, reason, actor, nowMs }: PayoutChange,
): Promise<PayoutChangeResult> {
  const row = await trx
    .updateTable("payouts")
    .set({ state: to, reason, actor, changed_at_ms: nowMs })
    .where("id", "=", id)
    .where("state", "=", FROM[to])
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) return unchanged(trx, id, to);
  const payout = payoutOf(row);
  const { account, amount } = payout;
  const transferId = `payout-${to}/${id}`;
  const moves = movesTo(to, payout, transferId).inOrder();
  const balances = await moveAll(trx, moves);
  const transfer = { id: transferId, kind: KINDS[to], account, amount, reason, actor, nowMs };
  await addTransfer(trx, transfer, moves, balances);
  await tellState(trx, { id, account, amount, state: to, nowMs });
  return { type: "done", payout };
}

function movesTo(to: PayoutChange["to"], { account, amount }: Payout, transferId: string): Moves {
  const moves = new Moves(transferId);
  switch (to) {
    case "paid":
      return moves.user("pending", account, -amount).platform("external", amount);
    case "failed":
      return moves.user("pending", account, -amount).user("earned", account, amount);
    case "returned":
      return moves.platform("external", -amount).user("earned", account, amount);
  }
}

async function unchanged(trx: Trx, id: string, to: PayoutState): Promise<PayoutChangeResult> {
  const row = await trx.selectFrom("payouts").selectAll().where("id", "=", id).executeTakeFirst();
  if (row === undefined) return { type: "unknown" };
  if (row.state === to) return { type: "repeated", payout: payoutOf(row) };
  return { type: "conflict", state: row.state };
}

interface PayoutNews {
  readonly id: string;
  readonly account: string;
  readonly amount: MicroUsd;
  readonly state: PayoutState;
  readonly nowMs: number;
}

async function tellState(trx: Trx, { id, account, amount, state, nowMs }: PayoutNews): Promise<void> {
  const payload = { payout: id, account, amount_micro_usd: Number(amount), state };
  await tell(trx, { id: `payout-${state}/${id}`, kind: `payout.${state}`, payload, nowMs });
}

export interface PayoutPage {
  readonly account?: string | undefined;
  readonly state?: PayoutState | undefined;
  readonly limit: number;
  readonly after?: string | undefined;
}

/** Oldest first. */
export async function listPayouts(trx: Trx, { account, state, limit, after }: PayoutPage): Promise<readonly Payout[]> {
  let query = trx.selectFrom("payouts").selectAll();
  if (account !== undefined) query = query.where("account", "=", account);
  if (state !== undefined) query = query.where("state", "=", state);
  if (after !== undefined) {
    const last = trx.selectFrom("payouts").select(["requested_at_ms", "id"]).where("id", "=", after);
    query = query.where(sql<boolean>`(requested_at_ms, id) > ${last}`);
  }
  return (await query.orderBy("requested_at_ms").orderBy("id").limit(limit).execute()).map(payoutOf);
}

function payoutOf(row: Selectable<MoneyTables["payouts"]>): Payout {
  return {
    id: row.id,
    account: row.account,
    amount: BigInt(row.amount),
    state: row.state,
    reason: row.reason ?? undefined,
    actor: row.actor,
    requestedAtMs: row.requested_at_ms,
    changedAtMs: row.changed_at_ms,
  };
}
