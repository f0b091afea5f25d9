import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { SpawnedProcess } from "./spawned-process.js";

const START = fileURLToPath(new URL("../../../scripts/start.mjs", import.meta.url));

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "hearth-start-"));
});
afterEach(() => rmSync(home, { recursive: true }));

it("npm start serves although its user's own agent is configured to serve nobody else", async () => {
  const configs = [join(home, ".config/hearth-agent"), join(home, "Library/Preferences/hearth-agent")];
  for (const dir of configs) {
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, "config.toml"), 'name = "mine"\n[availability]\nsharing = "owner_only"\n');
  }
  const env = { HOME: home, HEARTH_PORT: "0", HEARTH_DATA_DIR: join(home, "data") };
  await using start = new SpawnedProcess({ name: "start", file: process.execPath, args: [START], env });
  await start.until("it is ready", () => start.stdout.includes("Hearth is ready."), 25_000);
  expect(start.stdout).toContain("Balance    $0.99");
  expect(await start.stop()).toEqual({ code: 0, signal: null });
});
