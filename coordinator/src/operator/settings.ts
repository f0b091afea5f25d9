import { readFileSync } from "node:fs";
import { TRUST_LEVELS, type TrustLevel } from "@hearth/protocol";
import { z } from "zod";
import { type AccountSettings, DEFAULT_ACCOUNTS } from "../accounts/settings.js";
import { DEFAULT_SIGN_IN, type SignInSettings } from "../accounts/sign-in.js";
import { type ActionLogSettings, DEFAULT_ACTION_LOG } from "../admin/action-log-settings.js";
import { ConfigError } from "../config.js";
import { DEFAULT_HEDGING, type HedgeSettings } from "../dispatch/hedge-settings.js";
import { DEFAULT_POLICY, evidenceSettings, type PolicySettings } from "../dispatch/policy.js";
import { type CorsSettings, DEFAULT_CORS } from "../http/cors.js";
import { DEFAULT_IDEMPOTENCY, type IdempotencySettings } from "../http/idempotency/kept-answers.js";
import { DEFAULT_LEDGER, type LedgerSettings } from "../ledger/ledger-settings.js";
import { DEFAULT_OWNER_PRICES, type OwnerPriceSettings } from "../ledger/owner-price-settings.js";
import { DEFAULT_PAYOUTS, type PayoutSettings } from "../ledger/payout-settings.js";
import { DEFAULT_PRICES, type PriceSettings } from "../ledger/price-list.js";
import { DEFAULT_USAGE, type UsageSettings } from "../ledger/usage-writer.js";
import { DEFAULT_WEBHOOKS, type WebhookSettings } from "../ledger/webhook-settings.js";
import { DEFAULT_NOTIFICATIONS, type NotificationSettings } from "../notifications/settings.js";
import type { Credential } from "../platform/credentials.js";
import { DEFAULT_HEALTH, type HealthSettings } from "../platform/health.js";
import { DEFAULT_PAYMENTS, type PaymentSettings } from "../request/payment-settings.js";
import { type CalibrationSettings, DEFAULT_CALIBRATION } from "../request/token-calibration.js";
import { type BreakerSettings, DEFAULT_BREAKER } from "../selection/breaker-settings.js";
import { type Catalog, DEFAULT_CATALOG, type ModelRule } from "../selection/catalog.js";
import { DEFAULT_EVIDENCE, type EvidenceSettings } from "../selection/evidence/settings.js";
import { DEFAULT_REPUTATION, type ReputationSettings } from "../selection/reputation/settings.js";
import { DEFAULT_SELECTION, type SelectionSettings } from "../selection/settings.js";
import { DEFAULT_RECORD_BOUNDS, type RecordBounds } from "../stored-responses/memory-records.js";
import { DEFAULT_TIMELINES, type TimelineSettings } from "../timeline/settings.js";
import { PRICES, pricesOf } from "./prices-section.js";
import type { Members } from "./settings-changes.js";
import { type Problem, SettingsError } from "./settings-error.js";
import {
  ACCOUNTS,
  AUDIT,
  BREAKER,
  CALIBRATION,
  DISPATCH,
  EVIDENCE,
  HEALTH,
  HEDGING,
  IDEMPOTENCY,
  IN_ORDER,
  LEDGER,
  NOTIFICATIONS,
  OWNER_PRICES,
  PAYMENTS,
  PAYOUTS,
  patience,
  REPUTATION,
  SELECTION,
  SIGN_IN,
  STORED_RESPONSES,
  TIMELINES,
  USAGE,
  WEBHOOKS,
} from "./settings-numbers.js";
import { whole } from "./settings-section.js";

/** What the operator's configuration file says: who may call and serve, what is served, and by what numbers. */
export interface Settings {
  readonly apiKeys: readonly Credential[];
  readonly providerTokens: readonly Credential[];
  readonly catalog: Catalog;
  readonly dispatch: PolicySettings;
  readonly hedging: HedgeSettings;
  readonly selection: SelectionSettings;
  readonly breaker: BreakerSettings;
  readonly evidence: EvidenceSettings;
  readonly reputation: ReputationSettings;
  readonly calibration: CalibrationSettings;
  readonly cors: CorsSettings;
  readonly idempotency: IdempotencySettings;
  readonly storedResponses: RecordBounds;
  readonly accounts: AccountSettings;
  readonly prices: PriceSettings;
  readonly ownerPrices: OwnerPriceSettings;
  readonly usage: UsageSettings;
  readonly ledger: LedgerSettings;
  readonly payments: PaymentSettings;
  readonly payouts: PayoutSettings;
  readonly webhooks: WebhookSettings;
  readonly notifications: NotificationSettings;
  readonly health: HealthSettings;
  readonly signIn: SignInSettings;
  readonly timelines: TimelineSettings;
  readonly audit: ActionLogSettings;
}

