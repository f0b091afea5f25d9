import type { PolicySettings } from "../dispatch/policy.js";
import type { Alias } from "../selection/catalog.js";
import type { Caller } from "./classify.js";

/**
 * How long a request waits for its first content, ms from its arrival: as long as its consumer asks, else as long as the
 * alias that it names, else as long as the operator lets any; and no longer than the consumer's program stays.
 */
export function patienceOf(
  { patienceMs, hangsUpAfterMs = Number.POSITIVE_INFINITY }: Pick<Caller, "patienceMs" | "hangsUpAfterMs">,
  alias: Alias | undefined,
  settings: Pick<PolicySettings, "patienceMs">,
): number {
  return Math.min(patienceMs ?? alias?.patienceMs ?? settings.patienceMs, hangsUpAfterMs);
}
