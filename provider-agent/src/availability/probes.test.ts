import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type RunTool, runTool, type ToolResult } from "../machine/run-tool.js";
import { idleTimeReader, parseHidIdleTime, parseLogindIdle } from "./owner-activity.js";
import { parseBatteryStatus, parsePmset, powerSourceReader } from "./power-source.js";

const never = new AbortController().signal;
const NOW = 1_800_000_000_000;

describe("the time since the owner's last input", () => {
  it("is read from macOS's IOHIDSystem, in nanoseconds", () => {
    const text = `+-o IOHIDSystem  <class IOHIDSystem, id 0x100000318, registered, matched, active, busy 0 (0 ms), retain 24>
    {
      "IOClass" = "IOHIDSystem"
      "HIDIdleTime" = 4021345678
      "HIDParameters" = {"HIDIdleTimeDelta"=7,"HIDScrollCountMaxTimeDeltaBetween"=600}
    }`;
    expect(parseHidIdleTime(text)).toBeCloseTo(4021.345678);
    expect(parseHidIdleTime("")).toBeUndefined();
  });

  it("is logind's, unless nobody ever tells logind", () => {
    expect(parseLogindIdle(`b true\nt ${(NOW - 90_000) * 1000}\n`, NOW)).toBe(90_000);
    expect(parseLogindIdle(`b false\nt ${(NOW - 90_000) * 1000}\n`, NOW)).toBe(0);
    expect(parseLogindIdle("b false\nt 0\n", NOW)).toBeUndefined();
    expect(parseLogindIdle("Failed to connect to bus\n", NOW)).toBeUndefined();
  });

  function linux(answers: (program: string, args: readonly string[]) => ToolResult, sessionType?: string) {
    const asked: string[] = [];
    const run: RunTool = async (program, args) => {
      asked.push(args.includes("--user") ? "mutter" : program === "busctl" ? "logind" : program);
      return answers(program, args);
    };
    return { asked, read: idleTimeReader({ platform: "linux", run, wallTime: () => NOW, sessionType }) };
  }

  it("is GNOME's first on Linux, and nobody else is asked", async () => {
    const { asked, read } = linux(() => ({ type: "ok", stdout: "t 61000\n" }));
    expect(await read(never)).toBe(61_000);
    expect(asked).toEqual(["mutter"]);
  });

  it("is X's without GNOME, but not under Wayland, where X does not hear everything", async () => {
    const answers = (program: string): ToolResult =>
      program === "xprintidle" ? { type: "ok", stdout: "1234\n" } : { type: "failed" };
    expect(await linux(answers).read(never)).toBe(1234);
    const wayland = linux(answers, "wayland");
    expect(await wayland.read(never)).toBeUndefined();
    expect(wayland.asked).toEqual(["mutter", "logind"]);
  });

  it("is not asked again of programs that are missing", async () => {
    const { asked, read } = linux((program) => ({ type: program === "xprintidle" ? "missing" : "failed" }));
    await read(never);
    expect(await read(never)).toBeUndefined();
    expect(asked).toEqual(["mutter", "xprintidle", "logind", "mutter", "logind"]);
  });

  it("is GetLastInputInfo's on Windows, and unknown elsewhere", async () => {
    const run: RunTool = async (program) => ({
      type: program === "powershell.exe" ? "ok" : "missing",
      stdout: "500\r\n",
    });
    const reader = (platform: NodeJS.Platform) => idleTimeReader({ platform, run, wallTime: () => NOW });
    expect(await reader("win32")(never)).toBe(500);
    expect(await reader("freebsd")(never)).toBeUndefined();
  });

  it.runIf(process.platform === "linux")("is a time or unknown on this machine", async () => {
    const idleMs = await idleTimeReader({ platform: "linux", run: runTool, wallTime: () => NOW })(never);
    expect(idleMs === undefined || idleMs >= 0).toBe(true);
  });
});

describe("the source of power", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "hearth-power-"));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  function linux(files: Readonly<Record<string, string>>): Promise<boolean | undefined> {
    for (const [path, text] of Object.entries(files)) {
      const full = join(root, "sys/class/power_supply", path);
      mkdirSync(dirname(full), { recursive: true });
      writeFileSync(full, `${text}\n`);
    }
    return powerSourceReader({ platform: "linux", run: runTool, root })(never);
  }

  it("is the battery that discharges, on Linux", async () => {
    expect(
      await linux({ "AC/type": "Mains", "AC/online": "0", "BAT0/type": "Battery", "BAT0/status": "Discharging" }),
    ).toBe(true);
    expect(await linux({ "AC/online": "1" })).toBe(false);
    expect(await linux({ "AC/online": "0", "BAT0/status": "Charging" })).toBe(false);
  });

  it("is not the battery of a mouse, nor one that is not there", async () => {
    expect(await linux({})).toBe(false);
    expect(await linux({ "hid/type": "Battery", "hid/scope": "Device", "hid/status": "Discharging" })).toBe(false);
  });

  it("is what pmset says on macOS", () => {
    const battery = " -InternalBattery-0 (id=22806627)\t78%; discharging; 5:05 remaining present: true\n";
    expect(parsePmset(`Now drawing from 'Battery Power'\n${battery}`)).toBe(true);
    expect(parsePmset("Now drawing from 'AC Power'\n")).toBe(false);
    expect(parsePmset("")).toBeUndefined();
  });

  it("is Win32_Battery's status on Windows", () => {
    expect(["1\r\n", "2\r\n", "none\r\n", "2\r\n5\r\n", "", "Access denied"].map(parseBatteryStatus)).toEqual([
      true,
      false,
      false,
      true,
      undefined,
      undefined,
    ]);
  });
});
