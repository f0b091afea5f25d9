import { describe, expect, it } from "vitest";
import { bandwidthOf, parseAppleChip } from "./apple-chip.js";
import {
  availableMemoryOf,
  coreKindsOf,
  memoryPressureOf,
  parseAccelerator,
  parseSysctl,
  parseThermalPressure,
} from "./apple-tools.js";
import { hardwareOf, readMachineFacts } from "./hardware.js";
import type { RunTool } from "./run-tool.js";
import { vitalsSource } from "./vitals-source.js";

// In the form of hw.perflevelN that a MacBook Pro with M1 Pro prints.
const SYSCTL_M1_PRO = `machdep.cpu.brand_string: Apple M1 Pro
kern.osproductversion: 14.2.1
hw.nperflevels: 2
hw.perflevel0.physicalcpu_max: 8
hw.perflevel0.name: Performance
hw.perflevel1.physicalcpu_max: 2
hw.perflevel1.name: Efficiency
`;

// Recorded on a macOS with 32 GiB.
const VM_STAT = `Mach Virtual Memory Statistics: (page size of 4096 bytes)
Pages free:                             6127229.
Pages active:                            485320.
Pages inactive:                          628646.
Pages speculative:                       430715.
Pages throttled:                              0.
Pages wired down:                        715958.
Pages purgeable:                          11820.
"Translation faults":                  11477162.
Pages copy-on-write:                     356264.
Pages zero filled:                      7628050.
Pages reactivated:                         9561.
Pages purged:                              1423.
File-backed pages:                      1080348.
Anonymous pages:                         464333.
Pages stored in compressor:                   0.
Pages occupied by compressor:                 0.
Decompressions:                               0.
`;

// The form: macOS 15 on an M4, as monitors on GitHub record it ("Device Utilization %" stands in PerformanceStatistics).
const IOREG_M4 = `+-o AGXAcceleratorG16G  <class AGXAcceleratorG16G, id 0x1000003c5, registered, matched, active, busy 0 (4 ms), retain 60>
    {
      "IOClass" = "AGXAcceleratorG16G"
      "PerformanceStatistics" = {"In use system memory (driver)"=0,"Alloc system memory"=2181693440,"Tiler Utilization %"=30,"recoveryCount"=0,"Renderer Utilization %"=29,"Device Utilization %"=30,"In use system memory"=356089856}
      "model" = "Apple M4"
      "gpu-core-count" = 10
    }
`;

const missing: RunTool = async () => ({ type: "missing" });

function answering(answers: Readonly<Record<string, string>>): RunTool {
  return async (program) => {
    const stdout = answers[program];
    return stdout === undefined ? { type: "missing" } : { type: "ok", stdout };
  };
}

describe("Apple's chips", () => {
  it.each([
    ["Apple M1", "M1", "base"],
    ["Apple M2 Pro", "M2", "Pro"],
    ["Apple M3 Ultra", "M3", "Ultra"],
    ["Apple M5 Max", "M5", "Max"],
    ["Apple M1 (Virtual)", "M1", "base"],
  ])("reads %s", (brand, family, tier) => {
    expect(parseAppleChip(brand)).toEqual({ family, tier });
  });

  it.each(["Intel(R) Core(TM) i9-9880H CPU @ 2.30GHz", "Apple processor", "Apple M2 Pro Max", ""])(
    "does not take %j for one",
    (brand) => {
      expect(parseAppleChip(brand)).toBeUndefined();
    },
  );

  it("tells a binned chip by its GPU, and takes the lower bandwidth where that is not known", () => {
    const m4Max = { family: "M4", tier: "Max" } as const;
    expect([32, 40, undefined].map((cores) => bandwidthOf(m4Max, cores))).toEqual([410, 546, 410]);
  });

  it("claims no bandwidth for a chip that is not known", () => {
    expect(bandwidthOf({ family: "M9", tier: "Pro" }, 20)).toBeUndefined();
  });
});

