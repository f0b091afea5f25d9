import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { smallDisk } from "./testing/small-disk.js";
import { DiskError, requireUsableDirectory } from "./usable-directory.js";

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "hearth-directory-"));
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

function refusal(dir: string): DiskError {
  try {
    requireUsableDirectory(dir, "The data directory");
  } catch (error) {
    if (error instanceof DiskError) return error;
    throw error;
  }
  throw new Error("it can be used");
}

it("makes a directory for its owner only, and leaves nothing in it", () => {
  const dir = join(parent, "a", "b");
  requireUsableDirectory(dir, "The data directory");
  expect(readdirSync(dir)).toEqual([]);
  if (process.platform !== "win32") expect(statSync(dir).mode & 0o777).toBe(0o700);
});

it("takes a probe that an earlier process left", () => {
  writeFileSync(join(parent, `.probe-${process.pid}`), "left");
  requireUsableDirectory(parent, "The data directory");
  expect(readdirSync(parent)).toEqual([]);
});

it("says in one sentence that a file is in its place, or in that of a directory above", () => {
  const file = join(parent, "file");
  writeFileSync(file, "");
  expect(refusal(file).message).toBe(
    `The data directory ${file} cannot be used: something that is no directory is in its place (EEXIST); move it away.`,
  );
  expect(refusal(join(file, "below"))).toMatchObject({ code: "ENOTDIR" });
});

it.skipIf(process.platform === "win32" || process.getuid?.() === 0)("says that rights are missing", () => {
  chmodSync(parent, 0o500);
  expect(refusal(join(parent, "below"))).toMatchObject({ code: "EACCES" });
  chmodSync(parent, 0o700);
});

it("says that the disk is full, and leaves no part of the probe", ({ skip }) => {
  using disk = smallDisk() ?? skip("needs root and tmpfs");
  disk.fill();
  const error = refusal(disk.path);
  expect(error.message).toBe(
    `The data directory ${disk.path} cannot be used: its disk is full (ENOSPC); free some space.`,
  );
  expect(readdirSync(disk.path)).toEqual([disk.filler]);
});

it("says that the file system is read-only", ({ skip }) => {
  using disk = smallDisk() ?? skip("needs root and tmpfs");
  disk.makeReadOnly();
  expect(refusal(disk.path)).toMatchObject({ code: "EROFS" });
});
