import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type SmallDisk, smallDisk } from "@hearth/disk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AgentStatus } from "./local/agent-status.js";
import { readRunFile } from "./local/run-file.js";
import { writeDefinition } from "./service/write-definition.js";
import { CliHome } from "./testing/cli-home.js";
import { eventually } from "./testing/eventually.js";
import { ScriptedBackend } from "./testing/scripted-backend.js";
import { ScriptedCoordinator } from "./testing/scripted-coordinator.js";
import { SpawnedAgent } from "./testing/spawned-agent.js";

const BODY = { model: "m", messages: [{ role: "user", content: "hi" }], stream: true };
const ENV = { HEARTH_LOG_LEVEL: "trace" };

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "hearth-full-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const mounted = (skip: (note: string) => never): SmallDisk => smallDisk() ?? skip("needs root and tmpfs");

async function start(paths: { readonly stdout?: string; readonly stderr?: string } = {}) {
  const coordinator = await ScriptedCoordinator.start();
  const backend = await ScriptedBackend.start();
  const agent = new SpawnedAgent(["serve", "-c", coordinator.url, "-b", backend.url], ENV, paths);
  const link = await coordinator.agent(1, 15_000);
  return {
    agent,
    /** One request, answered to its end. */
    async ask(): Promise<void> {
      expect((await link.request(BODY).end()).type).toBe("complete");
    },
    async log(): Promise<AgentStatus["log"]> {
      const { url, token } = readRunFile(agent.dataDir, "default") ?? { url: "", token: "" };
      const response = await fetch(`${url}/status`, { headers: { Authorization: `Bearer ${token}` } });
      return ((await response.json()) as AgentStatus).log;
    },
    async [Symbol.asyncDispose]() {
      await agent[Symbol.asyncDispose]();
      await backend[Symbol.asyncDispose]();
      await coordinator[Symbol.asyncDispose]();
    },
  };
}

/** Asks until the status says that the log cannot be written. */
async function untilFailing({ ask, log }: Pick<Awaited<ReturnType<typeof start>>, "ask" | "log">, problem: string) {
  await eventually(
    async () => {
      await ask();
      const now = await log();
      return now?.type === "failing" && now.problem === problem;
    },
    15_000,
    "the log fails",
  );
}

describe("an agent whose log cannot be written", () => {
  it("serves, says so, and goes on with its log when there is room", async ({ skip }) => {
    using disk = mounted(skip);
    const path = join(disk.path, "agent.log");
    await using setting = await start({ stdout: path });
    disk.fill();
    await untilFailing(setting, "ENOSPC");
    for (let n = 0; n < 20; n++) await setting.ask();
    disk.makeRoom();
    await eventually(async () => (await setting.log())?.type === "written", 15_000, "the log is written");
    setting.agent.process.kill("SIGTERM");
    expect(await setting.agent.exited).toBe(0);
    const lines = readFileSync(path, "utf8").trimEnd().split("\n");
    expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ msg: "stopped" });
    for (const line of lines) JSON.parse(line);
  });

  it.skipIf(process.platform !== "linux")("serves with a full device as its log, and exits with 0", async () => {
    await using setting = await start({ stdout: "/dev/full" });
    await untilFailing(setting, "ENOSPC");
    setting.agent.process.kill("SIGTERM");
    expect(await setting.agent.exited).toBe(0);
    expect(setting.agent.output).toMatch(/^Stopped, and could not write: \d+ lines of the log \(ENOSPC\)\.$/m);
  });

  it("exits with 0 also when there is no room for its last words", async ({ skip }) => {
    using disk = mounted(skip);
    const path = join(disk.path, "agent.log");
    await using setting = await start({ stdout: path, stderr: path });
    disk.fill();
    await untilFailing(setting, "ENOSPC");
    setting.agent.process.kill("SIGTERM");
    expect(await setting.agent.exited).toBe(0);
  });

  it("serves when whoever read its log has gone", async () => {
    await using setting = await start();
    setting.agent.process.stdout?.destroy();
    await untilFailing(setting, "EPIPE");
    await setting.ask();
    setting.agent.process.kill("SIGTERM");
    expect(await setting.agent.exited).toBe(0);
  });
});

describe("an agent whose data directory cannot be written any more", () => {
  const command = (home: CliHome, path: string, ...args: string[]) =>
    home.run(args, { HEARTH_AGENT_DATA_DIR: path, XDG_STATE_HOME: dir });

  async function serving(path: string) {
    const coordinator = await ScriptedCoordinator.start();
    const backend = await ScriptedBackend.start();
    const agent = new SpawnedAgent(["serve", "-c", coordinator.url, "-b", backend.url], {
      HEARTH_AGENT_DATA_DIR: path,
    });
    await coordinator.agent(1, 15_000);
    await eventually(async () => readRunFile(path, "default") !== undefined, 15_000, "it can be asked");
    return {
      agent,
      async [Symbol.asyncDispose]() {
        await agent[Symbol.asyncDispose]();
        await backend[Symbol.asyncDispose]();
        await coordinator[Symbol.asyncDispose]();
      },
    };
  }

  it.for([
    ["its disk is full (ENOSPC)", (disk: SmallDisk) => disk.fill()],
    ["its file system is read-only (EROFS)", (disk: SmallDisk) => disk.makeReadOnly()],
  ] as const)(
    "pauses and resumes all the same, and says what it cannot keep: %s",
    async ([problem, spoil], { skip }) => {
      using disk = mounted(skip);
      await using home = new CliHome();
      await using setting = await serving(disk.path);
      spoil(disk);
      const paused = await command(home, disk.path, "pause");
      expect(paused).toMatchObject({ code: 0, stderr: "" });
      expect(paused.stdout).toMatch(/^Activity +paused by you$/m);
      expect(paused.stdout).toContain(problem);
      expect((await command(home, disk.path, "status")).stdout).toContain(problem);
      const resumed = await command(home, disk.path, "resume");
      expect(resumed).toMatchObject({ code: 0, stderr: "" });
      expect(resumed.stdout).toMatch(/^Activity +serving$/m);
      setting.agent.process.kill("SIGTERM");
      expect(await setting.agent.exited).toBe(0);
      expect(setting.agent.output).not.toContain("    at ");
    },
  );

  it("resumes from a pause that it kept before, until it ends", async ({ skip }) => {
    using disk = mounted(skip);
    await using home = new CliHome();
    await using _setting = await serving(disk.path);
    await command(home, disk.path, "pause");
    disk.makeReadOnly();
    const resumed = await command(home, disk.path, "resume");
    expect(resumed.stdout).toMatch(/^Activity +serving$/m);
    expect(resumed.stdout).toContain("read-only");
  });
});

