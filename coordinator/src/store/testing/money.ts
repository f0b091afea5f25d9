import type { Income, NewReservation, WorkPart } from "../ledger-store.js";

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