/** No file: the generated key and token, the models that providers bring, and the numbers of `docs/configuration.md`. */
export const NO_SETTINGS: Settings = {
  apiKeys: [],
  providerTokens: [],
  catalog: DEFAULT_CATALOG,
  dispatch: DEFAULT_POLICY,
  hedging: DEFAULT_HEDGING,
  selection: DEFAULT_SELECTION,
  breaker: DEFAULT_BREAKER,
  evidence: DEFAULT_EVIDENCE,
  reputation: DEFAULT_REPUTATION,
  calibration: DEFAULT_CALIBRATION,
  cors: DEFAULT_CORS,
  idempotency: DEFAULT_IDEMPOTENCY,
  storedResponses: DEFAULT_RECORD_BOUNDS,
  accounts: DEFAULT_ACCOUNTS,
  prices: DEFAULT_PRICES,
  ownerPrices: DEFAULT_OWNER_PRICES,
  usage: DEFAULT_USAGE,
  ledger: DEFAULT_LEDGER,
  payments: DEFAULT_PAYMENTS,
  payouts: DEFAULT_PAYOUTS,
  webhooks: DEFAULT_WEBHOOKS,
  notifications: DEFAULT_NOTIFICATIONS,
  health: DEFAULT_HEALTH,
  signIn: DEFAULT_SIGN_IN,
  timelines: DEFAULT_TIMELINES,
  audit: DEFAULT_ACTION_LOG,
};

// Digests, not secrets: the file may be read by more people than may call the API.
const credential = z.strictObject({
  account: z.string().min(1).max(64),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, "must be the SHA-256 of the secret, 64 hex digits"),
});
const version = z.string().regex(/^\d+\.\d+\.\d+$/, "must be major.minor.patch");
const model = z.string().min(1).max(128);
const alias = z.strictObject({ desired: model, previous: model.optional(), patience_ms: patience.optional() });

const floors = z.strictObject({ base: version, tools: version, vision: version }).partial();
const trustLevel = z.enum(TRUST_LEVELS as unknown as [TrustLevel, ...TrustLevel[]]);
const rule = z.strictObject({
  enabled: z.boolean().default(true),
  trust_minimum: trustLevel.default("none"),
  version_floors: floors.default({}),
});

