import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ServiceDefinition } from "./init-system.js";
import { Launchd, launchdPlist } from "./launchd.js";
import { noInitSystem, openInitSystem } from "./open-init-system.js";
import { type CommandResult, commandRunner } from "./run-command.js";
import { Systemd, systemdUnit } from "./systemd.js";

const DEFINITION: ServiceDefinition = {
  command: ["/opt/my node/bin/node", "/opt/hearth/main.js", "serve", "--config", '/home/ä/100% "mine" $HOME.toml'],
  environment: { PATH: "/usr/bin:/bin", HEARTH_AGENT_DATA_DIR: "/srv/a & <b>" },
  logPath: "/Users/me/Library/Logs/hearth-agent/agent.log",
};

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hearth-service-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Answers as told, and remembers what it was asked. */
function scriptedCommands(answer: (line: string) => Partial<CommandResult>) {
  const lines: string[] = [];
  const run = async (program: string, args: readonly string[]): Promise<CommandResult> => {
    const line = [program, ...args].join(" ");
    lines.push(line);
    return { code: 0, stdout: "", stderr: "", ...answer(line) };
  };
  return { lines, run };
}

const hasProgram = (name: string): boolean => spawnSync("sh", ["-c", `command -v ${name}`]).status === 0;

/** The values of a unit file by `Section.Name`; several of one name, in their order. */
function unitValues(text: string): Record<string, string[]> {
  const values: Record<string, string[]> = {};
  let section = "";
  for (const line of text.split("\n")) {
    const [, name, key, value] = /^\[(\w+)\]$|^(\w+)=(.*)$/.exec(line) ?? [];
    section = name ?? section;
    if (key === undefined || value === undefined) continue;
    const full = `${section}.${key}`;
    values[full] = [...(values[full] ?? []), value];
  }
  return values;
}

/** The scalars of a property list by the key before each, those in dictionaries as well. */
function plistValues(text: string): Record<string, string> {
  const entries = text.matchAll(/<key>([^<]*)<\/key>\s*<(?!array|dict)(\w+)(?:\/>|>([^<]*)<)/g);
  return Object.fromEntries([...entries].map(([, key = "", type = "", value]) => [key, value ?? type]));
}

describe("the systemd unit", () => {
  it("starts the program with its words and variables, quoted as systemd reads them", () => {
    expect(unitValues(systemdUnit(DEFINITION))).toMatchObject({
      "Service.ExecStart": [
        String.raw`"/opt/my node/bin/node" /opt/hearth/main.js serve --config "/home/ä/100%% \"mine\" $$HOME.toml"`,
      ],
      "Service.Environment": ["PATH=/usr/bin:/bin", '"HEARTH_AGENT_DATA_DIR=/srv/a & <b>"'],
      "Install.WantedBy": ["default.target"],
    });
  });

  it("restarts what crashed, ever later and not for ever, and never what said that it cannot run", () => {
    expect(unitValues(systemdUnit(DEFINITION))).toMatchObject({
      "Service.Restart": ["on-failure"],
      "Service.RestartSec": ["1"],
      "Service.RestartMaxDelaySec": ["30"],
      "Unit.StartLimitIntervalSec": ["600"],
      "Unit.StartLimitBurst": ["6"],
      "Service.RestartPreventExitStatus": ["2 3 4 5 6 7 8 9 10 11 12 13 130"],
    });
  });

  it("gives the agent time to end, little weight beside its owner's work, and no more rights than it has", () => {
    expect(unitValues(systemdUnit(DEFINITION))).toMatchObject({
      "Service.KillMode": ["mixed"],
      "Service.TimeoutStopSec": ["45"],
      "Service.Nice": ["10"],
      "Service.OOMScoreAdjust": ["500"],
      "Service.UMask": ["0077"],
      "Service.NoNewPrivileges": ["true"],
    });
  });

  it.skipIf(!hasProgram("systemd-analyze"))("is understood by systemd", () => {
    const path = join(folder, "hearth-agent.service");
    const command = [process.execPath, ...DEFINITION.command.slice(1)];
    writeFileSync(path, systemdUnit({ ...DEFINITION, command }));
    const env = { PATH: "/usr/bin:/bin", XDG_RUNTIME_DIR: folder };
    const { stderr, status } = spawnSync("systemd-analyze", ["--user", "verify", path], { encoding: "utf8", env });
    const complaints = stderr.split("\n").filter((line) => line.includes(path));
    // RestartSteps and RestartMaxDelaySec are newer than some systems.
    expect(complaints.filter((line) => !/Unknown key (name )?'Restart(Steps|MaxDelaySec)'/.test(line))).toEqual([]);
    expect(status).toBe(0);
  });
});

describe("the launchd plist", () => {
  it("starts the agent at log-in and after a crash, with time to end and little weight", () => {
    const values = plistValues(launchdPlist(DEFINITION));
    expect(values).toMatchObject({
      Label: "dev.hearth.agent",
      RunAtLoad: "true",
      Crashed: "true",
      ThrottleInterval: "10",
      ExitTimeOut: "45",
      Nice: "5",
      LowPriorityIO: "true",
      // Octal 077.
      Umask: "63",
      StandardErrorPath: DEFINITION.logPath,
    });
  });

  it("says the program, its words and variables as XML has to", () => {
    const text = launchdPlist(DEFINITION);
    const words = [...text.matchAll(/^ {4}<string>(.*)<\/string>$/gm)].map(([, word]) => word);
    expect(words).toEqual([...DEFINITION.command, "/usr/bin:/bin", "/srv/a &amp; &lt;b&gt;"]);
  });

  it.skipIf(!hasProgram("python3"))("is a property list that says what was meant", () => {
    const script = "import json, plistlib, sys; print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))";
    const input = launchdPlist(DEFINITION);
    const read = JSON.parse(execFileSync("python3", ["-c", script], { input, encoding: "utf8" }));
    expect(read).toMatchObject({
      Label: "dev.hearth.agent",
      ProgramArguments: DEFINITION.command,
      EnvironmentVariables: DEFINITION.environment,
      KeepAlive: { Crashed: true },
      StandardOutPath: DEFINITION.logPath,
    });
  });
});

