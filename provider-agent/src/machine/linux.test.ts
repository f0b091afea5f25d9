import { pbkdf2Sync } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { hardwareSchema, heartbeatSchema } from "@hearth/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CpuLoad, parseProcStat } from "./cpu-load.js";
import { hardwareOf, machineFacts, readMachineFacts } from "./hardware.js";
import { parseMemoryStall, readMemoryRoom } from "./linux-memory.js";
import { LinuxThermal, thermalOf } from "./linux-thermal.js";
import { type RunTool, runTool } from "./run-tool.js";
import { vitalsSource } from "./vitals-source.js";

const GIB = 1024 ** 3;
const MEMINFO = `MemTotal:       ${32 * 1024 * 1024} kB\nMemFree:         1024 kB\nMemAvailable:   ${24 * 1024 * 1024} kB\n`;
const missing: RunTool = async () => ({ type: "missing" });
const never = new AbortController().signal;

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "hearth-machine-"));
});
afterEach(() => rmSync(root, { recursive: true }));

function put(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

describe("memory on Linux", () => {
  it("counts what is available, not what is free", async () => {
    put({ "proc/meminfo": MEMINFO });
    expect(await readMemoryRoom(root)).toEqual({ totalBytes: 32 * GIB, availableBytes: 24 * GIB });
  });

  it("is a container's limit, less what it uses, its file cache not counted", async () => {
    put({
      "proc/meminfo": MEMINFO,
      "proc/self/cgroup": "0::/\n",
      "sys/fs/cgroup/memory.max": `${8 * GIB}\n`,
      "sys/fs/cgroup/memory.current": `${5 * GIB}\n`,
      "sys/fs/cgroup/memory.stat": `anon 1\nfile ${3 * GIB}\ninactive_file ${2 * GIB}\n`,
    });
    expect(await readMemoryRoom(root)).toEqual({ totalBytes: 8 * GIB, availableBytes: 5 * GIB });
  });

  it("obeys a limit of a group above its own", async () => {
    put({
      "proc/meminfo": MEMINFO,
      "proc/self/cgroup": "4:memory:/elsewhere\n0::/user.slice/hearth.service\n",
      "sys/fs/cgroup/user.slice/hearth.service/memory.max": "max\n",
      "sys/fs/cgroup/user.slice/hearth.service/memory.current": "1\n",
      "sys/fs/cgroup/user.slice/memory.max": `${4 * GIB}\n`,
      "sys/fs/cgroup/user.slice/memory.current": `${6 * GIB}\n`,
    });
    expect(await readMemoryRoom(root)).toEqual({ totalBytes: 4 * GIB, availableBytes: 0 });
  });

  it("reads how long tasks waited for memory", () => {
    const text = "some avg10=12.50 avg60=0.00 avg300=0.00 total=1\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";
    expect(parseMemoryStall(text)).toBe(0.125);
    expect(parseMemoryStall("")).toBeUndefined();
  });
});

describe("processor load", () => {
  it("is the share used between two readings, waiting for disks not counted", () => {
    const load = new CpuLoad();
    expect(load.next(parseProcStat("cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 1 1 1\n"))).toBeUndefined();
    expect(load.next(parseProcStat("cpu  150 0 110 720 120 0 0 0 0 0\n"))).toBeCloseTo(0.6);
  });

  it("is unknown after counters went back or could not be read", () => {
    const load = new CpuLoad();
    load.next({ busy: 10, total: 100 });
    expect(load.next({ busy: 5, total: 50 })).toBeUndefined();
    expect(load.next(parseProcStat("cpu  x"))).toBeUndefined();
    expect(load.next({ busy: 10, total: 100 })).toBeUndefined();
  });
});

describe("heat on Linux", () => {
  const trips = [
    { type: "passive", temperature: 95_000 },
    { type: "critical", temperature: 105_000 },
    { type: "active", temperature: 40_000 },
    { type: "hot", temperature: 0 },
  ];
  it.each([
    [50_000, "nominal"],
    [91_000, "fair"],
    [96_000, "serious"],
    [105_000, "critical"],
  ])("at %i thousandths of a degree is %s by the zone's own trip points", (temperature, thermal) => {
    expect(thermalOf({ temperature, trips })).toBe(thermal);
  });

  it("is unknown without trip points, and of several zones the worst counts", async () => {
    expect(thermalOf({ temperature: 99_000, trips: [] })).toBeUndefined();
    expect(await new LinuxThermal(root).read()).toBeUndefined();
    put({
      "sys/class/thermal/thermal_zone0/temp": "30000\n",
      "sys/class/thermal/thermal_zone0/trip_point_0_type": "critical\n",
      "sys/class/thermal/thermal_zone0/trip_point_0_temp": "100000\n",
      "sys/class/thermal/thermal_zone1/temp": "90000\n",
      "sys/class/thermal/thermal_zone1/trip_point_0_type": "passive\n",
      "sys/class/thermal/thermal_zone1/trip_point_0_temp": "85000\n",
    });
    expect(await new LinuxThermal(root).read()).toBe("serious");
  });

  it("is serious when the processor was throttled since the last look", async () => {
    const path = "sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count";
    const thermal = new LinuxThermal(root);
    put({ [path]: "7\n" });
    expect(await thermal.read()).toBeUndefined();
    put({ [path]: "8\n" });
    expect(await thermal.read()).toBe("serious");
    expect(await thermal.read()).toBeUndefined();
  });
});

describe("a Linux machine", () => {
  it("is described by /proc, /sys and os-release", async () => {
    put({
      "proc/meminfo": MEMINFO,
      "proc/cpuinfo": "processor\t: 0\nmodel name\t: AMD Ryzen 9 7950X 16-Core Processor\n",
      "etc/os-release": 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
      "sys/class/drm/card0/device/vendor": "0x8086\n",
      "sys/class/drm/card1/device/mem_info_vram_total": `${24 * GIB}\n`,
      "sys/class/drm/card1/device/gpu_busy_percent": "42\n",
      "sys/class/drm/card1-DP-1/status": "connected\n",
    });
    expect(await readMachineFacts({ platform: "linux", run: missing, root })).toMatchObject({
      chip: "AMD Ryzen 9 7950X 16-Core Processor",
      memoryBytes: 32 * GIB,
      osVersion: "Debian GNU/Linux 12 (bookworm)",
      gpus: [{ name: "AMD GPU", memoryBytes: 24 * GIB }],
    });
    const vitals = await vitalsSource({ platform: "linux", run: missing, root }).read(never);
    expect(vitals).toEqual({ memory_free_bytes: 24 * GIB, memory_pressure: 0.25, gpu_load: 0.42 });
  });

  it("takes an ARM board's name from the device tree", async () => {
    put({ "proc/cpuinfo": "processor\t: 0\nBogoMIPS\t: 108.00\n", "proc/device-tree/model": "Raspberry Pi 5\0" });
    expect(await readMachineFacts({ platform: "linux", run: missing, root })).toMatchObject({ chip: "Raspberry Pi 5" });
  });

  it("says nothing where there is nothing to read", async () => {
    expect(await vitalsSource({ platform: "linux", run: missing, root }).read(never)).toEqual({});
  });

  it.runIf(process.platform === "linux")("is this one, too, within the protocol's bounds", async () => {
    const facts = await machineFacts();
    expect(machineFacts()).toBe(machineFacts());
    expect(hardwareSchema.parse(hardwareOf(facts))).toEqual(hardwareOf(facts));
    expect(facts.memoryBytes).toBeLessThanOrEqual(totalmem());
    const source = vitalsSource({ platform: "linux", run: runTool });
    await source.read(never);
    // Work that both readings of the processors' time enclose.
    pbkdf2Sync("work", "salt", 200_000, 32, "sha256");
    const vitals = await source.read(never);
    expect(heartbeatSchema.parse({ type: "heartbeat", slots: [], ...vitals })).toMatchObject(vitals);
    expect(vitals.cpu_load).toBeGreaterThan(0);
    expect(vitals.memory_free_bytes).toBeGreaterThan(0);
  });
});
