import type { ExtendResult, Extension, NewReservation, ReserveResult } from "../../ledger-store.js";
import type { Book, Needs, RowOf } from "./book.js";
import { hold } from "./hold.js";
import { accountsOf } from "./ledger-accounts.js";
import { consumerCost, partsToText } from "./parts.js";
import { setAsideOf, spendKeyOfReservation } from "./reservations.js";

export function needsOfReserve({ id, payer, budget }: NewReservation): Needs {
  return { reservations: [id], accounts: accountsOf(payer), spends: budget === undefined ? [] : [budget] };
}

/** Rules 4 and 5 of docs/ledger.md. */
export function reserve(book: Book, input: NewReservation): ReserveResult {
  const known = book.reservations.get(input.id);
  if (known !== undefined) return { type: isSame(known, input) ? "reserved" : "conflict" };
  const held = hold(book, { payer: input.payer, budget: input.budget, amount: input.max });
  if (held.type === "insufficient") return held;
  book.reservations.put({
    ...openRow(input),
    reserved_credit: held.credit,
    reserved_earned: held.earned,
  });
  return { type: "reserved" };
}

function isSame(known: RowOf<"reservations">, input: NewReservation): boolean {
  return (
    known.request_id === input.requestId &&
    known.account === input.account &&
    known.payer === input.payer &&
    BigInt(known.asked) === input.max &&
    (known.key_id ?? undefined) === input.budget?.keyId
  );
}

export function needsOfExtend({ id }: Extension): Needs {
  return { reservations: [id] };
}

/** Rules 6 and 7 of docs/ledger.md. */
export function extend(book: Book, { id, max, used, expiresAtMs }: Extension): ExtendResult {
  const row = book.reservations.get(id);
  if (row === undefined) return { type: "unknown" };
  if (row.state !== "open") return { type: "closed" };
  const owed = consumerCost(used);
  const told = {
    ...row,
    // Late ones change nothing back.
    ...(BigInt(row.used) <= owed && { used: owed, used_parts: partsToText(used) }),
    expires_at_ms: Math.max(row.expires_at_ms, expiresAtMs),
  };
  book.reservations.put(told);
  const { credit, earned, all } = setAsideOf(row);
  if (max <= all) return { type: "extended" };
  const held = hold(book, { payer: row.payer, budget: budgetOf(row), amount: max - all });
  if (held.type === "insufficient") return held;
  book.reservations.put({ ...told, reserved_credit: credit + held.credit, reserved_earned: earned + held.earned });
  return { type: "extended" };
}

function budgetOf(row: RowOf<"reservations">) {
  const key = spendKeyOfReservation(row);
  return key && { ...key, limit: BigInt(row.budget_limit ?? 0) };
}

function openRow({ budget, ...input }: NewReservation) {
  return {
    id: input.id,
    request_id: input.requestId,
    account: input.account,
    payer: input.payer,
    node: input.node,
    key_id: budget?.keyId ?? null,
    window_start_ms: budget?.windowStartMs ?? null,
    budget_limit: budget?.limit ?? null,
    fee_basis_points: input.feeBasisPoints,
    state: "open" as const,
    asked: input.max,
    used: 0n,
    used_parts: "[]",
    posted: 0n,
    refunded: 0n,
    resolved_by: null,
    created_at_ms: input.nowMs,
    expires_at_ms: input.expiresAtMs,
    resolved_at_ms: null,
  };
}
