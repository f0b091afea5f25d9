import { sql } from "kysely";
import type { MicroUsd } from "../../../platform/micro-usd.js";
import type {
  Budget,
  ExtendResult,
  Extension,
  Insufficient,
  NewReservation,
  ReserveResult,
} from "../../ledger-store.js";
import type { Trx } from "../operation.js";
import { hold, holdBudget, settleBudget } from "./hold.js";
import { consumerCost, partsToText } from "./parts.js";
import { reservationOf, type StoredReservation, stateOf } from "./reservations.js";

/** Rules 4 and 5 of docs/ledger.md. */
export async function reserve(trx: Trx, input: NewReservation): Promise<ReserveResult> {
  const { id, payer, max, budget } = input;
  const { numInsertedOrUpdatedRows } = await trx
    .insertInto("reservations")
    .values(rowOf(input))
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow();
  if (numInsertedOrUpdatedRows !== 1n) return repeated(trx, input);
  const held = await holdAll(trx, { payer, budget, amount: max });
  if (held.type === "insufficient") {
    // A refusal leaves no trace: once there is money, the same may be asked again.
    await trx.deleteFrom("reservations").where("id", "=", id).execute();
    return held;
  }
  if (held.earned > 0n) await addReserved(trx, id, { credit: held.credit - max, earned: held.earned });
  return { type: "reserved" };
}

async function repeated(trx: Trx, input: NewReservation): Promise<ReserveResult> {
  const known = await trx.selectFrom("reservations").selectAll().where("id", "=", input.id).executeTakeFirst();
  const isSame =
    known !== undefined &&
    known.request_id === input.requestId &&
    known.account === input.account &&
    known.payer === input.payer &&
    BigInt(known.asked) === input.max &&
    (known.key_id ?? undefined) === input.budget?.keyId;
  return { type: isSame ? "reserved" : "conflict" };
}

/** Rules 6 and 7 of docs/ledger.md. */
export async function extend(trx: Trx, extension: Extension): Promise<ExtendResult> {
  const { id, max, used, expiresAtMs } = extension;
  const owed = consumerCost(used);
  // Late ones change nothing back.
  const row = await trx
    .updateTable("reservations")
    .set({
      used_parts: sql`CASE WHEN used <= ${owed} THEN ${partsToText(used)} ELSE used_parts END`,
      used: sql`CASE WHEN used <= ${owed} THEN ${owed} ELSE used END`,
      expires_at_ms: sql`CASE WHEN expires_at_ms < ${expiresAtMs} THEN ${expiresAtMs} ELSE expires_at_ms END`,
    })
    .where("id", "=", id)
    .where("state", "=", "open")
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) {
    const state = await stateOf(trx, id);
    // It has been made since.
    if (state === "open") return extend(trx, extension);
    return { type: state === undefined ? "unknown" : "closed" };
  }
  const { payer, budget, credit, earned } = reservationOf(row);
  const amount = max - credit - earned;
  if (amount <= 0n) return { type: "extended" };
  const held = await holdAll(trx, { payer, budget, amount });
  if (held.type === "insufficient") return held;
  await addReserved(trx, id, held);
  return { type: "extended" };
}

interface ToHold {
  readonly payer: string;
  readonly budget: Budget | undefined;
  readonly amount: MicroUsd;
}

/** Of the budget and of the money, or of neither. */
async function holdAll(
  trx: Trx,
  { payer, budget, amount }: ToHold,
): Promise<{ type: "held"; credit: MicroUsd; earned: MicroUsd } | Insufficient> {
  if (budget !== undefined) {
    const held = await holdBudget(trx, budget, amount);
    if (held.type === "insufficient") return held;
  }
  const held = await hold(trx, payer, amount);
  if (held.type === "insufficient" && budget !== undefined)
    await settleBudget(trx, budget, { held: amount, spent: 0n });
  return held;
}

async function addReserved(
  trx: Trx,
  id: string,
  { credit, earned }: Pick<StoredReservation, "credit" | "earned">,
): Promise<void> {
  await trx
    .updateTable("reservations")
    .set({ reserved_credit: sql`reserved_credit + ${credit}`, reserved_earned: sql`reserved_earned + ${earned}` })
    .where("id", "=", id)
    .execute();
}

/** As if all of it were of the payer's credit, which it nearly always is. */
function rowOf({ budget, ...input }: NewReservation) {
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
    reserved_credit: input.max,
    reserved_earned: 0n,
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
