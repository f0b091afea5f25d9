import type { MicroUsd } from "../../../platform/micro-usd.js";
import type { Budget, Insufficient } from "../../ledger-store.js";
import { type Book, type SpendKey, spendKeyOf } from "./book.js";
import { ledgerAccountOf } from "./ledger-accounts.js";
import { availableIn, move } from "./moves.js";
import { smallerOf } from "./parts.js";

export interface ToHold {
  readonly payer: string;
  readonly budget: Budget | undefined;
  readonly amount: MicroUsd;
}

export interface Held {
  readonly type: "held";
  readonly credit: MicroUsd;
  readonly earned: MicroUsd;
}

/** Sets money aside, of the budget and of what the payer has, or of neither: of what can only be spent first. */
export function hold(book: Book, { payer, budget, amount }: ToHold): Held | Insufficient {
  const left = budget === undefined ? amount : budget.limit - takenOf(book, budget);
  if (left < amount) return { type: "insufficient", limitedBy: "budget", available: left > 0n ? left : 0n };
  const ofCredit = availableIn(book, ledgerAccountOf("credit", payer));
  const available = ofCredit + availableIn(book, ledgerAccountOf("earned", payer));
  if (available < amount) return { type: "insufficient", limitedBy: "balance", available };
  const credit = smallerOf(amount, ofCredit);
  const earned = amount - credit;
  if (budget !== undefined) changeSpend(book, budget, { held: amount, spent: 0n });
  if (credit > 0n) setAside(book, "credit", payer, credit);
  if (earned > 0n) setAside(book, "earned", payer, earned);
  return { type: "held", credit, earned };
}

function setAside(book: Book, kind: "credit" | "earned", owner: string, held: MicroUsd): void {
  move(book, { ledgerAccount: ledgerAccountOf(kind, owner), owner, kind, amount: 0n, held });
}

/** What is spent and set aside of a key's budget. */
function takenOf(book: Book, budget: Budget): MicroUsd {
  const row = book.spends.get(spendKeyOf(budget));
  return row === undefined ? 0n : BigInt(row.spent) + BigInt(row.reserved);
}

/** Changes what is set aside of a key's budget, and what was spent of it. */
export function changeSpend(
  book: Book,
  { keyId, windowStartMs }: SpendKey,
  { held, spent }: { held: MicroUsd; spent: MicroUsd },
): void {
  const before = book.spends.get(spendKeyOf({ keyId, windowStartMs }));
  book.spends.put({
    key_id: keyId,
    window_start_ms: windowStartMs,
    spent: BigInt(before?.spent ?? 0) + spent,
    reserved: BigInt(before?.reserved ?? 0) + held,
  });
}