it("is told by doctor that its data directory is read-only, whatever else is wrong with it", async ({ skip }) => {
  using disk = mounted(skip);
  chmodSync(disk.path, 0o755);
  disk.makeReadOnly();
  await using home = new CliHome();
  const { code, stdout } = await home.run(["doctor"], { HEARTH_AGENT_DATA_DIR: disk.path });
  expect(code).toBe(9);
  expect(stdout).toMatch(/^✗ +Data directory .*its file system is read-only \(EROFS\)/m);
});

it("measures nothing that it could not keep", async ({ skip }) => {
  using disk = mounted(skip);
  disk.makeReadOnly();
  await using home = new CliHome();
  await using backend = await ScriptedBackend.start();
  home.config = `[[backends]]\nkind = "openai"\nurl = "${backend.url}"\n`;
  const { code, stderr } = await home.run(["bench"], { HEARTH_AGENT_DATA_DIR: disk.path });
  expect({ code, stderr }).toEqual({
    code: 13,
    stderr: expect.stringContaining("its file system is read-only (EROFS)"),
  });
  expect(backend.asked).toEqual([]);
});

describe("an agent that cannot use its data directory", () => {
  const refused = async (dataDir: string, ...more: string[]): Promise<string> => {
    const args = ["serve", "-c", "ws://127.0.0.1:9/ws/provider", "-b", "http://127.0.0.1:9/v1", ...more];
    await using agent = new SpawnedAgent(args, { HEARTH_AGENT_DATA_DIR: dataDir });
    expect(await agent.exited).toBe(13);
    return agent.output
      .split("\n")
      .filter((line) => !line.startsWith("{"))
      .join("\n")
      .trimEnd();
  };

  it("says that a file is in its place", async () => {
    writeFileSync(join(dir, "file"), "");
    expect(await refused(join(dir, "file", "below"))).toBe(
      `The data directory ${join(dir, "file", "below")} cannot be used: a file is in the place of a directory (ENOTDIR); move it away.`,
    );
  });

  it("says that its disk is full, under a supervisor too, which does not try again", async ({ skip }) => {
    using disk = mounted(skip);
    disk.fill();
    const words = `The data directory ${disk.path} cannot be used: its disk is full (ENOSPC); free some space.`;
    expect(await refused(disk.path)).toBe(words);
    expect(await refused(disk.path, "--supervise")).toBe(words);
  });

  it("says so too when there is room for the smallest files only", async ({ skip }) => {
    using disk = mounted(skip);
    disk.fill(2);
    const words = `The data directory ${disk.path} cannot be used: its disk is full (ENOSPC); free some space.`;
    expect(await refused(disk.path)).toBe(words);
  });

  it("says that its file system is read-only", async ({ skip }) => {
    using disk = mounted(skip);
    disk.makeReadOnly();
    expect(await refused(disk.path)).toContain("its file system is read-only (EROFS)");
  });

  it("is not started in the background", async () => {
    await using home = new CliHome();
    writeFileSync(join(dir, "file"), "");
    const env = { HEARTH_AGENT_DATA_DIR: join(dir, "file"), HEARTH_PROVIDER_TOKEN: "provider-token-0123456789" };
    const args = ["start", "-c", "ws://127.0.0.1:9/ws/provider", "-b", "http://127.0.0.1:9/v1"];
    const { code, stderr } = await home.run(args, env);
    expect({ code, stderr }).toEqual({ code: 13, stderr: expect.stringContaining("move it away") });
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });
});

it("says that the answer of a command cannot be written", async ({ skip }) => {
  using disk = mounted(skip);
  disk.fill();
  await using agent = new SpawnedAgent(["--help"], {}, { stdout: join(disk.path, "out") });
  expect(await agent.exited).toBe(13);
  expect(agent.output).toBe("The answer cannot be written to stdout: its disk is full (ENOSPC); free some space.\n");
});

it("says that something else is in the place of a log", async () => {
  await using home = new CliHome();
  const { stderr } = await home.run(["logs"]);
  const path = /There is no log at (.*): no agent/.exec(stderr)?.[1] ?? "";
  mkdirSync(path, { recursive: true });
  const { code, stderr: said } = await home.run(["logs"]);
  expect({ code, said }).toEqual({
    code: 13,
    said: `The log ${path} cannot be read: a directory is in the place of a file (EISDIR); move it away.\n`,
  });
});

it("leaves no half of a service's definition, and says why there is none", () => {
  const path = join(dir, "file", "unit");
  writeFileSync(join(dir, "file"), "");
  expect(() => writeDefinition(path, "[Unit]")).toThrowError(expect.objectContaining({ code: "data_unusable" }));
  writeDefinition(join(dir, "unit"), "[Unit]");
  expect(readdirSync(dir).toSorted()).toEqual(["file", "unit"]);
});
