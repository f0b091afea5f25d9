import type { DispatchPolicy } from "./types.js";

/** Everything about dispatch that an operator may tune. */
export interface PolicySettings extends Omit<DispatchPolicy, "ttftDeadlineMs" | "hedgeDelayMs"> {
  readonly ttftBaseMs: number;
  readonly ttftPerThousandTokensMs: number;
  readonly ttftMaxMs: number;
}

/** The numbers of the rules in `docs/dispatch.md`; the rule that each belongs to is named. */
export const DEFAULT_POLICY: PolicySettings = {
  maxAttempts: 3, // rule 2
  ttftBaseMs: 10_000, // rule 3
  ttftPerThousandTokensMs: 1_000, // rule 3
  ttftMaxMs: 120_000, // rule 3
  patienceMs: 600_000, // rule 5
  signExtensionMs: 45_000, // rule 4
  signExtensionsMax: 4, // rule 4
  preambleGraceMs: 90_000, // rule 3
  heldChunksMax: 8, // rule 1
  heldBytesMax: 64 * 1024, // rule 1
  contentGapMs: 45_000, // rule 6
};

/** The policy of one request: the settings, with the deadline that its prompt's size allows. */
export function policyFor(settings: PolicySettings, promptTokens: number, hedgeDelayMs?: number): DispatchPolicy {
  const scaled = settings.ttftBaseMs + (settings.ttftPerThousandTokensMs * promptTokens) / 1000;
  return { ...settings, ttftDeadlineMs: Math.min(settings.ttftMaxMs, scaled), hedgeDelayMs };
}
