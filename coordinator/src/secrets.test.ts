import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Config, readConfig } from "./config.js";
import { findAdminKey, loadSecrets } from "./secrets.js";

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "hearth-secrets-"));
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

const config = (env: Record<string, string> = {}): Config =>
  readConfig({ HEARTH_DATA_DIR: join(parent, "data"), ...env });

it("makes three different secrets of 192 bits, each with a prefix that tells what it is", () => {
  const { apiKey, adminKey, providerToken } = loadSecrets(config());
  expect(apiKey).toMatch(/^hk-[\w-]{32}$/);
  expect(adminKey).toMatch(/^ha-[\w-]{32}$/);
  expect(providerToken).toMatch(/^hp-[\w-]{32}$/);
  expect(new Set([apiKey, adminKey, providerToken].map((secret) => secret.slice(3))).size).toBe(3);
});

it("shows what it has made the first time, and the same secrets without showing them after that", () => {
  const first = loadSecrets(config());
  expect([...first.generated.keys()]).toEqual(["HEARTH_API_KEY", "HEARTH_ADMIN_KEY", "HEARTH_PROVIDER_TOKEN"]);
  const second = loadSecrets(config());
  expect(second).toEqual({ ...first, generated: new Map() });
});

it.skipIf(process.platform === "win32")("keeps them for their owner only", () => {
  loadSecrets(config());
  const { dataDir } = config();
  expect(statSync(dataDir).mode & 0o777).toBe(0o700);
  for (const file of readdirSync(dataDir)) expect(statSync(join(dataDir, file)).mode & 0o777).toBe(0o600);
});

it("finds the operator's key for commands, tells that there is none, and not that of one that it cannot read", () => {
  expect(findAdminKey(config())).toBeUndefined();
  const { adminKey } = loadSecrets(config());
  expect(findAdminKey(config())).toBe(adminKey);
  const blocked = { ...config(), dataDir: join(config().dataDir, "admin-key", "below-a-file") };
  expect(() => findAdminKey(blocked)).toThrow(/ENOTDIR/);
});

it("prefers the environment and neither stores nor shows what came from there", () => {
  const given = "an-api-key-of-the-owner";
  const secrets = loadSecrets(config({ HEARTH_API_KEY: given }));
  expect(secrets.apiKey).toBe(given);
  expect([...secrets.generated.keys()]).toEqual(["HEARTH_ADMIN_KEY", "HEARTH_PROVIDER_TOKEN"]);
  const { dataDir } = config();
  expect(
    readdirSync(dataDir)
      .map((file) => readFileSync(join(dataDir, file), "utf8"))
      .join(),
  ).not.toContain(given);
});

it("writes no directory when everything is given", () => {
  const given = {
    HEARTH_API_KEY: "a".repeat(16),
    HEARTH_ADMIN_KEY: "b".repeat(16),
    HEARTH_PROVIDER_TOKEN: "c".repeat(16),
  };
  expect(loadSecrets(config(given)).generated.size).toBe(0);
  expect(readdirSync(parent)).toEqual([]);
});

it("takes a secret that somebody wrote into the file, without its line break", () => {
  loadSecrets(config());
  writeFileSync(join(config().dataDir, "api-key"), "a-key-written-by-hand\n");
  expect(loadSecrets(config()).apiKey).toBe("a-key-written-by-hand");
});

it.skipIf(process.platform === "win32" || process.getuid?.() === 0)("fails where it may not write", () => {
  chmodSync(parent, 0o500);
  expect(() => loadSecrets(config())).toThrow(/EACCES/);
  chmodSync(parent, 0o700);
});
