import { DEFAULT_EVIDENCE, type EvidenceSettings } from "../selection/evidence/settings.js";
import type { DispatchPolicy } from "./types.js";

/** Everything about dispatch that an operator may tune. */
export interface PolicySettings extends Omit<DispatchPolicy, "patienceAt" | "hedgeDelayMs"> {
  /** A stream is opened after this long without content, its errors in-band from then on, ms; absent = never. */
  readonly openStreamsAfterMs?: number | undefined;
  /** A build counts as working when a provider answered with it within this time, ms. */
  readonly provenMs: number;
  /** The shortest time to first content that any provider is expected to need, ms. */
  readonly ttftBaseMs: number;
  /** Time expected for each 1,000 prompt tokens on a machine that was never measured, ms. */
  readonly ttftPerThousandTokensMs: number;
}

/** The numbers of the rules in `docs/dispatch.md`, each with the rule that it belongs to. */
export const DEFAULT_POLICY: PolicySettings = {
  maxAttempts: 6, // rule 2
  maxCostlyAttempts: 3, // rule 2
  costlyMs: 1_000, // rule 2
  provenMs: 60_000, // rule 2
  ttftBaseMs: 10_000, // rule 3
  ttftPerThousandTokensMs: 2_000, // rule 3
  deadlineFactor: 1.5, // rule 3
  reseekMs: 1_000, // rule 3
  signExtensionMs: 45_000, // rule 3
  signExtensionsMax: 4, // rule 3
  loadingMaxMs: 600_000, // rule 3
  patienceMs: 600_000, // rule 5
  heldChunksMax: 8, // rule 1
  heldBytesMax: 64 * 1024, // rule 1
  contentGapMs: 45_000, // rule 7
  signsAloneMs: 600_000, // rule 7
};

/** The part of the evidence settings that no dispatch setting stands for. */
type OtherEvidence = Omit<EvidenceSettings, "leastMs" | "assumedPrefillTps">;

/** The evidence settings, with the operator's expectations of machines that were never measured. */
export function evidenceSettings(
  { ttftBaseMs, ttftPerThousandTokensMs }: PolicySettings,
  others: OtherEvidence = DEFAULT_EVIDENCE,
): EvidenceSettings {
  return { ...others, leastMs: ttftBaseMs, assumedPrefillTps: 1_000_000 / ttftPerThousandTokensMs };
}

/** What one request brings to its policy. */
export interface PolicyTerms {
  /** When the request came, ms on the coordinator's clock. */
  readonly arrivedAt: number;
  /** How long its consumer waits for the first content at most, ms; absent = as long as the operator says. */
  readonly patienceMs?: number | undefined;
  readonly hedgeDelayMs: DispatchPolicy["hedgeDelayMs"];
}

/** The policy of one request. */
export function policyFor(
  settings: PolicySettings,
  { arrivedAt, patienceMs, hedgeDelayMs }: PolicyTerms,
): DispatchPolicy {
  const patience = patienceMs ?? settings.patienceMs;
  return { ...settings, patienceMs: patience, patienceAt: arrivedAt + patience, hedgeDelayMs };
}