describe("systemd", () => {
  it("is told to enable and start the unit, whose file is for its owner only", async () => {
    const { run, lines } = scriptedCommands(() => ({}));
    const systemd = new Systemd(run, folder);
    expect(await systemd.state()).toEqual({ type: "not_installed" });
    await systemd.install(DEFINITION);
    expect(lines).toEqual([
      "systemctl --user show-environment",
      "systemctl --user daemon-reload",
      "systemctl --user enable hearth-agent.service",
      "systemctl --user restart hearth-agent.service",
    ]);
    expect(readFileSync(systemd.definitionPath, "utf8")).toBe(systemdUnit(DEFINITION));
    expect(statSync(systemd.definitionPath).mode & 0o777).toBe(0o600);
    await systemd.uninstall();
    expect(existsSync(systemd.definitionPath)).toBe(false);
    expect(lines.slice(4)).toEqual([
      "systemctl --user disable --now hearth-agent.service",
      "systemctl --user daemon-reload",
    ]);
    await systemd.uninstall();
    expect(lines).toHaveLength(6);
  });

  it.each([
    ["ActiveState=active\nSubState=running\nMainPID=42\n", { type: "running", pid: 42 }],
    ["ActiveState=activating\nSubState=auto-restart\nMainPID=0\n", { type: "running", pid: undefined }],
    [
      "ActiveState=failed\nResult=exit-code\nMainPID=0\nExecMainStatus=3\n",
      { type: "stopped", detail: "failed, exit-code, exit code 3" },
    ],
  ])("says how the service is: %j", async (stdout, state) => {
    const { run } = scriptedCommands((line) => (line.includes(" show hearth") ? { stdout } : {}));
    const systemd = new Systemd(run, folder);
    await systemd.install(DEFINITION);
    expect(await systemd.state()).toEqual(state);
  });

  it("that is not there, or refuses, is said as it says it, and leaves nothing behind", async () => {
    const { run } = scriptedCommands(() => ({ code: 1, stderr: "Failed to connect to bus: No medium found\n" }));
    const systemd = new Systemd(run, folder);
    await expect(systemd.install(DEFINITION)).rejects.toMatchObject({
      code: "service_failed",
      message: expect.stringMatching(/No medium found[\s\S]*hearth-agent start/),
    });
    expect(existsSync(systemd.definitionPath)).toBe(false);
    await expect(systemd.start()).rejects.toThrow("systemctl --user start hearth-agent.service failed: Failed to");
  });
});

describe("launchd", () => {
  it("is given the definition anew, and starts, stops and forgets it", async () => {
    let loaded = true;
    const { run, lines } = scriptedCommands((line) => {
      if (line.includes("bootout")) loaded = false;
      if (line.includes("bootstrap")) loaded = true;
      return line.includes("print") ? { code: loaded ? 0 : 113, stdout: "\tpid = 77\n" } : {};
    });
    const definition = { ...DEFINITION, logPath: join(folder, "logs", "agent.log") };
    const launchd = new Launchd(run, folder, 501);
    await launchd.install(definition);
    expect(lines).toEqual([
      "launchctl bootout gui/501/dev.hearth.agent",
      "launchctl enable gui/501/dev.hearth.agent",
      `launchctl bootstrap gui/501 ${launchd.definitionPath}`,
    ]);
    expect(existsSync(join(folder, "logs"))).toBe(true);
    expect(await launchd.state()).toEqual({ type: "running", pid: 77 });
    await launchd.stop();
    expect(await launchd.state()).toEqual({ type: "stopped", detail: "not loaded" });
    await launchd.start();
    expect(lines.at(-1)).toBe("launchctl kickstart gui/501/dev.hearth.agent");
    await launchd.uninstall();
    expect(await launchd.state()).toEqual({ type: "not_installed" });
    expect(existsSync(launchd.definitionPath)).toBe(false);
  });
});

describe("init systems", () => {
  it("are the platform's own, and none on Windows", () => {
    const run = commandRunner({});
    const open = (platform: NodeJS.Platform) =>
      openInitSystem({ run, platform, home: "/h", configHome: undefined, uid: 1 })?.definitionPath;
    expect(open("linux")).toBe("/h/.config/systemd/user/hearth-agent.service");
    expect(open("darwin")).toBe("/h/Library/LaunchAgents/dev.hearth.agent.plist");
    expect(open("win32")).toBeUndefined();
    expect(noInitSystem("win32").message).toContain("Task Scheduler");
  });

  it("are asked by real programs, which may fail or not be there", async () => {
    const run = commandRunner({ PATH: "/usr/bin:/bin" });
    expect(await run("sh", ["-c", "echo out; echo err >&2; exit 3"])).toEqual({
      code: 3,
      stdout: "out\n",
      stderr: "err\n",
    });
    expect(await run("/nowhere/launchctl", [])).toMatchObject({
      code: undefined,
      stderr: expect.stringContaining("ENOENT"),
    });
  });
});
