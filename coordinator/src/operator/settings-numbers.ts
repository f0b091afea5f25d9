import type { z } from "zod";
import { type AccountSettings, DEFAULT_ACCOUNTS } from "../accounts/settings.js";
import { DEFAULT_SIGN_IN, type SignInSettings } from "../accounts/sign-in.js";
import { type ActionLogSettings, DEFAULT_ACTION_LOG } from "../admin/action-log-settings.js";
import { DEFAULT_HEDGING, type HedgeSettings } from "../dispatch/hedge-settings.js";
import { DEFAULT_POLICY, type PolicySettings } from "../dispatch/policy.js";
import { DEFAULT_IDEMPOTENCY, type IdempotencySettings } from "../http/idempotency/kept-answers.js";
import { DEFAULT_LEDGER, type LedgerSettings } from "../ledger/ledger-settings.js";
import { DEFAULT_OWNER_PRICES, type OwnerPriceSettings } from "../ledger/owner-price-settings.js";
import { DEFAULT_PAYOUTS, type PayoutSettings } from "../ledger/payout-settings.js";
import { DEFAULT_USAGE, type UsageSettings } from "../ledger/usage-writer.js";
import { DEFAULT_WEBHOOKS, type WebhookSettings } from "../ledger/webhook-settings.js";
import { DEFAULT_NOTIFICATIONS, type NotificationSettings } from "../notifications/settings.js";
import { DEFAULT_HEALTH, type HealthSettings } from "../platform/health.js";
import { DEFAULT_PAYMENTS, type PaymentSettings } from "../request/payment-settings.js";
import { type CalibrationSettings, DEFAULT_CALIBRATION } from "../request/token-calibration.js";
import { type BreakerSettings, DEFAULT_BREAKER } from "../selection/breaker-settings.js";
import { DEFAULT_EVIDENCE, type EvidenceSettings } from "../selection/evidence/settings.js";
import { DEFAULT_REPUTATION, type PerReason, type ReputationSettings } from "../selection/reputation/settings.js";
import { DEFAULT_SELECTION, type ScoreSettings, type SelectionSettings } from "../selection/settings.js";
import { DEFAULT_RECORD_BOUNDS, type RecordBounds } from "../stored-responses/memory-records.js";
import { DEFAULT_TIMELINES, type TimelineSettings } from "../timeline/settings.js";
import { type Bounds, between, type Section, section, whole } from "./settings-section.js";

// What each number may be. The bounds refuse what cannot be meant; what is wise is said where the defaults are.

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** How long a consumer may be kept, as `X-Hearth-Timeout` may say it as well, ms. */
export const patience: z.ZodType<number> = between(SECOND_MS, HOUR_MS);
const share = between(0, 1);
const duration = between(1, DAY_MS);
/** What recurs: so often that it costs next to nothing. */
const interval = between(100, MINUTE_MS);
/** What something weighs in a score, ms. */
const weight = between(0, HOUR_MS);
const rate = between(0.01, 1_000_000);
const attempts = whole(1, 20);
const factor = between(1, 100);

export const DISPATCH: Section<PolicySettings> = section(DEFAULT_POLICY, {
  maxAttempts: attempts,
  maxCostlyAttempts: attempts,
  costlyMs: between(0, HOUR_MS),
  provenMs: between(0, DAY_MS),
  ttftBaseMs: between(1, HOUR_MS),
  ttftPerThousandTokensMs: between(1, HOUR_MS),
  deadlineFactor: factor,
  reseekMs: interval,
  signExtensionMs: between(1, HOUR_MS),
  signExtensionsMax: factor,
  loadingMaxMs: between(1, HOUR_MS),
  patienceMs: patience,
  heldChunksMax: whole(1, 1_000),
  heldBytesMax: whole(1_024, 1_048_576),
  contentGapMs: between(SECOND_MS, HOUR_MS),
  signsAloneMs: between(SECOND_MS, HOUR_MS),
  openStreamsAfterMs: between(0, HOUR_MS),
});

export const HEDGING: Section<HedgeSettings> = section(DEFAULT_HEDGING, {
  perPrimary: share,
  burst: between(0, 1_000),
  maxSlotsUsed: share,
  minWinRate: share,
  window: whole(1, 10_000),
  minEvidence: whole(1, 10_000),
  exploreEvery: whole(1, 1_000_000),
  delayQuantile: between(0.01, 1),
  delayFromSamples: whole(1, 256),
  leastDelayMs: between(1, HOUR_MS),
  slotsPerOvertake: between(1, 1_000_000),
});

/** These two rates are also what the evidence assumes, and stand there in the file. */
type OwnScoreSettings = Omit<ScoreSettings, "assumedDecodeTps" | "decodeInterference">;
type OwnSelectionSettings = Omit<SelectionSettings, "score"> & { readonly score: OwnScoreSettings };

