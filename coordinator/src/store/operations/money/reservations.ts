import type { Selectable } from "kysely";
import type { MicroUsd } from "../../../platform/micro-usd.js";
import type { Budget, ReservationState, WorkPart } from "../../ledger-store.js";
import type { ReservationRow } from "../../schema/money-tables.js";
import type { Trx } from "../operation.js";
import { partsOfText } from "./parts.js";

/** A reservation as operations see it. */
export interface StoredReservation {
  readonly id: string;
  readonly requestId: string;
  readonly payer: string;
  readonly budget: Budget | undefined;
  readonly feeBasisPoints: number;
  readonly state: ReservationState;
  /** How much of it is which part of the payer's money. */
  readonly credit: MicroUsd;
  readonly earned: MicroUsd;
  readonly usedParts: readonly WorkPart[];
  readonly posted: MicroUsd;
}

export function reservationOf(row: Selectable<ReservationRow>): StoredReservation {
  const { key_id, window_start_ms, budget_limit } = row;
  return {
    id: row.id,
    requestId: row.request_id,
    payer: row.payer,
    budget:
      key_id === null || window_start_ms === null
        ? undefined
        : { keyId: key_id, windowStartMs: window_start_ms, limit: BigInt(budget_limit ?? 0) },
    feeBasisPoints: row.fee_basis_points,
    state: row.state,
    credit: BigInt(row.reserved_credit),
    earned: BigInt(row.reserved_earned),
    usedParts: partsOfText(row.used_parts),
    posted: BigInt(row.posted),
  };
}

export async function stateOf(trx: Trx, id: string): Promise<ReservationState | undefined> {
  return (await trx.selectFrom("reservations").select("state").where("id", "=", id).executeTakeFirst())?.state;
}
