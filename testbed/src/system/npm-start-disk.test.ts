import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { smallDisk } from "@hearth/disk/testing";
import { expect, it } from "vitest";
import { SpawnedProcess } from "./spawned-process.js";

const START = fileURLToPath(new URL("../../../scripts/start.mjs", import.meta.url));

/** What `npm start` says when it cannot use this data directory. */
async function refusal(dataDir: string): Promise<string> {
  const env = { HEARTH_PORT: "0", HEARTH_DATA_DIR: dataDir };
  await using start = new SpawnedProcess({ name: "start", file: process.execPath, args: [START], env });
  expect(await start.exited).toEqual({ code: 1, signal: null });
  expect(start.stderr).not.toContain("    at ");
  return start.stderr;
}

it("npm start says that a file is in the place of its data directory", async () => {
  const dir = mkdtempSync(join(tmpdir(), "hearth-start-"));
  try {
    writeFileSync(join(dir, "file"), "");
    expect(await refusal(join(dir, "file"))).toMatch(/coordinator\.log cannot be written \(ENOTDIR\): free some space/);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

it("npm start tells the coordinator's last words although its log has no room for them", async ({ skip }) => {
  using disk = smallDisk() ?? skip("needs root and tmpfs");
  disk.fill();
  expect(await refusal(disk.path)).toContain(
    `The coordinator ended with exit code 4. The end of ${disk.path}/logs/coordinator.log:\nThe data directory ${disk.path} cannot be used: its disk is full (ENOSPC); free some space.`,
  );
});
