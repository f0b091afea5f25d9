import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ConfigError } from "./config.js";
import { newSealingSecret } from "./sealing/sealing-secret.js";
import { loadSealingSecret } from "./secrets.js";

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "hearth-sealing-"));
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

const dataDir = (): string => join(parent, "data");
const file = (): string => join(dataDir(), "sealing-secret");

it("makes a secret of 192 bits the first time and finds it again after that", () => {
  const secret = loadSealingSecret(dataDir());
  expect(secret).toMatch(/^hs-[\w-]{32}$/);
  expect(loadSealingSecret(dataDir())).toBe(secret);
  expect(readFileSync(file(), "utf8")).toBe(`${secret}\n`);
  expect(newSealingSecret()).not.toBe(secret);
});

it.skipIf(process.platform === "win32")("keeps it for its owner only", () => {
  loadSealingSecret(dataDir());
  expect(statSync(file()).mode & 0o777).toBe(0o600);
  expect(statSync(dataDir()).mode & 0o777).toBe(0o700);
});

it.each(["", "hs-short"])("refuses a file that was cut short: '%s'", (content) => {
  loadSealingSecret(dataDir());
  writeFileSync(file(), content);
  expect(() => loadSealingSecret(dataDir())).toThrow(ConfigError);
  expect(() => loadSealingSecret(dataDir())).toThrow(/sealing-secret/);
});
