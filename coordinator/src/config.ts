import { resolve } from "node:path";
import { z } from "zod";
import { type ClusterSettings, DEFAULT_CLUSTER } from "./cluster/settings.js";
import { DEFAULT_DEPARTURE_LIMITS, type DepartureLimits } from "./fleet/departures.js";
import { DEFAULT_UPLOAD_LIMITS, type UploadLimits } from "./http/uploads.js";
import { WEBHOOK_FORMATS, type WebhookTarget } from "./ledger/webhook-message.js";
import { OWNER_WEBHOOKS, type OwnerWebhooks } from "./notifications/settings.js";
import { type OidcSettings, readOidc } from "./oidc/settings.js";
import { LOG_LEVELS, type LogLevel } from "./platform/logger.js";
import { RECEIPT_WAIT_MS } from "./request/annotated-consumer.js";
import { type BodyBounds, DEFAULT_BODY_BOUNDS } from "./request/body-bounds.js";
import { DEFAULT_MAX_WAITING, DEFAULT_POSTGRES, placeOf, type StoreSettings } from "./store/store-settings.js";
import type { TracingSettings } from "./tracing/settings.js";

/** Everything the environment decides. */
export interface Config {
  readonly host: string;
  readonly port: number;
  /** Where `/admin` and `/metrics` are then, and nowhere else; absent = with everything else. */
  readonly adminAddress: { readonly host: string; readonly port: number } | undefined;
  /** Who is told of payouts and refunds; `undefined` = nobody. */
  readonly webhook: WebhookTarget | undefined;
  /** Where owners may have their webhooks: on the public internet, on private networks as well, or nowhere. */
  readonly ownerWebhooks: OwnerWebhooks;
  /** Whom people sign in with on the web page, beside keys; `undefined` = nobody. */
  readonly oidc: OidcSettings | undefined;
  /** Where others reach this coordinator, like `https://hearth.example`; absent = as each request says. */
  readonly publicUrl: string | undefined;
  /** Where the web page was built; absent = in its own package, if that is here. */
  readonly dashboardDir: string | undefined;
  /** Where commands reach the coordinator that runs; absent = at `host` and `port`. */
  readonly commandUrl: string | undefined;
  /** Proxies of the operator's in front, each of which adds to `X-Forwarded-For`. */
  readonly proxies: number;
  readonly dataDir: string;
  /** Absent ones are generated and stored by `loadSecrets`. */
  readonly apiKey: string | undefined;
  readonly adminKey: string | undefined;
  readonly providerToken: string | undefined;
  /** The operator's configuration file, if there is one. */
  readonly settingsFile: string | undefined;
  readonly logLevel: LogLevel;
  /** Connections in all; absent = as many as the process may have files open, but for a few. */
  readonly maxConnections: number | undefined;
  readonly maxConnectionsPerAddress: number;
  readonly maxConnectionsPerAccount: number;
  readonly departures: DepartureLimits;
  /** How long a model is known after it last answered, days. */
  readonly knownModelDays: number;
  /** How long after the start `/readyz` may wait for a machine that answered before it, ms. */
  readonly readyGraceMs: number;
  /** How long running requests may take to end after SIGTERM, ms. */
  readonly drainTimeoutMs: number;
  /** How long what runs on a provider's connection may take after `go_away` before it is closed, ms. */
  readonly goAwayTimeoutMs: number;
  /** How long kept-alive connections may take after SIGTERM to be told that they close, ms. */
  readonly lingerMs: number;
  /** How long the end of a stream waits for its receipt, ms. */
  readonly receiptWaitMs: number;
  readonly bodies: BodyBounds;
  readonly uploads: UploadLimits;
  readonly store: StoreSettings;
  /** The other coordinators of the same fleet; `undefined` = this one is alone. */
  readonly cluster: ClusterSettings | undefined;
  /** Where traces go; `undefined` = nowhere. */
  readonly tracing: TracingSettings | undefined;
}

const secret = z.string().min(16, "must be at least 16 characters").optional();

/** A limit that is one at least. */
const limit = (byDefault: number): z.ZodType<number> => z.coerce.number().int().min(1).default(byDefault);

