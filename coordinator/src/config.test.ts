import { describe, expect, it } from "vitest";
import { readConfig, shownConfig, shownEnvironment } from "./config.js";
import { configProblems } from "./testing/config-problems.js";

const problemsOf = (env: Record<string, string>): readonly string[] => configProblems(() => readConfig(env));

it("needs nothing to be set, and then stays on this machine", () => {
  expect(readConfig({})).toEqual({
    host: "127.0.0.1",
    port: 8080,
    publicUrl: undefined,
    oidc: undefined,
    ownerWebhooks: "public",
    proxies: 0,
    dataDir: ".hearth",
    apiKey: undefined,
    adminKey: undefined,
    providerToken: undefined,
    settingsFile: undefined,
    logLevel: "info",
    maxConnections: undefined,
    departures: { expectedBackMs: 120_000, perAddress: 256, perAccount: 1_024, entries: 20_000 },
    knownModelDays: 7,
    readyGraceMs: 0,
    maxConnectionsPerAddress: 256,
    maxConnectionsPerAccount: 1024,
    drainTimeoutMs: 1_920_000,
    goAwayTimeoutMs: 1_920_000,
    lingerMs: 500,
    receiptWaitMs: 50,
    bodies: { members: 100_000, items: 400_000, containers: 40_000 },
    uploads: {
      perAccount: 32,
      inAll: 256,
      bytesPerAccount: 64 * 2 ** 20,
      bytesInAll: 256 * 2 ** 20,
      heldBytesPerAccount: 256 * 1024 * 1024,
      heldBytesInAll: 1024 * 1024 * 1024,
      bytesPerSecond: 64 * 1024,
      graceMs: 15_000,
    },
    store: { maxWaiting: 10_000, postgres: undefined },
  });
});

describe("several coordinators", () => {
  const cluster = {
    REDIS_URL: "redis://:hidden-word@redis.example:6379",
    HEARTH_NODE_ADDRESS: "ws://10.0.0.5:8080/",
    HEARTH_CLUSTER_SECRET: "s".repeat(32),
    DATABASE_URL: "postgres://db.example/hearth",
  };

  it("are told where Redis is, where each of them is, and what proves that they belong together", () => {
    expect(readConfig(cluster).cluster).toEqual({
      redis: ["redis://:hidden-word@redis.example:6379"],
      address: "ws://10.0.0.5:8080",
      secret: "s".repeat(32),
      prefix: "hearth:",
      heartbeatMs: 2_000,
    });
    const nodes = { ...cluster, REDIS_URL: "rediss://a.example:1, rediss://b.example:2" };
    expect(readConfig(nodes).cluster?.redis).toEqual(["rediss://a.example:1", "rediss://b.example:2"]);
    expect(readConfig({}).cluster).toBeUndefined();
  });

  it("share a database, and each setting that goes with the others", () => {
    const whole = "REDIS_URL, HEARTH_NODE_ADDRESS and HEARTH_CLUSTER_SECRET: each goes with the other two";
    const shared = "REDIS_URL: goes with DATABASE_URL, since several coordinators share what they keep";
    expect(problemsOf({ ...cluster, DATABASE_URL: "" })).toEqual([shared]);
    expect(problemsOf({ ...cluster, HEARTH_NODE_ADDRESS: "" })).toEqual([whole]);
    expect(problemsOf({ ...cluster, HEARTH_CLUSTER_SECRET: "" })).toEqual([whole]);
    expect(problemsOf({ HEARTH_CLUSTER_SECRET: "s".repeat(32) })).toEqual([whole]);
    expect(problemsOf({ REDIS_URL: cluster.REDIS_URL })).toEqual([whole, shared]);
  });

  it("have no weak secret, and no address that nobody can dial", () => {
    const bad = { ...cluster, REDIS_URL: "http://a", HEARTH_CLUSTER_SECRET: "short", HEARTH_NODE_ADDRESS: "http://a" };
    expect(problemsOf({ ...bad, HEARTH_REDIS_PREFIX: "a{b}" })).toEqual([
      "REDIS_URL.0: must be a redis:// or rediss:// URL, or several of a Redis Cluster",
      "HEARTH_NODE_ADDRESS: must be a ws:// or wss:// URL",
      "HEARTH_CLUSTER_SECRET: must be at least 32 characters",
      "HEARTH_REDIS_PREFIX: must be of letters, digits and _ . : -",
    ]);
  });

  it("tell the log neither the secret nor what the URL of Redis holds", () => {
    const shown = JSON.stringify(shownConfig(readConfig(cluster)));
    expect(shown).toContain("redis.example:6379");
    expect(shown).not.toContain("hidden-word");
    expect(shown).not.toContain("s".repeat(32));
  });
});

it("takes PostgreSQL where it is told of one, and says nothing of what the URL holds", () => {
  const url = "postgres://hearth:s3cret-word@db.example:5433/hearth";
  expect(readConfig({ DATABASE_URL: url, HEARTH_DATABASE_CONNECTIONS: "4" }).store.postgres).toEqual({
    url,
    schema: "hearth",
    connections: 4,
    connectTimeoutMs: 3_000,
    statementTimeoutMs: 10_000,
  });
  const problems = problemsOf({
    DATABASE_URL: "mysql://hearth:s3cret-word@db.example/hearth",
    HEARTH_DATABASE_SCHEMA: 'a"; DROP SCHEMA b',
  });
  expect(problems).toEqual([
    "DATABASE_URL: must be a postgres:// URL",
    "HEARTH_DATABASE_SCHEMA: must be of small letters, digits and _",
  ]);
});

