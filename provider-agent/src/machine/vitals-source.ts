import { cpus, freemem, totalmem } from "node:os";
import {
  availableMemoryOf,
  memoryPressureOf,
  parseAccelerator,
  parseSysctl,
  parseThermalPressure,
} from "./apple-tools.js";
import { CpuLoad, cpuTimesOf, parseProcStat } from "./cpu-load.js";
import { NVIDIA_SMI_ARGS, parseNvidiaSmi, readAmdGpus } from "./gpus.js";
import { parseMemoryStall, readMemoryRoom } from "./linux-memory.js";
import { LinuxThermal } from "./linux-thermal.js";
import { type RunTool, stdoutOf, toolAsked } from "./run-tool.js";
import { readSystemFile } from "./system-file.js";
import { tidy, type Vitals, type VitalsSource } from "./vitals-reading.js";

/** Where vitals come from. */
export interface VitalsPlatform {
  readonly platform: NodeJS.Platform;
  readonly run: RunTool;
  /** Root of the file system on Linux; default `""`. */
  readonly root?: string;
}

export function vitalsSource({ platform, run, root = "" }: VitalsPlatform): VitalsSource {
  if (platform === "linux") return new LinuxVitals(root, run);
  if (platform === "darwin") return new AppleVitals(run);
  return new OtherVitals(run);
}

/** /proc and /sys only, and `nvidia-smi` where it is. */
class LinuxVitals implements VitalsSource {
  readonly #root: string;
  readonly #thermal: LinuxThermal;
  readonly #nvidiaLoad: ReturnType<typeof nvidiaLoad>;
  readonly #cpu: CpuLoad = new CpuLoad();

  constructor(root: string, run: RunTool) {
    this.#root = root;
    this.#thermal = new LinuxThermal(root);
    this.#nvidiaLoad = nvidiaLoad(run);
  }

  async read(signal: AbortSignal): Promise<Vitals> {
    const [stat, room, stall, thermal, nvidia, amd] = await Promise.all([
      readSystemFile(`${this.#root}/proc/stat`),
      readMemoryRoom(this.#root),
      readSystemFile(`${this.#root}/proc/pressure/memory`),
      this.#thermal.read(),
      this.#nvidiaLoad(signal),
      readAmdGpus(this.#root),
    ]);
    const stalled = stall === undefined ? undefined : parseMemoryStall(stall);
    return tidy({
      memory_free_bytes: room?.availableBytes,
      memory_pressure: room && Math.max(1 - room.availableBytes / room.totalBytes, stalled ?? 0),
      cpu_load: this.#cpu.next(stat === undefined ? undefined : parseProcStat(stat)),
      gpu_load: busiest([nvidia, ...amd.map((gpu) => gpu.load)]),
      thermal,
    });
  }
}

/** Asks four small tools of macOS side by side; each answers within some 10 ms. */
class AppleVitals implements VitalsSource {
  readonly #run: RunTool;
  readonly #cpu: CpuLoad = new CpuLoad();

  constructor(run: RunTool) {
    this.#run = run;
  }

  async read(signal: AbortSignal): Promise<Vitals> {
    const ask = async (program: string, ...args: string[]): Promise<string> =>
      stdoutOf(await this.#run(program, args, signal)) ?? "";
    const [vmStat, sysctl, thermal, accelerator] = await Promise.all([
      ask("/usr/bin/vm_stat"),
      ask("/usr/sbin/sysctl", "-i", "kern.memorystatus_level", "kern.memorystatus_vm_pressure_level"),
      ask("/usr/bin/notifyutil", "-g", "com.apple.system.thermalpressurelevel"),
      ask("/usr/sbin/ioreg", "-r", "-d", "1", "-w", "0", "-c", "IOAccelerator"),
    ]);
    return tidy({
      memory_free_bytes: availableMemoryOf(vmStat, totalmem()),
      memory_pressure: memoryPressureOf(parseSysctl(sysctl)),
      cpu_load: this.#cpu.next(cpuTimesOf(cpus())),
      gpu_load: parseAccelerator(accelerator).load,
      thermal: parseThermalPressure(thermal),
    });
  }
}

/** Windows: Node's own figures, because each question to PowerShell costs most of a second of processor time. */
class OtherVitals implements VitalsSource {
  readonly #nvidiaLoad: ReturnType<typeof nvidiaLoad>;
  readonly #cpu: CpuLoad = new CpuLoad();

  constructor(run: RunTool) {
    this.#nvidiaLoad = nvidiaLoad(run);
  }

  async read(signal: AbortSignal): Promise<Vitals> {
    const free = freemem();
    return tidy({
      memory_free_bytes: free,
      memory_pressure: 1 - free / totalmem(),
      cpu_load: this.#cpu.next(cpuTimesOf(cpus())),
      gpu_load: await this.#nvidiaLoad(signal),
      thermal: undefined,
    });
  }
}

/** Load of the busiest NVIDIA GPU. */
function nvidiaLoad(run: RunTool): (signal: AbortSignal) => Promise<number | undefined> {
  const ask = toolAsked(run, "nvidia-smi", NVIDIA_SMI_ARGS);
  return async (signal) => busiest(parseNvidiaSmi((await ask(signal)) ?? "").map((gpu) => gpu.load));
}

function busiest(loads: readonly (number | undefined)[]): number | undefined {
  const known = loads.filter((load) => load !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}
