import type { MicroUsd } from "../../../platform/micro-usd.js";
import type { TransferKind, TransferResult } from "../../ledger-store.js";
import { inserts, type Trx } from "../operation.js";
import { type Move, type Moves, move } from "./moves.js";

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
 * Moves money that is there. @returns what each ledger account has then
 *
 * @throws when it is not: nothing of the transaction may stay
 */
export async function moveAll(trx: Trx, moves: readonly Move[]): Promise<ReadonlyMap<string, MicroUsd>> {
  const balances = new Map<string, MicroUsd>();
  for (const change of moves) {
    const moved = await move(trx, change);
    if (moved.type !== "moved") throw new Error(`A transfer was refused half-way: ${moved.type}.`);
    balances.set(change.ledgerAccount, moved.balance);
  }
  return balances;
}

/** Writes down what has been moved: after the move, when the ledger accounts are this transaction's. */
export async function addTransfer(
  trx: Trx,
  { id, kind, account, amount, requestId, reason, actor, nowMs }: NewTransfer,
  moves: readonly Move[],
  balances: ReadonlyMap<string, MicroUsd>,
): Promise<void> {
  await trx
    .insertInto("transfers")
    .values({
      ...{ id, kind, account, amount, created_at_ms: nowMs },
      request_id: requestId ?? null,
      reason: reason ?? null,
      actor: actor ?? null,
    })
    .execute();
  const entries = moves
    .filter((change) => change.amount !== 0n)
    .map((change) => ({
      transfer_id: id,
      ledger_account: change.ledgerAccount,
      amount: change.amount,
      balance_after: balances.get(change.ledgerAccount) ?? 0n,
    }));
  for (const some of inserts(entries)) await trx.insertInto("entries").values(some).execute();
}

/** Whether a transfer of this id was made before, and whether it was this one. Who made it, and why, may be put anew. */
export async function madeBefore(trx: Trx, transfer: NewTransfer): Promise<"repeated" | "conflict" | undefined> {
  const known = await trx.selectFrom("transfers").selectAll().where("id", "=", transfer.id).executeTakeFirst();
  if (known === undefined) return undefined;
  const { kind, account, amount } = transfer;
  const isSame = known.kind === kind && known.account === account && BigInt(known.amount) === amount;
  return isSame ? "repeated" : "conflict";
}

/**
 * Makes a transfer once. Of two at a time the second one's insertion fails, and the engine tries that again: then it has
 * been made before. Only the first move may be refused, when nothing has been done yet.
 */
export async function transferOnce(trx: Trx, transfer: NewTransfer, all: Moves): Promise<TransferResult> {
  const before = await madeBefore(trx, transfer);
  if (before !== undefined) return { type: before };
  const moves = all.inOrder();
  const [first, ...others] = moves;
  if (first === undefined) throw new Error("A transfer moves something.");
  const moved = await move(trx, first);
  if (moved.type !== "moved") {
    // It may be the same transfer, made meanwhile, that has taken what there was.
    const meanwhile = await madeBefore(trx, transfer);
    return meanwhile === undefined ? moved : { type: meanwhile };
  }
  const balances = new Map([[first.ledgerAccount, moved.balance], ...(await moveAll(trx, others))]);
  await addTransfer(trx, transfer, moves, balances);
  return { type: "done" };
}

interface NewMessage {
  readonly id: string;
  readonly kind: string;
  readonly payload: Readonly<Record<string, string | number>>;
  readonly nowMs: number;
}

/** Puts something into the outbox: it is told if, and only if, this transaction takes hold. */
export async function tell(trx: Trx, { id, kind, payload, nowMs }: NewMessage): Promise<void> {
  await trx
    .insertInto("outbox")
    .values({
      ...{ id, kind, payload: JSON.stringify(payload), created_at_ms: nowMs },
      ...{ delivered_at_ms: null, attempts: 0, next_at_ms: nowMs },
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}
