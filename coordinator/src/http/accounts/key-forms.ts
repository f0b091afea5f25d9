import { z } from "zod";
import { readJson } from "../../api/check-body.js";
import {
  type ApiKey,
  BUDGET_RESETS,
  type KeyChanges,
  type KeyLimits,
  type KeyTerms,
  SCOPES,
} from "../../store/account-store.js";

const YEAR_SECONDS = 365 * 24 * 3_600;
/** 10⁹ dollars: sums of them are still exact. */
const MOST_MICRO_USD = 1e15;

const amount = (most: number) => z.int().min(1).max(most).nullable();

const budgetSchema = z.strictObject({
  micro_usd: z.int().min(0).max(MOST_MICRO_USD).meta({ description: "Millionths of a dollar." }),
  reset: z.enum(BUDGET_RESETS).meta({ description: "At 00:00 UTC; weeks begin on Monday." }),
});

/** `null` = no limit. */
const limitsSchema = z.strictObject({
  requests_per_minute: amount(1e6),
  tokens_per_minute: amount(1e9),
  concurrency: amount(1e5).meta({ description: "Requests at once." }),
  budget: budgetSchema.nullable(),
});

const members = {
  name: z.string().max(128),
  scopes: z.array(z.enum(SCOPES)).max(SCOPES.length),
  allowed_models: z
    .array(z.string().min(1).max(128))
    .max(256)
    .nullable()
    .meta({ description: "By the names that are asked for; `null` = all." }),
  self_route_only: z.boolean().meta({ description: "Only machines of its account serve it." }),
  tags: z
    // Usage is asked for by NAME:VALUE.
    .record(
      z
        .string()
        .min(1)
        .max(64)
        .regex(/^[^:]+$/, "a name has no colon"),
      z.string().max(256),
    )
    .refine((tags) => Object.keys(tags).length <= 16, "at most 16 tags"),
  expires_in: z
    .int()
    .min(1)
    .max(100 * YEAR_SECONDS)
    .nullable()
    .meta({ description: "Seconds; `null` = never." }),
};

const someLimitsSchema = limitsSchema.partial();

/** What somebody says of a key that he wants. A member that nobody knows is refused: it may be a limit. */
export const keyOrderSchema = z.strictObject({
  name: members.name.default(""),
  scopes: members.scopes.default(["inference"]),
  allowed_models: members.allowed_models.default(null),
  self_route_only: members.self_route_only.default(false),
  limits: someLimitsSchema.default({}),
  tags: members.tags.default({}),
  expires_in: members.expires_in.default(null),
});

/** What is to be different; what is left out stays. */
export const keyChangesSchema = z.strictObject({ ...members, limits: someLimitsSchema }).partial();

export const rotationSchema = z.strictObject({
  overlap_seconds: z
    .int()
    .min(0)
    .max(30 * 24 * 3_600)
    .default(0)
    .meta({ description: "How long the old secret is still good." }),
});

const time = z.int().meta({ description: "Seconds since 1970." });

/** A key as its account and the operator see it: never the secret. */
export const keySchema = z.object({
  id: z.string(),
  object: z.literal("api_key"),
  account: z.string(),
  name: z.string(),
  prefix: z.string().meta({ description: "How the secret begins; empty where it was taken over by its digest." }),
  status: z.enum(["active", "expired", "revoked"]),
  scopes: z.array(z.enum(SCOPES)),
  allowed_models: members.allowed_models,
  self_route_only: z.boolean(),
  limits: limitsSchema,
  tags: z.record(z.string(), z.string()),
  created_at: time,
  expires_at: time.nullable(),
  revoked_at: time.nullable(),
  old_secret_ends_at: time.nullable(),
});

/** One that has just been made or rotated: the one time that the secret is told. */
export const issuedKeySchema = keySchema.extend({ key: z.string() });

/** An empty body asks for what is there by default. @throws HearthError `invalid_request` that names the member */
export const readForm = <T>(schema: z.ZodType<T>, body: Buffer): T =>
  readJson(schema, body.length === 0 ? Buffer.from("{}") : body);