const MIB = 1024 * 1024;
/** What runs is waited for: 32 minutes, which is longer than nearly every answer takes. */
const LONGEST_ANSWER_MS = 1_920_000;

const schema = z.object({
  HEARTH_HOST: z.string().min(1).default("127.0.0.1"),
  HEARTH_PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
  HEARTH_ADMIN_HOST: z.string().min(1).optional(),
  HEARTH_ADMIN_PORT: z.coerce.number().int().min(0).max(65_535).optional(),
  HEARTH_WEBHOOK_URL: z.url({ protocol: /^https?$/, error: "must be an http:// or https:// URL" }).optional(),
  HEARTH_WEBHOOK_SECRET: z
    .string()
    .regex(/^whsec_[A-Za-z0-9+/]{32,}={0,2}$/, "must be whsec_ and 24 bytes or more in base64")
    .optional(),
  HEARTH_WEBHOOK_FORMAT: z.enum(WEBHOOK_FORMATS).default("json"),
  HEARTH_OWNER_WEBHOOKS: z.enum(OWNER_WEBHOOKS).default("public"),
  HEARTH_PUBLIC_URL: z.url({ protocol: /^https?$/, error: "must be an http:// or https:// URL" }).optional(),
  HEARTH_DASHBOARD_DIR: z.string().min(1).optional(),
  HEARTH_URL: z.url({ protocol: /^https?$/, error: "must be an http:// or https:// URL" }).optional(),
  HEARTH_PROXIES: z.coerce.number().int().min(0).max(8).default(0),
  HEARTH_DATA_DIR: z.string().min(1).default(".hearth"),
  HEARTH_API_KEY: secret,
  HEARTH_ADMIN_KEY: secret,
  HEARTH_PROVIDER_TOKEN: secret,
  HEARTH_CONFIG: z.string().min(1).optional(),
  HEARTH_LOG_LEVEL: z.enum(LOG_LEVELS).default("info"),
  HEARTH_MAX_CONNECTIONS: z.coerce.number().int().min(16).optional(),
  HEARTH_MAX_CONNECTIONS_PER_ADDRESS: z.coerce.number().int().min(1).default(256),
  HEARTH_MAX_CONNECTIONS_PER_ACCOUNT: z.coerce.number().int().min(1).default(1024),
  HEARTH_EXPECTED_BACK_MS: z.coerce.number().int().min(0).default(DEFAULT_DEPARTURE_LIMITS.expectedBackMs),
  HEARTH_MAX_DEPARTED_PER_ADDRESS: z.coerce.number().int().min(1).default(DEFAULT_DEPARTURE_LIMITS.perAddress),
  HEARTH_MAX_DEPARTED_PER_ACCOUNT: z.coerce.number().int().min(1).default(DEFAULT_DEPARTURE_LIMITS.perAccount),
  HEARTH_KNOWN_MODEL_DAYS: z.coerce.number().min(0).max(365).default(7),
  HEARTH_READY_GRACE_MS: z.coerce.number().int().min(0).max(15_000).default(0),
  HEARTH_DRAIN_TIMEOUT_MS: z.coerce.number().int().min(0).default(LONGEST_ANSWER_MS),
  HEARTH_GO_AWAY_TIMEOUT_MS: z.coerce.number().int().min(0).default(LONGEST_ANSWER_MS),
  HEARTH_LINGER_MS: z.coerce.number().int().min(0).default(500),
  HEARTH_RECEIPT_WAIT_MS: z.coerce.number().int().min(0).max(5_000).default(RECEIPT_WAIT_MS),
  HEARTH_MAX_BODY_MEMBERS: limit(DEFAULT_BODY_BOUNDS.members),
  HEARTH_MAX_BODY_ITEMS: limit(DEFAULT_BODY_BOUNDS.items),
  HEARTH_MAX_BODY_CONTAINERS: limit(DEFAULT_BODY_BOUNDS.containers),
  HEARTH_MAX_UPLOADS: limit(DEFAULT_UPLOAD_LIMITS.inAll),
  HEARTH_MAX_UPLOADS_PER_ACCOUNT: limit(DEFAULT_UPLOAD_LIMITS.perAccount),
  HEARTH_MAX_UPLOAD_MIB: limit(DEFAULT_UPLOAD_LIMITS.bytesInAll / MIB),
  HEARTH_MAX_UPLOAD_MIB_PER_ACCOUNT: limit(DEFAULT_UPLOAD_LIMITS.bytesPerAccount / MIB),
  HEARTH_MAX_BODY_MIB: limit(DEFAULT_UPLOAD_LIMITS.heldBytesInAll / MIB),
  HEARTH_MAX_BODY_MIB_PER_ACCOUNT: limit(DEFAULT_UPLOAD_LIMITS.heldBytesPerAccount / MIB),
  HEARTH_MIN_UPLOAD_BYTES_PER_SECOND: limit(DEFAULT_UPLOAD_LIMITS.bytesPerSecond),
  HEARTH_UPLOAD_GRACE_MS: limit(DEFAULT_UPLOAD_LIMITS.graceMs),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/, error: "must be a postgres:// URL" }).optional(),
  HEARTH_DATABASE_SCHEMA: z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,62}$/, "must be of small letters, digits and _")
    .default(DEFAULT_POSTGRES.schema),
  HEARTH_DATABASE_CONNECTIONS: limit(DEFAULT_POSTGRES.connections),
  HEARTH_DATABASE_CONNECT_TIMEOUT_MS: limit(DEFAULT_POSTGRES.connectTimeoutMs),
  HEARTH_DATABASE_STATEMENT_TIMEOUT_MS: limit(DEFAULT_POSTGRES.statementTimeoutMs),
  HEARTH_STORE_MAX_WAITING: limit(DEFAULT_MAX_WAITING),
  REDIS_URL: z
    .string()
    .transform((urls) => urls.split(",").map((url) => url.trim()))
    .pipe(
      z.array(
        z.url({ protocol: /^rediss?$/, error: "must be a redis:// or rediss:// URL, or several of a Redis Cluster" }),
      ),
    )
    .optional(),
  HEARTH_NODE_ADDRESS: z.url({ protocol: /^wss?$/, error: "must be a ws:// or wss:// URL" }).optional(),
  HEARTH_CLUSTER_SECRET: z.string().min(32, "must be at least 32 characters").optional(),
  HEARTH_REDIS_PREFIX: z
    .string()
    .regex(/^[\w.:-]{1,64}$/, "must be of letters, digits and _ . : -")
    .default(DEFAULT_CLUSTER.prefix),
  HEARTH_CLUSTER_HEARTBEAT_MS: z.coerce.number().int().min(100).max(60_000).default(DEFAULT_CLUSTER.heartbeatMs),
  // Of OpenTelemetry's specification; the exporter reads the rest of its variables itself.
  OTEL_SDK_DISABLED: z.string().optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url({ protocol: /^https?$/, error: "must be an http:// or https:// URL" }).optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: z
    .url({ protocol: /^https?$/, error: "must be an http:// or https:// URL" })
    .optional(),
  OTEL_SERVICE_NAME: z.string().min(1).default("hearth-coordinator"),
  OTEL_TRACES_SAMPLER_ARG: z.coerce.number().min(0).max(1).default(1),
});

