import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { smallDisk } from "./testing/small-disk.js";
import { writeWhole } from "./write-whole.js";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "hearth-whole-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

it("writes a file for its owner only, and leaves no draft", () => {
  const path = join(dir, "file");
  writeWhole(path, "one", { draft: `${path}.x`, existing: "replace" });
  writeWhole(path, "two", { draft: `${path}.x`, existing: "replace" });
  expect(readFileSync(path, "utf8")).toBe("two");
  expect(readdirSync(dir)).toEqual(["file"]);
  if (process.platform !== "win32") expect(statSync(path).mode & 0o777).toBe(0o600);
});

it("gives a file the mode that is asked for, whatever the process's mask says", ({ skip }) => {
  if (process.platform === "win32") skip();
  const path = join(dir, "file");
  const before = process.umask(0o077);
  try {
    writeWhole(path, "one", { draft: `${path}.x`, existing: "replace", mode: 0o644 });
  } finally {
    process.umask(before);
  }
  expect(statSync(path).mode & 0o777).toBe(0o644);
});

it("keeps what is there when it is to be kept", () => {
  const path = join(dir, "file");
  writeFileSync(path, "first");
  expect(() => writeWhole(path, "second", { draft: `${path}.x`, existing: "keep" })).toThrow(/EEXIST/);
  expect(readFileSync(path, "utf8")).toBe("first");
  expect(readdirSync(dir)).toEqual(["file"]);
});

it("leaves the old content, and no draft, on a full disk", ({ skip }) => {
  using disk = smallDisk() ?? skip("needs root and tmpfs");
  const path = join(disk.path, "file");
  writeWhole(path, "old", { draft: `${path}.x`, existing: "replace" });
  disk.fill();
  expect(() => writeWhole(path, "n".repeat(10_000), { draft: `${path}.x`, existing: "replace" })).toThrow(/ENOSPC/);
  expect(readFileSync(path, "utf8")).toBe("old");
  expect(readdirSync(disk.path).sort()).toEqual(["file", disk.filler]);
});