it("takes an empty variable for one that is not set", () => {
  expect(readConfig({ HEARTH_PORT: "", HEARTH_API_KEY: "", HEARTH_CONFIG: "" })).toEqual(readConfig({}));
});

it("has no secret by default, so that nobody runs with a known one", () => {
  const { apiKey, adminKey, providerToken } = readConfig({});
  expect([apiKey, adminKey, providerToken]).toEqual([undefined, undefined, undefined]);
});

it("reads what is set", () => {
  const env = { HEARTH_PORT: "0", HEARTH_HOST: "::1", HEARTH_API_KEY: "k".repeat(16), HEARTH_DRAIN_TIMEOUT_MS: "5" };
  expect(readConfig(env)).toMatchObject({ port: 0, host: "::1", apiKey: "k".repeat(16), drainTimeoutMs: 5 });
});

it.each([
  ["HEARTH_PORT", "65536"],
  ["HEARTH_PORT", "-1"],
  ["HEARTH_PORT", "80.5"],
  ["HEARTH_PORT", "http"],
  ["HEARTH_API_KEY", "fifteen letters"],
  ["HEARTH_ADMIN_KEY", "short"],
  ["HEARTH_PROVIDER_TOKEN", "short"],
  ["HEARTH_LOG_LEVEL", "loud"],
  ["HEARTH_MAX_CONNECTIONS_PER_ADDRESS", "0"],
  ["HEARTH_DRAIN_TIMEOUT_MS", "soon"],
])("refuses %s=%s and names it", (name, value) => {
  const problems = problemsOf({ [name]: value });
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(new RegExp(`^${name}: `));
});

it("lists every problem at once and shows no value", () => {
  const env = {
    HEARTH_PORT: "x",
    HEARTH_API_KEY: "my-secret",
    HEARTH_ADMIN_KEY: "other-secret",
    HEARTH_LOG_LEVEL: "x",
  };
  const problems = problemsOf(env);
  expect(problems.map((problem) => problem.split(":")[0])).toEqual(Object.keys(env));
  expect(problems.join()).not.toMatch(/my-secret|other-secret/);
});

it("asks for a webhook's secret only where somebody verifies", () => {
  const url = "https://hooks.example/services/1";
  expect(problemsOf({ HEARTH_WEBHOOK_URL: url }).join()).toContain("one goes with the other");
  const { webhook } = readConfig({ HEARTH_WEBHOOK_URL: url, HEARTH_WEBHOOK_FORMAT: "slack" });
  expect(webhook).toEqual({ url, secret: undefined, format: "slack" });
});

it("is shown without what is secret", () => {
  const env = {
    HEARTH_API_KEY: "seeded-api-key-1234",
    HEARTH_ADMIN_KEY: "seeded-admin-key-1234",
    HEARTH_PROVIDER_TOKEN: "seeded-token-123456",
    HEARTH_WEBHOOK_URL: "https://hooks.example/seeded-path?seeded=1",
    HEARTH_WEBHOOK_SECRET: `whsec_${"seed".repeat(8)}`,
    DATABASE_URL: "postgres://seeded-user:seeded-word@db.example:5433/hearth?sslpassword=seeded",
  };
  const shown = JSON.stringify(shownConfig(readConfig(env)));
  expect(shown).not.toMatch(/seed/);
  expect(JSON.parse(shown)).toMatchObject({
    ...{ port: 8080, webhook: "https://hooks.example" },
    store: { postgres: { url: "The database hearth on db.example:5433", schema: "hearth" } },
  });
});

it("gives operators an address of their own where it has a port, and refuses half of one", () => {
  expect(readConfig({}).adminAddress).toBeUndefined();
  expect(readConfig({ HEARTH_ADMIN_PORT: "9000" }).adminAddress).toEqual({ host: "127.0.0.1", port: 9_000 });
  expect(problemsOf({ HEARTH_ADMIN_HOST: "10.0.0.1" })).toEqual([expect.stringContaining("HEARTH_ADMIN_PORT")]);
});

it("shows the environment without a secret, and of addresses only where they lead", () => {
  const shown = shownEnvironment({
    HEARTH_WEBHOOK_URL: "https://user:word@hooks.example/path",
    HEARTH_WEBHOOK_SECRET: `whsec_${"a".repeat(32)}`,
    DATABASE_URL: "postgres://who:word@db.example/hearth",
  });
  const byName = new Map(shown.map((variable) => [variable.name, variable]));
  expect(byName.get("HEARTH_WEBHOOK_URL")?.value).toBe("https://hooks.example");
  expect(byName.get("HEARTH_WEBHOOK_SECRET")).toMatchObject({ value: null, secret: true, source: "environment" });
  expect(JSON.stringify(shown)).not.toMatch(/word|whsec|path/);
});
