import { existsSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { putLogAside } from "./background-agent.js";

it("puts a log aside only when it has grown large", () => {
  const folder = mkdtempSync(join(tmpdir(), "hearth-log-"));
  const path = join(folder, "agent.log");
  putLogAside(path);
  writeFileSync(path, "");
  truncateSync(path, 10 << 20);
  putLogAside(path);
  expect(existsSync(`${path}.1`)).toBe(false);
  truncateSync(path, (10 << 20) + 1);
  putLogAside(path);
  expect([existsSync(path), existsSync(`${path}.1`)]).toEqual([false, true]);
  rmSync(folder, { recursive: true });
});
