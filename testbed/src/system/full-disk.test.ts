import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type SmallDisk, smallDisk } from "@hearth/disk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freePort } from "../bench/free-port.js";
import { runCoordinator, SpawnedHearth } from "./spawned-hearth.js";
import { type StubBackend, startStubBackend } from "./stub-backend.js";

const ask = { model: "pico", stream: true, messages: [{ role: "user", content: "hi" }] };
const SKIPPED = "needs root and tmpfs";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "hearth-full-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const mounted = (skip: (note: string) => never, sizeKib?: number): SmallDisk => smallDisk(sizeKib) ?? skip(SKIPPED);

interface Health {
  readonly status: string;
  readonly reasons: readonly string[];
}

async function health(hearth: SpawnedHearth): Promise<Health> {
  return (await (await hearth.get("/health")).json()) as Health;
}

function startFineBackend(): Promise<StubBackend> {
  return startStubBackend("pico", (exchange) => {
    exchange.content("fine");
    exchange.end();
  });
}

async function answers(hearth: SpawnedHearth, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    const response = await hearth.chat(ask);
    expect({ n, status: response.status }).toEqual({ n, status: 200 });
    await response.arrayBuffer();
  }
}

describe("a coordinator whose log cannot be written", () => {
  it("answers, says so, goes on with its log when there is room, and exits with 0", async ({ skip }) => {
    using disk = mounted(skip);
    const path = join(disk.path, "out.log");
    await using hearth = await SpawnedHearth.start({}, path);
    await using backend = await startFineBackend();
    await hearth.agent({ backend: backend.url });
    disk.fill();
    await hearth.coordinator.until("has noticed", async () => {
      await answers(hearth, 10);
      return (await health(hearth)).reasons.includes("log_not_written");
    });
    expect((await health(hearth)).status).toBe("degraded");
    await answers(hearth, 20);
    disk.makeRoom();
    await hearth.coordinator.until("is well again", async () => (await health(hearth)).status === "healthy");
    await answers(hearth, 1);
    expect(await hearth.coordinator.stop()).toEqual({ code: 0, signal: null });
    const lines = readFileSync(path, "utf8").trimEnd().split("\n");
    expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ msg: "stopped" });
    for (const line of lines) JSON.parse(line);
  });

  it.skipIf(process.platform !== "linux")("starts, answers and stops with a full device as its log", async () => {
    const port = await freePort();
    const env = { HEARTH_PORT: String(port), HEARTH_DATA_DIR: dir };
    await using coordinator = runCoordinator(env, "/dev/full");
    await coordinator.until("says so", async () => {
      const response = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
      return ((await response?.json()) as Health | undefined)?.status === "degraded";
    });
    expect(await coordinator.stop()).toEqual({ code: 0, signal: null });
    expect(coordinator.stderr).toMatch(/^Stopped, and could not write: \d+ lines of the log \(ENOSPC\)\.$/m);
  });

  it("goes on when whoever read its log has gone", async () => {
    await using hearth = await SpawnedHearth.start();
    await using backend = await startFineBackend();
    await hearth.agent({ backend: backend.url });
    hearth.coordinator.closeStdout();
    await hearth.coordinator.until("says so", async () => {
      await answers(hearth, 1);
      return (await health(hearth)).reasons.includes("log_not_written");
    });
    expect(await hearth.coordinator.stop()).toEqual({ code: 0, signal: null });
  });
});

describe("a coordinator whose data directory fills up while it runs", () => {
  it("answers, says what it cannot keep, and stops with 0 after saying what is lost", async ({ skip }) => {
    using disk = mounted(skip, 4096);
    await using hearth = await SpawnedHearth.start({ HEARTH_DATA_DIR: disk.path });
    await using backend = await startFineBackend();
    await hearth.agent({ backend: backend.url });
    disk.fill();
    await hearth.coordinator.until("has noticed", async () => {
      await answers(hearth, 5);
      return (await health(hearth)).reasons.includes("store_not_written");
    });
    expect(await hearth.metric('hearth_store_failures_total{trouble="store_not_written"}')).toBeGreaterThan(0);
    await answers(hearth, 20);
    expect(await hearth.coordinator.stop()).toEqual({ code: 0, signal: null });
    expect(hearth.coordinator.stderr).toMatch(/^Stopped, and could not write: \d+ receipts\.$/m);
    expect(hearth.coordinator.stderr).not.toContain("    at ");
  });
});

