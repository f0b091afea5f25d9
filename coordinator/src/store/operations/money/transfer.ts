import type { MicroUsd } from "../../../platform/micro-usd.js";
import type { TransferKind } from "../../ledger-kinds.js";
import type { TransferResult } from "../../ledger-store.js";
import type { Book } from "./book.js";
import { balanceOf, type Moves, move, refusalOf } from "./moves.js";

/** What one transfer is, beside its entries. */
export interface NewTransfer {
  readonly id: string;
  readonly kind: TransferKind;
  /** Whom it is about. */
  readonly account: string;
  readonly amount: MicroUsd;
  readonly requestId?: string | undefined;
  readonly reason?: string | undefined;
  readonly actor?: string | undefined;
  readonly nowMs: number;
}

/**
 * Moves money that is there.
 *
 * @throws when it is not: nothing of the operation may stay
 */
export function moveAll(book: Book, moves: Moves): void {
  for (const change of moves.all()) {
    const refusal = refusalOf(book, change);
    if (refusal !== undefined) throw new Error(`A transfer was refused half-way: ${refusal.type}.`);
    move(book, change);
  }
}

/** Writes down what has been moved. */
export function addTransfer(book: Book, transfer: NewTransfer, moves: Moves): void {
  const { id, kind, account, amount, requestId, reason, actor, nowMs } = transfer;
  book.transfers.put({
    ...{ id, kind, account, amount, created_at_ms: nowMs },
    request_id: requestId ?? null,
    reason: reason ?? null,
    actor: actor ?? null,
  });
  for (const { ledgerAccount, amount } of moves.all()) {
    if (amount === 0n) continue;
    const balance_after = balanceOf(book, ledgerAccount);
    book.entries.add({ transfer_id: id, ledger_account: ledgerAccount, amount, balance_after });
  }
}

/** Whether a transfer of this id was made before, and whether it was this one. Who made it, and why, may be put anew. */
export function madeBefore(book: Book, transfer: NewTransfer): "repeated" | "conflict" | undefined {
  const known = book.transfers.get(transfer.id);
  if (known === undefined) return undefined;
  const { kind, account, amount, requestId } = transfer;
  const isAbout = known.kind === kind && known.account === account && (known.request_id ?? undefined) === requestId;
  const isSame = isAbout && BigInt(known.amount) === amount;
  return isSame ? "repeated" : "conflict";
}

/** Makes a transfer once, all of it or, when a part of it is refused, nothing. */
export function transferOnce(book: Book, transfer: NewTransfer, moves: Moves): TransferResult {
  const before = madeBefore(book, transfer);
  if (before !== undefined) return { type: before };
  for (const change of moves.all()) {
    const refusal = refusalOf(book, change);
    if (refusal !== undefined) return refusal;
  }
  moveAll(book, moves);
  addTransfer(book, transfer, moves);
  return { type: "done" };
}

interface NewMessage {
  readonly id: string;
  readonly kind: string;
  readonly payload: Readonly<Record<string, string | number>>;
  readonly nowMs: number;
}

/** Puts something into the outbox: it is told if, and only if, this operation takes hold. */
export function tell(book: Book, { id, kind, payload, nowMs }: NewMessage): void {
  book.outbox.add({
    ...{ id, kind, payload: JSON.stringify(payload), created_at_ms: nowMs },
    ...{ delivered_at_ms: null, attempts: 0, next_at_ms: nowMs },
  });
}