/** Every problem of a configuration at once. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The configuration is not valid:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`);
    this.name = "ConfigError";
    this.problems = problems;
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

const setIn = (env: Environment): Environment =>
  Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ""));

/** @param others what is wrong with the variables that are not in the schema */
function parse(set: Environment, others: readonly string[] = []): z.infer<typeof schema> {
  const { data, error } = schema.safeParse(set);
  if (data !== undefined && others.length === 0) return data;
  const problems = error?.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`) ?? [];
  throw new ConfigError([...problems, ...others]);
}

/**
 * Reads the environment. An empty variable counts as unset.
 *
 * @throws ConfigError that names every variable at fault, and none of their values
 */
export function readConfig(env: Environment): Config {
  const set = setIn(env);
  const oidc = readOidc(set);
  const data = parse(set, oidc.problems);
  return {
    host: data.HEARTH_HOST,
    port: data.HEARTH_PORT,
    adminAddress: adminAddressOf(data),
    publicUrl: data.HEARTH_PUBLIC_URL,
    dashboardDir: data.HEARTH_DASHBOARD_DIR && resolve(data.HEARTH_DASHBOARD_DIR),
    commandUrl: data.HEARTH_URL,
    tracing: tracingOf(data),
    webhook: webhookOf(data),
    ownerWebhooks: data.HEARTH_OWNER_WEBHOOKS,
    oidc: oidc.settings,
    proxies: data.HEARTH_PROXIES,
    dataDir: data.HEARTH_DATA_DIR,
    apiKey: data.HEARTH_API_KEY,
    adminKey: data.HEARTH_ADMIN_KEY,
    providerToken: data.HEARTH_PROVIDER_TOKEN,
    settingsFile: data.HEARTH_CONFIG,
    logLevel: data.HEARTH_LOG_LEVEL,
    maxConnections: data.HEARTH_MAX_CONNECTIONS,
    maxConnectionsPerAddress: data.HEARTH_MAX_CONNECTIONS_PER_ADDRESS,
    maxConnectionsPerAccount: data.HEARTH_MAX_CONNECTIONS_PER_ACCOUNT,
    departures: {
      ...DEFAULT_DEPARTURE_LIMITS,
      expectedBackMs: data.HEARTH_EXPECTED_BACK_MS,
      perAddress: data.HEARTH_MAX_DEPARTED_PER_ADDRESS,
      perAccount: data.HEARTH_MAX_DEPARTED_PER_ACCOUNT,
    },
    knownModelDays: data.HEARTH_KNOWN_MODEL_DAYS,
    readyGraceMs: data.HEARTH_READY_GRACE_MS,
    drainTimeoutMs: data.HEARTH_DRAIN_TIMEOUT_MS,
    goAwayTimeoutMs: data.HEARTH_GO_AWAY_TIMEOUT_MS,
    lingerMs: data.HEARTH_LINGER_MS,
    receiptWaitMs: data.HEARTH_RECEIPT_WAIT_MS,
    bodies: {
      members: data.HEARTH_MAX_BODY_MEMBERS,
      items: data.HEARTH_MAX_BODY_ITEMS,
      containers: data.HEARTH_MAX_BODY_CONTAINERS,
    },
    uploads: {
      perAccount: data.HEARTH_MAX_UPLOADS_PER_ACCOUNT,
      inAll: data.HEARTH_MAX_UPLOADS,
      bytesPerAccount: data.HEARTH_MAX_UPLOAD_MIB_PER_ACCOUNT * MIB,
      bytesInAll: data.HEARTH_MAX_UPLOAD_MIB * MIB,
      heldBytesPerAccount: data.HEARTH_MAX_BODY_MIB_PER_ACCOUNT * MIB,
      heldBytesInAll: data.HEARTH_MAX_BODY_MIB * MIB,
      bytesPerSecond: data.HEARTH_MIN_UPLOAD_BYTES_PER_SECOND,
      graceMs: data.HEARTH_UPLOAD_GRACE_MS,
    },
    store: storeSettings(data),
    cluster: clusterOf(data),
  };
}

/** @throws ConfigError for a host without a port, which would leave everything where it is */
function adminAddressOf({ HEARTH_ADMIN_HOST: host, HEARTH_ADMIN_PORT: port }: z.infer<typeof schema>) {
  if (port !== undefined) return { host: host ?? "127.0.0.1", port };
  if (host === undefined) return undefined;
  throw new ConfigError(["HEARTH_ADMIN_HOST: goes with HEARTH_ADMIN_PORT, which is not set"]);
}

/** @throws ConfigError where one of the two is missing */
function webhookOf({
  HEARTH_WEBHOOK_URL: url,
  HEARTH_WEBHOOK_SECRET: secret,
  HEARTH_WEBHOOK_FORMAT: format,
}: z.infer<typeof schema>): Config["webhook"] {
  // Who only shows words to people verifies nothing.
  if (url !== undefined && (secret !== undefined || format === "slack")) return { url, secret, format };
  if (url === undefined && secret === undefined) return undefined;
  throw new ConfigError(["HEARTH_WEBHOOK_URL and HEARTH_WEBHOOK_SECRET: one goes with the other"]);
}

function storeSettings(data: z.infer<typeof schema>): StoreSettings {
  const { DATABASE_URL: url, HEARTH_STORE_MAX_WAITING: maxWaiting } = data;
  if (url === undefined) return { maxWaiting, postgres: undefined };
  return {
    maxWaiting,
    postgres: {
      url,
      schema: data.HEARTH_DATABASE_SCHEMA,
      connections: data.HEARTH_DATABASE_CONNECTIONS,
      connectTimeoutMs: data.HEARTH_DATABASE_CONNECT_TIMEOUT_MS,
      statementTimeoutMs: data.HEARTH_DATABASE_STATEMENT_TIMEOUT_MS,
    },
  };
}

/** @throws ConfigError where what goes together is not there as a whole */
function clusterOf(data: z.infer<typeof schema>): ClusterSettings | undefined {
  const { REDIS_URL: redis, HEARTH_NODE_ADDRESS: address, HEARTH_CLUSTER_SECRET: secret } = data;
  if (redis === undefined && address === undefined && secret === undefined) return undefined;
  const problems: string[] = [];
  const whole = "REDIS_URL, HEARTH_NODE_ADDRESS and HEARTH_CLUSTER_SECRET: each goes with the other two";
  if (redis === undefined || address === undefined || secret === undefined) problems.push(whole);
  if (redis !== undefined && data.DATABASE_URL === undefined) {
    problems.push("REDIS_URL: goes with DATABASE_URL, since several coordinators share what they keep");
  }
  if (redis === undefined || address === undefined || secret === undefined || problems.length > 0) {
    throw new ConfigError(problems);
  }
  const { HEARTH_REDIS_PREFIX: prefix, HEARTH_CLUSTER_HEARTBEAT_MS: heartbeatMs } = data;
  return { redis, address: address.replace(/\/+$/, ""), secret, prefix, heartbeatMs };
}

/** What a log may tell of a configuration: no secret, and of the database and the webhook only where they are. */
export function shownConfig(config: Config): object {
  const { apiKey: _apiKey, adminKey: _adminKey, providerToken: _token, ...told } = config;
  const { webhook, oidc, store, cluster, ...rest } = told;
  const { postgres, ...numbers } = store;
  return {
    ...rest,
    webhook: webhook && new URL(webhook.url).origin,
    oidc: oidc?.issuer,
    cluster: cluster && { ...cluster, redis: cluster.redis.map((url) => new URL(url).host), secret: undefined },
    store: { ...numbers, postgres: postgres && { ...postgres, url: placeOf(postgres.url) } },
  };
}

function tracingOf(data: z.infer<typeof schema>): TracingSettings | undefined {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: base, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: own } = data;
  const url = own ?? (base && `${base.replace(/\/+$/, "")}/v1/traces`);
  if (url === undefined || data.OTEL_SDK_DISABLED?.toLowerCase() === "true") return undefined;
  return { url, serviceName: data.OTEL_SERVICE_NAME, ratio: data.OTEL_TRACES_SAMPLER_ARG };
}

/** A variable of the environment, as the operator may see it. */
export interface ShownVariable {
  readonly name: string;
  /** What it has come to; `null` = nothing, or it is a secret. */
  readonly value: string | number | null;
  readonly source: "environment" | "default";
  readonly secret: boolean;
}

const SECRET = /KEY|TOKEN|SECRET/;

/** What the environment has come to, without secrets. @throws ConfigError as `readConfig` */
export function shownEnvironment(env: Environment): readonly ShownVariable[] {
  const set = setIn(env);
  const data: Readonly<Record<string, unknown>> = parse(set);
  return Object.keys(schema.shape).map((name) => {
    const secret = SECRET.test(name);
    const value = data[name];
    return {
      ...{ name, secret },
      value: secret ? null : typeof value === "number" ? value : typeof value === "string" ? placeIn(value) : null,
      source: set[name] === undefined ? "default" : "environment",
    };
  });
}

/** Addresses may have names and passwords in them: only where they lead is told. */
function placeIn(value: string): string {
  if (!/^[a-z]+:\/\//i.test(value)) return value;
  return /^postgres/i.test(value) ? placeOf(value) : new URL(value).origin;
}