describe("a coordinator that cannot use its data directory", () => {
  /** How it ends, and what it says: one line. */
  async function refusal(dataDir: string): Promise<{ readonly code: number | null; readonly said: string }> {
    await using coordinator = runCoordinator({ HEARTH_PORT: "0", HEARTH_DATA_DIR: dataDir });
    const { code } = await coordinator.exited;
    expect(coordinator.stderr.trimEnd().split("\n")).toHaveLength(1);
    return { code, said: coordinator.stderr };
  }

  it("says that a file is in its place", async () => {
    writeFileSync(join(dir, "data"), "");
    expect(await refusal(join(dir, "data"))).toEqual({
      code: 4,
      said: expect.stringContaining("move it away. See HEARTH_DATA_DIR"),
    });
    expect(await refusal(join(dir, "data", "below"))).toEqual({ code: 4, said: expect.stringContaining("ENOTDIR") });
  });

  it("says that its disk is full, and leaves no part of a secret", async ({ skip }) => {
    using disk = mounted(skip);
    disk.fill();
    expect(await refusal(disk.path)).toEqual({
      code: 4,
      said: expect.stringMatching(/^The data directory .* its disk is full \(ENOSPC\)/),
    });
    disk.makeRoom();
    await using coordinator = runCoordinator({ HEARTH_PORT: "0", HEARTH_DATA_DIR: disk.path });
    await coordinator.until("is listening", () => coordinator.logged("listening").length > 0);
  });

  it("says that its file system is read-only", async ({ skip }) => {
    using disk = mounted(skip);
    disk.makeReadOnly();
    expect(await refusal(disk.path)).toEqual({ code: 4, said: expect.stringContaining("read-only (EROFS)") });
  });

  it("says that a directory is in the place of a secret, or of the database", async () => {
    mkdirSync(join(dir, "api-key"));
    expect(await refusal(dir)).toEqual({ code: 4, said: expect.stringContaining("EISDIR") });
    rmSync(join(dir, "api-key"), { recursive: true });
    mkdirSync(join(dir, "hearth.db"));
    await using coordinator = runCoordinator({ HEARTH_PORT: "0", HEARTH_DATA_DIR: dir });
    expect((await coordinator.exited).code).toBe(4);
    expect(coordinator.stderr).toContain("hearth.db cannot be opened: a directory is in the place of a file (EISDIR)");
  });

  it("says that a secret is empty", async () => {
    writeFileSync(join(dir, "api-key"), "");
    await using coordinator = runCoordinator({ HEARTH_PORT: "0", HEARTH_DATA_DIR: dir });
    expect((await coordinator.exited).code).toBe(2);
    expect(coordinator.stderr).toContain(`${join(dir, "api-key")} holds no secret`);
  });
});

describe("a coordinator whose database is damaged", () => {
  const PAGE = 4096;

  function overwrite(path: string, from: number, bytes: Uint8Array): void {
    const file = openSync(path, "r+");
    writeSync(file, bytes, 0, bytes.length, from);
    closeSync(file);
  }

  it.each([
    ["garbage for a header", (path: string) => overwrite(path, 0, Buffer.alloc(100, "x"))],
    [
      "overwritten pages",
      (path: string) => overwrite(path, 2 * PAGE, Buffer.alloc(statSync(path).size - 2 * PAGE, 0xa5)),
    ],
    [
      "one overwritten page that the start itself does not read",
      (path: string) => overwrite(path, statSync(path).size - PAGE, Buffer.alloc(PAGE, 0xa5)),
    ],
    ["half of its pages", (path: string) => truncateSync(path, Math.floor(statSync(path).size / PAGE / 2) * PAGE)],
  ])("refuses %s, and says how to go on", async (_what, damage) => {
    const env = { HEARTH_PORT: "0", HEARTH_DATA_DIR: dir };
    await using first = runCoordinator(env);
    await first.until("is listening", () => first.logged("listening").length > 0);
    await first.stop();
    const path = join(dir, "hearth.db");
    damage(path);
    await using second = runCoordinator(env);
    expect(await second.exited).toEqual({ code: 5, signal: null });
    expect(second.stderr).toMatch(/hearth\.db is damaged .* put a backup in its place .*"A damaged database"/);
    expect(second.stderr.trimEnd().split("\n")).toHaveLength(1);
  });
});
