import type { PolicySettings } from "../dispatch/policy.js";
import type { Alias } from "../selection/catalog.js";
import type { Caller } from "./classify.js";

/**
 * How long a request waits for its first content, ms from its arrival: as the consumer asks, else as its alias is
 * configured, else the general setting; and never longer than the consumer's program stays connected.
 */
export function patienceOf(
  { patienceMs, hangsUpAfterMs = Number.POSITIVE_INFINITY }: Pick<Caller, "patienceMs" | "hangsUpAfterMs">,
  alias: Alias | undefined,
  settings: Pick<PolicySettings, "patienceMs">,
): number {
  return Math.min(patienceMs ?? alias?.patienceMs ?? settings.patienceMs, hangsUpAfterMs);
}