// As a browser writes it: no path, and the port only where it is not the scheme's own.
const origin = z
  .string()
  .regex(/^(?:\*|null|[a-z][a-z0-9+.-]*:\/\/[^\s/?#@A-Z]+)$/, "must be `*` or an origin such as https://app.example");
const cors = z.strictObject({
  origins: z
    .array(origin)
    .max(1_000)
    .default([...DEFAULT_CORS.origins]),
  max_age_seconds: whole(0, 86_400).default(DEFAULT_CORS.maxAgeSeconds),
});

const schema = z
  .strictObject({
    $schema: z.string().optional(),
    api_keys: z.array(credential).default([]),
    provider_tokens: z.array(credential).default([]),
    models: z.array(model).default([]),
    aliases: z.record(model, alias).default({}),
    version_floors: floors.default({}),
    trust_minimum: trustLevel.default("none"),
    model_rules: z.record(model, rule).default({}),
    dispatch: DISPATCH.schema,
    hedging: HEDGING.schema,
    selection: SELECTION.schema,
    breaker: BREAKER.schema,
    evidence: EVIDENCE.schema,
    reputation: REPUTATION.schema,
    calibration: CALIBRATION.schema,
    cors: cors.prefault({}),
    idempotency: IDEMPOTENCY.schema,
    stored_responses: STORED_RESPONSES.schema,
    accounts: ACCOUNTS.schema,
    prices: PRICES,
    owner_prices: OWNER_PRICES.schema,
    usage: USAGE.schema,
    ledger: LEDGER.schema,
    payments: PAYMENTS.schema,
    payouts: PAYOUTS.schema,
    webhooks: WEBHOOKS.schema,
    notifications: NOTIFICATIONS.schema,
    health: HEALTH.schema,
    sign_in: SIGN_IN.schema,
    timelines: TIMELINES.schema,
    audit: AUDIT.schema,
  })
  .superRefine((data, context) => {
    for (const [least, most] of IN_ORDER) {
      if ((valueAt(data, least) as number) <= (valueAt(data, most) as number)) continue;
      context.addIssue({ code: "custom", path: least.split("."), message: `must not be over ${most}` });
    }
  });

type Written = z.infer<typeof schema>;

/** A configuration file that is valid. */
export interface SettingsFile {
  readonly settings: Settings;
  /** Its members, with the defaults in the place of those that it leaves out. */
  readonly written: Written;
  /** Its members as they stand there. */
  readonly given: Members;
}

/**
 * Reads the configuration file.
 *
 * @throws ConfigError that names every problem with its place in the file
 */
export function readSettings(path: string): SettingsFile {
  return parseSettings(readText(path), path);
}

/**
 * Reads what a configuration file says.
 *
 * @param path where it stands, for the words about its problems
 * @throws ConfigError that names every problem with its place in the file
 */
export function parseSettings(text: string, path: string): SettingsFile {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    throw new ConfigError([`${path} is not valid JSON`]);
  }
  return checkSettings(given, path);
}

/** @param file as `SettingsError` has it. @throws SettingsError with every problem of the document */
export function checkSettings(given: unknown, file?: string): SettingsFile {
  const parsed = schema.safeParse(given);
  if (!parsed.success) throw new SettingsError(parsed.error.issues.flatMap(problemsIn), file);
  return { settings: settingsOf(parsed.data), written: parsed.data, given: given as Members };
}

/** What is no member has a place of its own, where its writer finds it. */
function problemsIn(issue: z.core.$ZodIssue): readonly Problem[] {
  const at = (...more: readonly PropertyKey[]): string => [...issue.path, ...more].join(".");
  if (issue.code !== "unrecognized_keys") return [{ path: at(), message: issue.message }];
  return issue.keys.map((key) => ({ path: at(key), message: "is no setting" }));
}

function settingsOf(written: Written): Settings {
  const dispatch = DISPATCH.read(written.dispatch);
  const evidence = evidenceSettings(dispatch, EVIDENCE.read(written.evidence));
  const { assumedDecodeTps, decodeInterference } = evidence;
  const selection = SELECTION.read(written.selection);
  return {
    apiKeys: written.api_keys,
    providerTokens: written.provider_tokens,
    catalog: catalogOf(written),
    dispatch,
    hedging: HEDGING.read(written.hedging),
    selection: { ...selection, score: { ...selection.score, assumedDecodeTps, decodeInterference } },
    breaker: BREAKER.read(written.breaker),
    evidence,
    reputation: REPUTATION.read(written.reputation),
    calibration: CALIBRATION.read(written.calibration),
    idempotency: IDEMPOTENCY.read(written.idempotency),
    storedResponses: STORED_RESPONSES.read(written.stored_responses),
    accounts: ACCOUNTS.read(written.accounts),
    prices: pricesOf(written.prices),
    ownerPrices: OWNER_PRICES.read(written.owner_prices),
    usage: USAGE.read(written.usage),
    ledger: LEDGER.read(written.ledger),
    payments: PAYMENTS.read(written.payments),
    payouts: PAYOUTS.read(written.payouts),
    webhooks: WEBHOOKS.read(written.webhooks),
    notifications: NOTIFICATIONS.read(written.notifications),
    health: HEALTH.read(written.health),
    signIn: SIGN_IN.read(written.sign_in),
    timelines: TIMELINES.read(written.timelines),
    audit: AUDIT.read(written.audit),
    cors: { origins: written.cors.origins, maxAgeSeconds: written.cors.max_age_seconds },
  };
}

function catalogOf(written: Written): Catalog {
  const aliases = Object.entries(written.aliases).map(
    ([name, { desired, previous, patience_ms: patienceMs }]) => [name, { desired, previous, patienceMs }] as const,
  );
  return {
    models: new Set(written.models),
    aliases: new Map(aliases),
    versionFloors: definedOnly(written.version_floors),
    trustMinimum: written.trust_minimum,
    rules: new Map(Object.entries(written.model_rules).map(([name, each]) => [name, ruleOf(each)])),
  };
}

const valueAt = (data: object, name: string): unknown =>
  name.split(".").reduce<unknown>((group, member) => (group as Members)[member], data);

/** @throws ConfigError when it cannot be read */
export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new ConfigError([`${path} cannot be read (${errnoOf(cause)})`]);
  }
}

const errnoOf = (cause: unknown): string => (cause as NodeJS.ErrnoException).code ?? "unknown";

function ruleOf({ enabled, trust_minimum: trustMinimum, version_floors }: z.infer<typeof rule>): ModelRule {
  return { enabled, trustMinimum, versionFloors: definedOnly(version_floors) };
}

function definedOnly(floors: { readonly [key: string]: string | undefined }): Catalog["versionFloors"] {
  return Object.fromEntries(Object.entries(floors).filter(([, floor]) => floor !== undefined));
}
