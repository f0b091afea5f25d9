import { MAX_MICRO_USD, type MicroUsd } from "../../../platform/micro-usd.js";
import type { LedgerAccountKind, UserPart } from "../../ledger-kinds.js";
import type { Book } from "./book.js";
import { ledgerAccountOf, type PlatformKind, platformAccountOf } from "./ledger-accounts.js";

/** A change of one ledger account. `held` is what is set aside for reservations, or given back from that. */
export interface Move {
  readonly ledgerAccount: string;
  /** Absent = the platform's. */
  readonly owner: string | undefined;
  readonly kind: LedgerAccountKind;
  readonly amount: MicroUsd;
  readonly held: MicroUsd;
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
    const ledgerAccount = platformAccountOf(kind, this.#transferId);
    return this.#add({ ledgerAccount, owner: undefined, kind, amount, held: 0n });
  }

  /** Those that change something. */
  all(): readonly Move[] {
    return [...this.#moves.values()].filter(({ amount, held }) => amount !== 0n || held !== 0n);
  }

  #add(move: Move): this {
    const { amount = 0n, held = 0n } = this.#moves.get(move.ledgerAccount) ?? {};
    this.#moves.set(move.ledgerAccount, { ...move, amount: amount + move.amount, held: held + move.held });
    return this;
  }
}

/** Why a change cannot be. */
export type MoveRefusal =
  /** A user would have less than nothing, or less than is set aside. */
  | { readonly type: "insufficient"; readonly available: MicroUsd }
  /** A user would have more than anybody may. */
  | { readonly type: "too_large" };

/** Why a change cannot be, if it cannot. */
export function refusalOf(book: Book, { ledgerAccount: id, owner, amount, held }: Move): MoveRefusal | undefined {
  if (owner === undefined) return undefined;
  const available = availableIn(book, id);
  if ((amount < 0n || held > 0n) && available + amount < held) return { type: "insufficient", available };
  if (amount > 0n && balanceOf(book, id) + amount > MAX_MICRO_USD) return { type: "too_large" };
  return undefined;
}

/** Changes one ledger account, which is made where there is none. */
export function move(book: Book, { ledgerAccount: id, owner, kind, amount, held }: Move): void {
  const { balance = 0, reserved = 0 } = book.accounts.get(id) ?? {};
  book.accounts.put({
    id,
    owner: owner ?? null,
    kind,
    balance: BigInt(balance) + amount,
    reserved: BigInt(reserved) + held,
  });
}

export function balanceOf(book: Book, id: string): MicroUsd {
  return BigInt(book.accounts.get(id)?.balance ?? 0);
}

/** What is left of a ledger account. */
export function availableIn(book: Book, id: string): MicroUsd {
  const account = book.accounts.get(id);
  return account === undefined ? 0n : BigInt(account.balance) - BigInt(account.reserved);
}