describe("macOS's tools", () => {
  it("counts cores by kind, the fastest first", () => {
    expect(coreKindsOf(parseSysctl(SYSCTL_M1_PRO))).toEqual([
      { name: "Performance", count: 8 },
      { name: "Efficiency", count: 2 },
    ]);
    expect(coreKindsOf(parseSysctl("machdep.cpu.brand_string: Intel(R) Core(TM) i9"))).toEqual([]);
  });

  it("counts the file cache as available", () => {
    expect(availableMemoryOf(VM_STAT, 32 * 1024 ** 3)).toBe((8_388_608 - (464_333 - 11_820) - 715_958) * 4096);
    expect(availableMemoryOf("Mach Virtual Memory Statistics: (page size of 16384 bytes)\n", 1e9)).toBeUndefined();
  });

  it("believes the kernel's own warning over its percentage", () => {
    const pressure = (level: string, vm: string): number | undefined =>
      memoryPressureOf(parseSysctl(`kern.memorystatus_level: ${level}\nkern.memorystatus_vm_pressure_level: ${vm}\n`));
    expect(pressure("75", "1")).toBe(0.25);
    expect(pressure("60", "2")).toBe(0.8);
    expect(pressure("60", "4")).toBe(0.95);
    expect(pressure("", "1")).toBeUndefined();
    expect(memoryPressureOf(new Map())).toBeUndefined();
  });

  it.each([
    ["0", "nominal"],
    ["1", "fair"],
    ["2", "serious"],
    ["3", "critical"],
    ["4", "critical"],
    ["7", undefined],
  ])("reads thermal pressure %s as %s", (level, thermal) => {
    expect(parseThermalPressure(`com.apple.system.thermalpressurelevel ${level}\n`)).toBe(thermal);
  });

  it("does not call silence about the heat nominal", () => {
    expect(parseThermalPressure("com.apple.system.thermalpressurelevel: Failed\n")).toBeUndefined();
    expect(parseThermalPressure("")).toBeUndefined();
  });

  it("reads the GPU's name, cores and load, a load of more than all as all", () => {
    expect(parseAccelerator(IOREG_M4)).toEqual({ name: "Apple M4", cores: 10, load: 0.3 });
    expect(parseAccelerator(`"PerformanceStatistics" = {"Device Utilization %"=137}`)).toEqual({ load: 1 });
    expect(parseAccelerator("")).toEqual({});
  });
});

describe("a Mac", () => {
  it("is described by sysctl and ioreg", async () => {
    const run = answering({ "/usr/sbin/sysctl": SYSCTL_M1_PRO, "/usr/sbin/ioreg": IOREG_M4 });
    const facts = await readMachineFacts({ platform: "darwin", run });
    expect(facts).toMatchObject({
      chip: "Apple M1 Pro",
      apple: { family: "M1", tier: "Pro" },
      osVersion: "macOS 14.2.1",
      memoryBandwidthGbPerSecond: 200,
      gpus: [{ name: "Apple M4", cores: 10 }],
    });
    expect(hardwareOf(facts)).toMatchObject({ platform: "darwin", chip: "Apple M1 Pro" });
  });

  it("leaves out what its tools do not say", async () => {
    const facts = await readMachineFacts({ platform: "darwin", run: missing });
    expect(facts).not.toHaveProperty("chip");
    expect(facts).not.toHaveProperty("memoryBandwidthGbPerSecond");
    const vitals = await vitalsSource({ platform: "darwin", run: missing }).read(new AbortController().signal);
    expect(vitals).toEqual({});
  });

  it("reports its vitals from four tools", async () => {
    const run = answering({
      "/usr/bin/vm_stat": VM_STAT,
      "/usr/sbin/sysctl": "kern.memorystatus_level: 75\nkern.memorystatus_vm_pressure_level: 1\n",
      "/usr/bin/notifyutil": "com.apple.system.thermalpressurelevel 1\n",
      "/usr/sbin/ioreg": IOREG_M4,
    });
    const vitals = await vitalsSource({ platform: "darwin", run }).read(new AbortController().signal);
    expect(vitals).toMatchObject({ memory_pressure: 0.25, gpu_load: 0.3, thermal: "fair" });
    expect(vitals.memory_free_bytes).toBeTypeOf("number");
  });
});
