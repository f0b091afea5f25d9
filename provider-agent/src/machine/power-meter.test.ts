import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeClock } from "@hearth/platform/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../testing/eventually.js";
import { powerMeter } from "./power-meter.js";
import type { ToolResult } from "./run-tool.js";

const never = new AbortController().signal;
const missing: ToolResult = { type: "missing" };
const says = (stdout: string): ToolResult => ({ type: "ok", stdout });

let root: string;
let clock: FakeClock;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "hearth-power-"));
  clock = new FakeClock();
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A zone of RAPL, as sysfs shows it. */
function zone(id: string, files: Readonly<Record<string, string | number>>): void {
  const folder = join(root, "sys/class/powercap", id);
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), `${content}\n`);
}

function meter(nvidia: ToolResult, platform: NodeJS.Platform = "linux") {
  const asked: string[] = [];
  const run = async (program: string, args: readonly string[]): Promise<ToolResult> => {
    asked.push([program, ...args].join(" "));
    return nvidia;
  };
  return { asked, meter: powerMeter({ platform, run, clock, root }) };
}

/** One reading; what the counters show a second later is set between its two looks. */
async function read(nvidia: ToolResult, later: () => void = () => {}) {
  const reading = meter(nvidia).meter.read(never);
  await eventually(() => clock.pending > 0);
  later();
  clock.advance(1_000);
  return await reading;
}

describe("the power of NVIDIA's GPUs", () => {
  it.each([
    ["46.31\n", 46.31],
    ["46.31\n120.5\n", 166.81],
    ["7", 7],
  ])("is what nvidia-smi says: %j", async (stdout, watts) => {
    expect(await meter(says(stdout)).meter.read(never)).toEqual({ watts, of: "gpu" });
  });

  it.each(["", "[N/A]\n", "[Not Supported]", "50.0\n[N/A]\n", "-3\n", "1e3\n", "99999\n", "Unable to determine"])(
    "is not known when it says %j",
    async (stdout) => {
      expect(await meter(says(stdout)).meter.read(never)).toBeUndefined();
    },
  );

  it("is asked once where the tool is not there, and never on a Mac", async () => {
    const linux = meter(missing);
    await linux.meter.read(never);
    await linux.meter.read(never);
    expect(linux.asked).toEqual(["nvidia-smi --query-gpu=power.draw --format=csv,noheader,nounits"]);
    const mac = meter(says("50"), "darwin");
    expect(await mac.meter.read(never)).toBeUndefined();
    expect(mac.asked).toEqual([]);
  });
});

describe("the power of the processor", () => {
  it("is what all packages and their memory used in a second, without what a package or the platform holds", async () => {
    zone("intel-rapl:0", { name: "package-0", energy_uj: 1_000_000 });
    zone("intel-rapl:0:0", { name: "core", energy_uj: 0 });
    zone("intel-rapl:0:1", { name: "dram", energy_uj: 500_000 });
    zone("intel-rapl:1", { name: "package-1", energy_uj: 0 });
    zone("intel-rapl:2", { name: "psys", energy_uj: 0 });
    zone("intel-rapl-mmio:0", { name: "package-0", energy_uj: 0 });
    const later = (): void => {
      zone("intel-rapl:0", { energy_uj: 31_000_000 });
      zone("intel-rapl:0:0", { energy_uj: 25_000_000 });
      zone("intel-rapl:0:1", { energy_uj: 4_500_000 });
      zone("intel-rapl:1", { energy_uj: 10_000_000 });
      zone("intel-rapl:2", { energy_uj: 90_000_000 });
      zone("intel-rapl-mmio:0", { energy_uj: 30_000_000 });
    };
    expect(await read(missing, later)).toEqual({ watts: 44, of: "cpu" });
  });

  it("goes on behind the largest number of a counter", async () => {
    zone("intel-rapl:0", { name: "package-0", energy_uj: 99_000_000, max_energy_range_uj: 100_000_000 });
    expect(await read(says("50"), () => zone("intel-rapl:0", { energy_uj: 19_000_000 }))).toEqual({
      watts: 70,
      of: "gpu+cpu",
    });
  });

  it("is not known where one counter may not be read, or tells nonsense", async () => {
    zone("intel-rapl:0", { name: "package-0", energy_uj: 1 });
    // As root may read everything here, the file is missing instead of forbidden: both are no number.
    zone("intel-rapl:1", { name: "package-1" });
    expect(await meter(missing).meter.read(never)).toBeUndefined();
    zone("intel-rapl:1", { energy_uj: 5 });
    // Back to an earlier number without a range to wrap around in.
    expect(await read(missing, () => zone("intel-rapl:1", { energy_uj: 4 }))).toBeUndefined();
    expect(await read(missing, () => zone("intel-rapl:0", { energy_uj: 90_000_000_000 }))).toBeUndefined();
  });
});