export const SELECTION: Section<OwnSelectionSettings> = section<OwnSelectionSettings>(DEFAULT_SELECTION, {
  gates: { cacheBytesPerToken: whole(0, 1e9), queuedPromptTokens: whole(0, 1e7) },
  score: {
    queueMs: weight,
    pendingMs: weight,
    memoryPressureMs: weight,
    cpuLoadMs: weight,
    gpuLoadMs: weight,
    thermalMs: { nominal: weight, fair: weight, serious: weight, critical: weight },
    foreignOwnerMs: weight,
  },
  pick: { tieMs: weight, exploreOneIn: whole(1, 1_000_000), earlyProbeAfterMs: between(0, HOUR_MS) },
  queue: {
    perModel: whole(0, 100_000),
    patienceMs: patience,
    recheckMs: interval,
    retryAfterPerWaiterSeconds: between(0, 3_600),
    retryAfterMinSeconds: between(1, 3_600),
    retryAfterMaxSeconds: between(1, 3_600),
  },
});

export const BREAKER: Section<BreakerSettings> = section(DEFAULT_BREAKER, {
  confirmedToOpen: whole(1, 100),
  unconfirmedToOpen: whole(1, 100),
  latesToOpen: whole(1, 100),
  windowMs: duration,
  outcomesKept: whole(1, 1_000),
  faultShare: share,
  baseOpenMs: duration,
  maxOpenMs: duration,
  jitter: share,
  healthyMs: duration,
  openToFenceMachine: whole(1, 1_000),
  outageWindowMs: between(0, HOUR_MS),
  outageShare: share,
  outageMachines: whole(1, 1_000_000),
  disbeliefMs: between(0, HOUR_MS),
  refusalsToCool: whole(1, 1_000),
  baseCooldownMs: duration,
  maxCooldownMs: duration,
  maxRecords: whole(1, 10_000_000),
});

/** These two stand in the file where the rule is that they belong to: `dispatch.ttft_…`. */
type OwnEvidenceSettings = Omit<EvidenceSettings, "leastMs" | "assumedPrefillTps">;

export const EVIDENCE: Section<OwnEvidenceSettings> = section<OwnEvidenceSettings>(DEFAULT_EVIDENCE, {
  assumedConnectMs: between(0, HOUR_MS),
  assumedDecodeTps: rate,
  leastTps: rate,
  decodeInterference: between(0, 10),
  loadBytesPerSecond: between(1e6, 1e12),
  assumedLoadMs: between(0, HOUR_MS),
  unknownStateMs: between(0, HOUR_MS),
  newestWeight: between(0.001, 1),
  rateFromTokens: whole(1, 1_000_000),
  heaviestTokens: whole(1, 10_000_000),
  mostAheadShare: share,
  leastPromptShare: between(0.01, 1),
  ownPlaceTokens: whole(0, 1_000_000),
  spread: { before: factor, least: factor, most: factor },
  spreadQuantile: between(0.5, 0.999),
  spreadStep: between(0, 2),
  spreadFromMs: between(0, HOUR_MS),
  censoredHalfLifeMs: duration,
  censoredGone: between(0.000_001, 1),
  censoredScale: { least: between(0.001, 1), most: between(1, 1_000) },
  assumedAnswerTokens: whole(1, 1_000_000),
  answerQuantile: between(0.01, 1),
  leastAnswers: whole(1, 256),
  maxPairs: whole(1, 10_000_000),
  maxModels: whole(1, 1_000_000),
});

const perReason = (bound: z.ZodType<number>): Bounds<PerReason> => ({
  falseReceipt: bound,
  falseUsage: bound,
  failedAfterContent: bound,
  falseCapability: bound,
  failedBeforeContent: bound,
  late: bound,
  connectionLost: bound,
  lostRace: bound,
});

export const REPUTATION: Section<ReputationSettings> = section(DEFAULT_REPUTATION, {
  mostMs: weight,
  healing: share,
  weightMs: perReason(weight),
  halfLifeMs: perReason(duration),
  maxMachines: whole(1, 10_000_000),
});

export const CALIBRATION: Section<CalibrationSettings> = section(DEFAULT_CALIBRATION, {
  models: whole(1, 1_000_000),
  providers: whole(1, 1_000),
  samplesPerProvider: whole(1, 10_000),
  evidence: whole(1, 100_000),
  every: whole(1, 100_000),
  leastBefore: share,
  leastQuantile: between(0, 0.99),
  credible: { least: between(0.001, 1), most: between(1, 1_000) },
});

export const IDEMPOTENCY: Section<IdempotencySettings> = section(DEFAULT_IDEMPOTENCY, {
  keptMs: between(SECOND_MS, 30 * DAY_MS),
  keys: whole(1, 10_000_000),
  bytes: whole(0, 1e12),
  answerBytes: whole(0, 1e9),
  lingerMs: between(0, HOUR_MS),
});

export const STORED_RESPONSES: Section<RecordBounds> = section(DEFAULT_RECORD_BOUNDS, {
  keptMs: between(0, 30 * DAY_MS),
  bytes: whole(0, 1e12),
  accountBytes: whole(0, 1e12),
});

export const TIMELINES: Section<TimelineSettings> = section(DEFAULT_TIMELINES, {
  requests: whole(0, 1_000_000),
  accountRequests: whole(0, 1_000_000),
});

