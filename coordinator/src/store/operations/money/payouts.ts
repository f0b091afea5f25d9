import { type Selectable, sql } from "kysely";
import type { PayoutState, TransferKind } from "../../ledger-kinds.js";
import type { Payout, PayoutChange, PayoutChangeResult, PayoutRequest, TransferResult } from "../../ledger-store.js";
import type { MoneyTables } from "../../schema/money-tables.js";
import type { Trx } from "../operation.js";
import type { Book, Needs, RowOf } from "./book.js";
import { ledgerAccountOf, platformAccountOf } from "./ledger-accounts.js";
import { Moves } from "./moves.js";
import { addTransfer, moveAll, tell, transferOnce } from "./transfer.js";

export function needsOfPayout({ id, account }: PayoutRequest): Needs {
  const accounts = [ledgerAccountOf("earned", account), ledgerAccountOf("pending", account)];
  return { transfers: [`payout/${id}`], accounts };
}

/** Rule 16 of docs/ledger.md. */
export function requestPayout(book: Book, input: PayoutRequest): TransferResult {
  const { id, account, amount, actor, nowMs } = input;
  const transferId = `payout/${id}`;
  const moves = new Moves(transferId).user("earned", account, -amount).user("pending", account, amount);
  const result = transferOnce(book, { ...input, id: transferId, kind: "payout_requested" }, moves);
  if (result.type !== "done") return result;
  const payout = { id, account, amount, actor, state: "requested", reason: null } as const;
  setPayout(book, { ...payout, requested_at_ms: nowMs, changed_at_ms: nowMs });
  return result;
}

/** The state that each is reached from. */
const FROM = { paid: "requested", failed: "requested", returned: "paid" } as const;
const KINDS: Readonly<Record<PayoutChange["to"], TransferKind>> = {
  paid: "payout_paid",
  failed: "payout_failed",
  returned: "payout_returned",
};

export function needsOfPayoutChange({ id, to }: PayoutChange): Needs {
  return { payouts: [id], accounts: [platformAccountOf("external", changeIdOf(to, id))] };
}

/** The money of who is paid out. */
export function moreForPayoutChange(book: Book, { id }: PayoutChange): Needs {
  const account = book.payouts.get(id)?.account;
  if (account === undefined) return {};
  return { accounts: [ledgerAccountOf("earned", account), ledgerAccountOf("pending", account)] };
}

/** Rule 17. */
export function changePayout(book: Book, { id, to, reason, actor, nowMs }: PayoutChange): PayoutChangeResult {
  const row = book.payouts.get(id);
  if (row === undefined) return { type: "unknown" };
  if (row.state === to) return { type: "repeated", payout: payoutOf(row) };
  if (row.state !== FROM[to]) return { type: "conflict", state: row.state };
  const changed = { ...row, state: to, reason, actor, changed_at_ms: nowMs };
  const payout = payoutOf(changed);
  const { account, amount } = payout;
  const transferId = changeIdOf(to, id);
  const moves = movesTo(to, payout, transferId);
  moveAll(book, moves);
  addTransfer(book, { id: transferId, kind: KINDS[to], account, amount, reason, actor, nowMs }, moves);
  setPayout(book, changed);
  return { type: "done", payout };
}

function changeIdOf(to: PayoutChange["to"], id: string): string {
  return `payout-${to}/${id}`;
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

/** Each state is told as it is reached. */
function setPayout(book: Book, row: RowOf<"payouts">): void {
  book.payouts.put(row);
  const { id, account, amount, state } = row;
  const payload = { payout: id, account, amount_micro_usd: Number(amount), state };
  tell(book, { id: `payout-${state}/${id}`, kind: `payout.${state}`, payload, nowMs: row.changed_at_ms });
}

export interface PayoutPage {
  readonly id?: string | undefined;
  readonly account?: string | undefined;
  readonly state?: PayoutState | undefined;
  readonly limit: number;
  readonly after?: string | undefined;
}

/** Oldest first. */
export async function listPayouts(
  trx: Trx,
  { id, account, state, limit, after }: PayoutPage,
): Promise<readonly Payout[]> {
  let query = trx.selectFrom("payouts").selectAll();
  if (id !== undefined) query = query.where("id", "=", id);
  if (account !== undefined) query = query.where("account", "=", account);
  if (state !== undefined) query = query.where("state", "=", state);
  if (after !== undefined) {
    const last = trx.selectFrom("payouts").select(["requested_at_ms", "id"]).where("id", "=", after);
    query = query.where(sql<boolean>`(requested_at_ms, id) > ${last}`);
  }
  return (await query.orderBy("requested_at_ms").orderBy("id").limit(limit).execute()).map(payoutOf);
}

function payoutOf(row: Selectable<MoneyTables["payouts"]> | RowOf<"payouts">): Payout {
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
