import { sql } from "kysely";
import { MAX_MICRO_USD, type MicroUsd } from "../../../platform/micro-usd.js";
import type { LedgerAccountKind, UserPart } from "../../ledger-store.js";
import type { Trx } from "../operation.js";

/** A change of one ledger account. `held` is what is set aside for reservations, or given back from that. */
export interface Move {
  readonly ledgerAccount: string;
  /** Absent = the platform's. */
  readonly owner: string | undefined;
  readonly kind: LedgerAccountKind;
  readonly amount: MicroUsd;
  readonly held: MicroUsd;
}

type PlatformKind = Exclude<LedgerAccountKind, UserPart>;

/** Each platform account is so many rows: every request moves `fees`, and nobody should have to wait there. */
const PLATFORM_ROWS = 16;

/** The name of a part of a user's money. No two users have one in common: what is before the stroke is a closed list. */
export function ledgerAccountOf(part: UserPart, owner: string): string {
  return `${part}/${owner}`;
}

/** What one transfer changes; changes of the same ledger account add up. */
export class Moves {
  readonly #transferId: string;
  readonly #moves = new Map<string, Move>();

  constructor(transferId: string) {
    this.#transferId = transferId;
  }

  user(part: UserPart, owner: string, amount: MicroUsd, held: MicroUsd = 0n): this {
    return this.#add({ ledgerAccount: ledgerAccountOf(part, owner), owner, kind: part, amount, held });
  }

  platform(kind: PlatformKind, amount: MicroUsd): this {
    const ledgerAccount = `${kind}/${rowOf(this.#transferId)}`;
    return this.#add({ ledgerAccount, owner: undefined, kind, amount, held: 0n });
  }

  /** In the order in which everybody takes the rows, so that nobody waits for somebody who waits for him. */
  inOrder(): readonly Move[] {
    const moves = [...this.#moves.values()].filter(({ amount, held }) => amount !== 0n || held !== 0n);
    return moves.sort((one, other) => (one.ledgerAccount < other.ledgerAccount ? -1 : 1));
  }

  #add(move: Move): this {
    const { amount = 0n, held = 0n } = this.#moves.get(move.ledgerAccount) ?? {};
    this.#moves.set(move.ledgerAccount, { ...move, amount: amount + move.amount, held: held + move.held });
    return this;
  }
}

/** FNV-1a. */
function rowOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let n = 0; n < text.length; n++) hash = Math.imul(hash ^ text.charCodeAt(n), 0x01000193);
  return (hash >>> 0) % PLATFORM_ROWS;
}

export type MoveResult =
  | { readonly type: "moved"; readonly balance: MicroUsd }
  /** A user would have less than nothing, or less than is set aside. */
  | { readonly type: "insufficient"; readonly available: MicroUsd }
  /** A user would have more than anybody may. */
  | { readonly type: "too_large" };

/** Changes one ledger account, which is made where there is none, or finds out why that cannot be. */
export async function move(trx: Trx, change: Move, mayBeNew = true): Promise<MoveResult> {
  const { ledgerAccount: id, owner, kind, amount, held } = change;
  const moved = await trx
    .updateTable("ledger_accounts")
    .set({ balance: sql`balance + ${amount}`, reserved: sql`reserved + ${held}` })
    .where("id", "=", id)
    .$if(owner !== undefined && (amount < 0n || held > 0n), (query) =>
      query.where(sql<boolean>`balance - reserved >= ${held - amount}`),
    )
    .$if(owner !== undefined && amount > 0n, (query) => query.where(sql<boolean>`balance <= ${MAX_MICRO_USD - amount}`))
    .returning("balance")
    .executeTakeFirst();
  if (moved !== undefined) return { type: "moved", balance: BigInt(moved.balance) };
  // Nobody owes anything before he has had something.
  if (mayBeNew && (owner === undefined || amount > 0n)) {
    await trx
      .insertInto("ledger_accounts")
      .values({ id, owner: owner ?? null, kind, balance: 0n, reserved: 0n })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    return move(trx, change, false);
  }
  if (amount > 0n) return { type: "too_large" };
  const available = await availableIn(trx, id);
  // Somebody has given something back since; now the row is ours.
  if (held > amount && available >= held - amount) return move(trx, change, false);
  return { type: "insufficient", available };
}

/** What is left of a ledger account; it is this transaction's until its end. */
export async function availableIn(trx: Trx, id: string): Promise<MicroUsd> {
  const row = await trx
    .updateTable("ledger_accounts")
    .set({ reserved: sql`reserved` })
    .where("id", "=", id)
    .returning(["balance", "reserved"])
    .executeTakeFirst();
  return row === undefined ? 0n : BigInt(row.balance) - BigInt(row.reserved);
}
