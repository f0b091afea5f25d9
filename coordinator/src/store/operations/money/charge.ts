import type { MicroUsd } from "../../../platform/micro-usd.js";
import type { Posting } from "../../ledger-store.js";
import type { Book, RowOf } from "./book.js";
import { ledgerAccountOf } from "./ledger-accounts.js";
import { balanceOf, Moves } from "./moves.js";
import { hourOf, type PricedPart, pricedPart, smallerOf } from "./parts.js";
import { setAsideOf } from "./reservations.js";
import { addTransfer, moveAll, tell } from "./transfer.js";

/** The transfer that a reservation is posted by. */
export function chargeIdOf(reservationId: string): string {
  return `charge/${reservationId}`;
}

/** Rules 9 and 10 of docs/ledger.md: one transfer from who pays to who has worked, and the platform's share. */
export function charge(book: Book, taken: RowOf<"reservations">, posting: Posting): void {
  const { payer, request_id: requestId } = taken;
  const { credit, earned } = setAsideOf(taken);
  const posted = BigInt(taken.posted);
  const parts = posting.parts.map((part) => pricedPart(part, taken.fee_basis_points));
  const id = chargeIdOf(taken.id);
  const ofCredit = smallerOf(posted, credit);
  const gross = sumOf(parts, "gross");
  const moves = new Moves(id)
    .user("credit", payer, -ofCredit, -credit)
    .user("earned", payer, ofCredit - posted, -earned)
    .platform("fees", sumOf(parts, "fee"))
    .platform("losses", posted - gross);
  for (const { account, net } of parts) moves.user("earned", account, net);
  moveAll(book, moves);
  const { nowMs, lowBalance } = posting;
  if (gross > 0n) addTransfer(book, { id, kind: "charge", account: payer, amount: posted, requestId, nowMs }, moves);
  addWork(book, taken.id, parts, nowMs);
  if (lowBalance !== undefined) tellLowBalance(book, taken, lowBalance, nowMs);
}

function addWork(book: Book, reservationId: string, parts: readonly PricedPart[], nowMs: number): void {
  const hour_ms = hourOf(nowMs);
  const rows = parts.map((part, n) => {
    const { account, machine, model, gross, fee, net } = part;
    const sums = { account, machine, model, hour_ms, gross, fee, net };
    const tokens = { prompt_tokens: part.promptTokens, completion_tokens: part.completionTokens };
    book.earnings.add({ ...sums, ...tokens, requests: 1 });
    return { ...sums, ...tokens, reservation_id: reservationId, n, payer: part.payer, attempt_id: part.attemptId };
  });
  book.works.put({ reservationId, parts: rows });
}

function sumOf(parts: readonly PricedPart[], member: "gross" | "fee"): MicroUsd {
  return parts.reduce((sum, part) => sum + part[member], 0n);
}

/** Tells once that what can be spent has fallen below the bound: when it does, not while it is. */
function tellLowBalance(book: Book, taken: RowOf<"reservations">, lowBalance: MicroUsd, nowMs: number): void {
  const { id, payer } = taken;
  const left = balanceOf(book, ledgerAccountOf("credit", payer)) + balanceOf(book, ledgerAccountOf("earned", payer));
  if (left >= lowBalance || left + BigInt(taken.posted) < lowBalance) return;
  const payload = { account: payer, available_micro_usd: Number(left) };
  tell(book, { id: `low_balance/${id}`, kind: "balance.low", payload, nowMs });
}
