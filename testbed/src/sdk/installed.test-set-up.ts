import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** Slow tests run where they are asked for; they bring what they test from npm. */
const WANTED = process.env["HEARTH_SLOW_TESTS"] === "1";
const INSTALL_MS = 180_000;

const roots: string[] = [];
afterAll(() => {
  for (const root of roots) rmSync(root, { recursive: true, force: true });
});

/** @returns the folder that it is installed in; `undefined`, with a notice, where it is not wanted or cannot be had */
export function installed(npm: string): string | undefined {
  if (!WANTED) return absent(npm, "HEARTH_SLOW_TESTS is not 1");
  const root = mkdtempSync(join(tmpdir(), "hearth-npm-"));
  roots.push(root);
  writeFileSync(join(root, "package.json"), "{}");
  const run = spawnSync("npm", ["install", "--no-audit", "--no-fund", npm], { cwd: root, timeout: INSTALL_MS });
  return run.status === 0 ? root : absent(npm, "npm could not install it");
}

function absent(npm: string, why: string): undefined {
  console.warn(`NOTICE: ${why}; the test with ${npm} itself is skipped.`);
}
