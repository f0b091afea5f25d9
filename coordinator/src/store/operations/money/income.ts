import type { Correction, Income, Refund, TransferResult } from "../../ledger-store.js";
import type { Book, Needs } from "./book.js";
import { ledgerAccountOf, platformAccountOf } from "./ledger-accounts.js";
import { Moves } from "./moves.js";
import { smallerOf } from "./parts.js";
import { setAsideOf } from "./reservations.js";
import { madeBefore, type NewTransfer, tell, transferOnce } from "./transfer.js";

type IncomeKind = "deposit" | "grant";
const SOURCES = { deposit: "external", grant: "grants" } as const;

export const needsOfDeposit = (input: Income): Needs => needsOfIncome(input, "deposit");
export const needsOfGrant = (input: Income): Needs => needsOfIncome(input, "grant");

function needsOfIncome({ id, account }: Income, kind: IncomeKind): Needs {
  const transferId = `${kind}/${id}`;
  const accounts = [ledgerAccountOf("credit", account), platformAccountOf(SOURCES[kind], transferId)];
  return { transfers: [transferId], accounts };
}

/** Rule 13 of docs/ledger.md. */
export const deposit = (book: Book, input: Income): TransferResult => come(book, input, "deposit");
export const grant = (book: Book, input: Income): TransferResult => come(book, input, "grant");

function come(book: Book, input: Income, kind: IncomeKind): TransferResult {
  const id = `${kind}/${input.id}`;
  const moves = new Moves(id).user("credit", input.account, input.amount).platform(SOURCES[kind], -input.amount);
  return transferOnce(book, { ...input, id, kind }, moves);
}

export function needsOfCorrect({ id, account, part }: Correction): Needs {
  const transferId = `correction/${id}`;
  const accounts = [ledgerAccountOf(part, account), platformAccountOf("losses", transferId)];
  return { transfers: [transferId], accounts };
}

/** Rule 14. */
export function correct(book: Book, input: Correction): TransferResult {
  const { account, part, amount } = input;
  const id = `correction/${input.id}`;
  const moves = new Moves(id).user(part, account, amount).platform("losses", -amount);
  const result = transferOnce(book, { ...input, id, kind: "correction" }, moves);
  // As much on the other part of the same account is another correction.
  const isOther = result.type === "repeated" && !hasEntry(book, id, ledgerAccountOf(part, account));
  return isOther ? { type: "conflict" } : result;
}

/** Of one that was made before, what it has moved. */
export function moreForCorrect(book: Book, { id }: Correction): Needs {
  const transferId = `correction/${id}`;
  return book.transfers.get(transferId) === undefined ? {} : { entries: [transferId] };
}

function hasEntry(book: Book, transferId: string, ledgerAccount: string): boolean {
  const entries = [...(book.written.get(transferId)?.entries ?? []), ...book.entries.rows];
  return entries.some((entry) => entry.transfer_id === transferId && entry.ledger_account === ledgerAccount);
}

export function needsOfRefund({ id, reservationId }: Refund): Needs {
  const transferId = `refund/${id}`;
  const accounts = [platformAccountOf("losses", transferId)];
  return { reservations: [reservationId], transfers: [transferId], accounts };
}

/** Rule 15: what was taken last is given back first, so that nobody can pay out what he has bought. */
export function refund(book: Book, input: Refund): TransferResult {
  const { reservationId, amount, nowMs } = input;
  const row = book.reservations.get(reservationId);
  if (row?.state !== "posted") return { type: "unknown" };
  const { payer, request_id: requestId } = row;
  const id = `refund/${input.id}`;
  const posted = BigInt(row.posted);
  const refunded = BigInt(row.refunded);
  const ofEarned = posted - smallerOf(posted, setAsideOf(row).credit);
  const toEarned = smallerOf(amount, ofEarned > refunded ? ofEarned - refunded : 0n);
  const moves = new Moves(id)
    .user("earned", payer, toEarned)
    .user("credit", payer, amount - toEarned)
    .platform("losses", -amount);
  const transfer: NewTransfer = { ...input, id, kind: "refund", account: payer, requestId };
  const before = madeBefore(book, transfer);
  if (before !== undefined) return { type: before };
  if (amount > posted - refunded) return { type: "insufficient", available: posted - refunded };
  const result = transferOnce(book, transfer, moves);
  if (result.type !== "done") return result;
  book.reservations.put({ ...row, refunded: refunded + amount });
  const payload = { account: payer, request_id: requestId, amount_micro_usd: Number(amount) };
  tell(book, { id, kind: "request.refunded", payload, nowMs });
  return result;
}