/** Days. */
const kept = between(0, 3_650);

export const AUDIT: Section<ActionLogSettings> = section(DEFAULT_ACTION_LOG, {
  actionDays: kept,
  actions: whole(0, 100_000_000),
});

export const USAGE: Section<UsageSettings> = section(DEFAULT_USAGE, {
  requestDays: kept,
  minuteDays: kept,
  hourDays: kept,
  dayDays: kept,
  refusedWaiting: whole(0, 20_000),
});

export const LEDGER: Section<LedgerSettings> = section(DEFAULT_LEDGER, {
  leaseMs: between(10 * SECOND_MS, DAY_MS),
  sweepMs: between(SECOND_MS, HOUR_MS),
  sweepAtMost: whole(1, 100_000),
  retryMs: between(100, HOUR_MS),
  maxOwed: whole(1, 10_000_000),
  maxJournalBytes: whole(1_024, 1e10),
  feeBasisPoints: whole(0, 10_000),
  lowBalanceMicroUsd: whole(0, 1e15),
  // What has gone cannot be refunded, nor told who asks for it late.
  reservationDays: between(7, 36_500),
  deliveredDays: between(1, 36_500),
  undeliveredDays: between(7, 36_500),
});

export const OWNER_PRICES: Section<OwnerPriceSettings> = section(DEFAULT_OWNER_PRICES, {
  maxMultiple: between(1, 100),
  minMultiple: share,
  unpricedMostMicroUsd: whole(0, 1e12),
  perAccount: whole(1, 100_000),
  historyDays: kept,
  refreshMs: interval,
});

export const PAYMENTS: Section<PaymentSettings> = section(DEFAULT_PAYMENTS, {
  sliceTokens: whole(1, 1_000_000),
  promptFactor: between(1, 100),
  watchMs: interval,
  mostLossMicroUsd: whole(0, 1e9),
});

export const PAYOUTS: Section<PayoutSettings> = section(DEFAULT_PAYOUTS, { minimumMicroUsd: whole(1, 1e15) });

export const WEBHOOKS: Section<WebhookSettings> = section(DEFAULT_WEBHOOKS, {
  lookMs: between(100, HOUR_MS),
  atOnce: whole(1, 100),
  answerMs: between(100, 10 * MINUTE_MS),
  firstRetryMs: between(100, HOUR_MS),
  lastRetryMs: between(100, 30 * 24 * HOUR_MS),
});

export const NOTIFICATIONS: Section<NotificationSettings> = section(DEFAULT_NOTIFICATIONS, {
  lookMs: between(100, HOUR_MS),
  outageMs: between(0, DAY_MS),
  offlineMs: between(0, 30 * DAY_MS),
  gapMs: between(0, DAY_MS),
  mostAnHour: whole(0, 10_000),
  subjects: whole(1, 1_000_000),
  auditHour: whole(-1, 23),
  budgetShare: share,
});

export const HEALTH: Section<HealthSettings> = section(DEFAULT_HEALTH, {
  slowMs: between(1, MINUTE_MS),
  stalledMs: between(1, HOUR_MS),
  heapHigh: share,
  heapExhausted: share,
  providersLeft: share,
});

export const ACCOUNTS: Section<AccountSettings> = section(DEFAULT_ACCOUNTS, {
  cachedMs: between(100, 5 * SECOND_MS),
  unknownMs: between(0, 5 * SECOND_MS),
  graceMs: between(0, HOUR_MS),
  lookupMs: between(100, MINUTE_MS),
  lookups: whole(1, 100_000),
  keys: whole(1, 10_000_000),
  unknownKeys: whole(1, 10_000_000),
  keysPerAccount: whole(1, 100_000),
  endedKeyDays: between(1, 36_500),
});

export const SIGN_IN: Section<SignInSettings> = section(DEFAULT_SIGN_IN, {
  sessionMs: between(MINUTE_MS, 30 * 24 * HOUR_MS),
  sessions: whole(1, 1_000_000),
  linkMs: between(10 * SECOND_MS, 24 * HOUR_MS),
  wrongGuesses: whole(1, 10_000),
  guessWindowMs: between(SECOND_MS, 24 * HOUR_MS),
});

/** Of each two, the first must not be over the second. */
export const IN_ORDER: readonly (readonly [string, string])[] = [
  ["dispatch.max_costly_attempts", "dispatch.max_attempts"],
  ["selection.queue.retry_after_min_seconds", "selection.queue.retry_after_max_seconds"],
  ["breaker.base_open_ms", "breaker.max_open_ms"],
  ["breaker.base_cooldown_ms", "breaker.max_cooldown_ms"],
  ["evidence.spread.least", "evidence.spread.most"],
  ["evidence.spread.least", "evidence.spread.before"],
  ["evidence.spread.before", "evidence.spread.most"],
  ["idempotency.answer_bytes", "idempotency.bytes"],
  ["health.slow_ms", "health.stalled_ms"],
  ["health.heap_high", "health.heap_exhausted"],
  ["stored_responses.account_bytes", "stored_responses.bytes"],
];
