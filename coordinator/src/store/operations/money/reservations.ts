import type { MicroUsd } from "../../../platform/micro-usd.js";
import type { WorkPart } from "../../ledger-store.js";
import type { RowOf, SpendKey } from "./book.js";

/** A reservation with what is set aside for it, as amounts. */
export interface SetAside {
  /** How much of it is which part of the payer's money. */
  readonly credit: MicroUsd;
  readonly earned: MicroUsd;
  readonly all: MicroUsd;
}

export function setAsideOf(row: RowOf<"reservations">): SetAside {
  const credit = BigInt(row.reserved_credit);
  const earned = BigInt(row.reserved_earned);
  return { credit, earned, all: credit + earned };
}

export function spendKeyOfReservation({ key_id, window_start_ms }: RowOf<"reservations">): SpendKey | undefined {
  if (key_id === null || window_start_ms === null) return undefined;
  return { keyId: key_id, windowStartMs: window_start_ms };
}

/** Whether the work that was posted is this, in this order. */
export function isSameWork(kept: readonly RowOf<"work_parts">[], given: readonly WorkPart[]): boolean {
  return kept.length === given.length && kept.every((row, n) => isSamePart(row, given[n]));
}

function isSamePart(row: RowOf<"work_parts">, part: WorkPart | undefined): boolean {
  return (
    part !== undefined &&
    row.payer === part.payer &&
    row.account === part.account &&
    row.machine === part.machine &&
    row.model === part.model &&
    row.attempt_id === part.attemptId &&
    BigInt(row.gross) === part.gross &&
    row.prompt_tokens === part.promptTokens &&
    row.completion_tokens === part.completionTokens
  );
}