export function termsOf(order: z.infer<typeof keyOrderSchema>, nowMs: number): KeyTerms {
  const { name, scopes, tags, self_route_only: selfRouteOnly } = order;
  return {
    ...{ name, scopes: unique(scopes), tags, selfRouteOnly },
    allowedModels: modelsOf(order.allowed_models),
    limits: { ...NO_LIMITS, ...limitsOf(order.limits) },
    expiresAtMs: endOf(order.expires_in, nowMs),
  };
}

export function changesOf(form: z.infer<typeof keyChangesSchema>, nowMs: number): KeyChanges {
  const { name, scopes, tags, self_route_only: selfRouteOnly, allowed_models, limits, expires_in } = form;
  return {
    ...(name !== undefined && { name }),
    ...(scopes !== undefined && { scopes: unique(scopes) }),
    ...(tags !== undefined && { tags }),
    ...(selfRouteOnly !== undefined && { selfRouteOnly }),
    ...(allowed_models !== undefined && { allowedModels: modelsOf(allowed_models) }),
    ...(limits !== undefined && { limits: limitsOf(limits) }),
    ...(expires_in !== undefined && { expiresAtMs: endOf(expires_in, nowMs) }),
  };
}

const NO_LIMITS: KeyLimits = {
  requestsPerMinute: undefined,
  tokensPerMinute: undefined,
  concurrency: undefined,
  budget: undefined,
};

/** Those that are named. */
function limitsOf(form: z.infer<typeof someLimitsSchema>): Partial<KeyLimits> {
  const { requests_per_minute: requests, tokens_per_minute: tokens, concurrency, budget } = form;
  return {
    ...(requests !== undefined && { requestsPerMinute: requests ?? undefined }),
    ...(tokens !== undefined && { tokensPerMinute: tokens ?? undefined }),
    ...(concurrency !== undefined && { concurrency: concurrency ?? undefined }),
    ...(budget !== undefined && {
      budget: budget === null ? undefined : { microUsd: budget.micro_usd, reset: budget.reset },
    }),
  };
}

const unique = <T>(values: readonly T[]): readonly T[] => [...new Set(values)];

const modelsOf = (models: readonly string[] | null): readonly string[] | undefined =>
  models === null ? undefined : unique(models);

const endOf = (seconds: number | null, nowMs: number): number | undefined =>
  seconds === null ? undefined : nowMs + seconds * 1000;

export function describeKey(key: ApiKey, nowMs: number): z.infer<typeof keySchema> {
  const { id, account, name, prefix, limits, tags } = key;
  return {
    id,
    object: "api_key",
    ...{ account, name, prefix },
    status: statusOf(key, nowMs),
    scopes: [...key.scopes],
    allowed_models: key.allowedModels === undefined ? null : [...key.allowedModels],
    self_route_only: key.selfRouteOnly,
    limits: {
      requests_per_minute: limits.requestsPerMinute ?? null,
      tokens_per_minute: limits.tokensPerMinute ?? null,
      concurrency: limits.concurrency ?? null,
      budget: limits.budget === undefined ? null : { micro_usd: limits.budget.microUsd, reset: limits.budget.reset },
    },
    tags: { ...tags },
    created_at: Math.floor(key.createdAtMs / 1000),
    expires_at: seconds(key.expiresAtMs),
    revoked_at: seconds(key.revokedAtMs),
    old_secret_ends_at: key.oldEndsAtMs !== undefined && key.oldEndsAtMs > nowMs ? seconds(key.oldEndsAtMs) : null,
  };
}

function statusOf({ revokedAtMs, expiresAtMs }: ApiKey, nowMs: number): z.infer<typeof keySchema>["status"] {
  if (revokedAtMs !== undefined) return "revoked";
  return expiresAtMs !== undefined && expiresAtMs <= nowMs ? "expired" : "active";
}

const seconds = (ms: number | undefined): number | null => (ms === undefined ? null : Math.floor(ms / 1000));
