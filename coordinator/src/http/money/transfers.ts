import type { IncomingHttpHeaders } from "node:http";
import { randomId } from "@hearth/platform";
import { usdText } from "../../platform/decimal-text.js";
import { digestOf } from "../../platform/digest.js";
import { HearthError } from "../../platform/errors.js";
import type { TransferResult } from "../../store/ledger-store.js";
import { idempotencyKeyOf } from "../idempotency/serve-once.js";

/**
 * The id of an entry that somebody makes: with an `Idempotency-Key` always the same, so that it is made once.
 *
 * @param whose who may use the key: the same key of others is another one
 * @throws HearthError `invalid_request` for a key that is none
 */
export function moneyIdOf(prefix: string, whose: string, headers: IncomingHttpHeaders): string {
  const key = idempotencyKeyOf(headers["idempotency-key"]);
  return key === undefined ? randomId(`${prefix}_`) : `${prefix}_${digestOf("money", prefix, whose, key)}`;
}

/** @returns whether it was made now or before @throws HearthError for an entry that was not made */
export function requireMade(result: TransferResult): "done" | "repeated" {
  switch (result.type) {
    case "done":
    case "repeated":
      return result.type;
    case "insufficient":
      throw new HearthError("insufficient_quota", `Only ${usdText(result.available)} can be taken for it.`, {
        param: "amount_micro_usd",
      });
    case "too_large":
      throw new HearthError("invalid_request", "Nobody may own that much.", { param: "amount_micro_usd" });
    case "conflict":
      throw new HearthError("idempotency_key_reused", "This Idempotency-Key came before, with something else.");
    case "unknown":
      throw new HearthError("not_found", "There is no such request that was paid for.");
  }
}
