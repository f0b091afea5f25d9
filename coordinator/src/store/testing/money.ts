import type { Income, LedgerStore, NewReservation, WorkPart } from "../ledger-store.js";

/** A deposit for Anna; its id is another one's when nothing else is. */
export function income(id: string, amount: bigint, given: Partial<Income> = {}): Income {
  return { id, account: "anna", amount, reason: "bought", actor: "admin", nowMs: 1_000, ...given };
}

/** A reservation of Anna's money for a request of hers. */
export function reservation(id: string, max: bigint, given: Partial<NewReservation> = {}): NewReservation {
  return {
    ...{ id, requestId: `req_${id}`, account: "anna", payer: "anna", node: "node-1", max, feeBasisPoints: 1_000 },
    ...{ nowMs: 1_000, expiresAtMs: 61_000, ...given },
  };
}

/** What Ben's machine has done for the consumer. */
export function part(gross: bigint, given: Partial<WorkPart> = {}): WorkPart {
  return {
    ...{ payer: "consumer", account: "ben", machine: "mach_1", model: "qwen3-8b", attemptId: "att_1", gross },
    ...{ promptTokens: 10, completionTokens: 5, ...given },
  };
}

/** Of a key of Anna's. */
export const SOME_BUDGET = { keyId: "key_1", windowStartMs: 0, limit: 1_000n } as const;

/** A reservation in each state, one of them refunded, a deposit for the given reason and a correction. */
export async function moveSomeMoney(ledger: LedgerStore, reason?: string): Promise<void> {
  await ledger.deposit(income("d", 1_000n, reason === undefined ? {} : { reason }));
  await ledger.correct({ ...income("c", 500n, { account: "ben" }), part: "earned" });
  await ledger.reserve(reservation("r1", 100n, { budget: SOME_BUDGET }));
  await ledger.post({ id: "r1", parts: [part(120n), part(30n, { payer: "platform" })], nowMs: 2_000 });
  await ledger.reserve(reservation("r2", 50n, { budget: SOME_BUDGET }));
  await ledger.reserve(reservation("r3", 50n));
  await ledger.void("r3", 3_000);
  await ledger.refund({ ...income("f", 10n), reservationId: "r1" });
}
