import { availableParallelism, cpus, release, totalmem, version } from "node:os";
import type { Hardware } from "@hearth/protocol";
import { type AppleTier, bandwidthOf, parseAppleChip } from "./apple-chip.js";
import { type CoreKind, coreKindsOf, parseAccelerator, parseSysctl } from "./apple-tools.js";
import { NVIDIA_SMI_ARGS, parseNvidiaSmi, parseVideoControllers, readAmdGpus, VIDEO_CONTROLLERS_ARGS } from "./gpus.js";
import { readMemoryRoom } from "./linux-memory.js";
import { type RunTool, runTool, stdoutOf } from "./run-tool.js";
import { readSystemFile } from "./system-file.js";

export interface GpuFacts {
  readonly name: string;
  /** Apple's only. */
  readonly cores?: number;
  /** Its own memory; absent where it shares the machine's, or it is not known. */
  readonly memoryBytes?: number;
}

/** What a machine is, as far as it can be known. */
export interface MachineFacts {
  readonly platform: string;
  readonly arch: string;
  readonly osVersion: string;
  readonly chip?: string;
  readonly apple?: { readonly family: string; readonly tier: AppleTier };
  /** Processors that this process may use. */
  readonly cpuCores: number;
  /** By kind, the fastest first; empty where they are all alike or it is not known. */
  readonly coreKinds: readonly CoreKind[];
  /** In a container, its limit. */
  readonly memoryBytes: number;
  /** As the maker publishes it, GB/s (10⁹ bytes); known of Apple's chips only. */
  readonly memoryBandwidthGbPerSecond?: number;
  readonly gpus: readonly GpuFacts[];
}

/** The part of the facts that a registration carries. */
export function hardwareOf(facts: MachineFacts): Hardware {
  return {
    platform: facts.platform,
    arch: facts.arch,
    cpu_cores: facts.cpuCores,
    memory_bytes: facts.memoryBytes,
    ...(facts.chip === undefined ? {} : { chip: facts.chip }),
  };
}

let known: Promise<MachineFacts> | undefined;

/** What this machine is. Looked up once in the life of the process: none of it changes. Never rejects. */
export function machineFacts(): Promise<MachineFacts> {
  known ??= readMachineFacts({ platform: process.platform, run: runTool });
  return known;
}

/** Where the facts come from. */
export interface FactsPlatform {
  readonly platform: NodeJS.Platform;
  readonly run: RunTool;
  /** Root of the file system on Linux; default `""`. */
  readonly root?: string;
}

/** Looks up what a machine is; `machineFacts` remembers it. */
export async function readMachineFacts({ platform, run, root = "" }: FactsPlatform): Promise<MachineFacts> {
  const common = { platform, arch: process.arch, cpuCores: availableParallelism(), memoryBytes: totalmem() };
  if (platform === "darwin") return { ...common, ...(await appleFacts(run)) };
  if (platform === "linux") return { ...common, ...(await linuxFacts(run, root)) };
  const gpus = await nvidiaGpus(run);
  return {
    ...common,
    ...chipOf(cpus()[0]?.model),
    osVersion: `${version()} ${release()}`.slice(0, 256),
    coreKinds: [],
    gpus: gpus.length > 0 || platform !== "win32" ? gpus : await windowsGpus(run),
  };
}

type PlatformFacts = Omit<MachineFacts, "platform" | "arch" | "cpuCores" | "memoryBytes">;

const APPLE_SYSCTLS = [
  "machdep.cpu.brand_string",
  "kern.osproductversion",
  "hw.nperflevels",
  ...[0, 1, 2].flatMap((level) => [`hw.perflevel${level}.physicalcpu_max`, `hw.perflevel${level}.name`]),
];

/** `sysctl` and `ioreg` answer in milliseconds; `system_profiler` took 260 ms (seen: wandb/wandb pull request 12680). */
async function appleFacts(run: RunTool): Promise<PlatformFacts> {
  const signal = new AbortController().signal;
  const [sysctlText, ioreg] = await Promise.all([
    run("/usr/sbin/sysctl", ["-i", ...APPLE_SYSCTLS], signal),
    run("/usr/sbin/ioreg", ["-r", "-d", "1", "-w", "0", "-c", "IOAccelerator"], signal),
  ]);
  const sysctl = parseSysctl(stdoutOf(sysctlText) ?? "");
  const gpu = parseAccelerator(stdoutOf(ioreg) ?? "");
  const brand = sysctl.get("machdep.cpu.brand_string") ?? "";
  const apple = parseAppleChip(brand);
  const bandwidth = apple && bandwidthOf(apple, gpu.cores);
  return {
    ...chipOf(brand),
    ...(apple === undefined ? {} : { apple }),
    ...(bandwidth === undefined ? {} : { memoryBandwidthGbPerSecond: bandwidth }),
    osVersion: `macOS ${sysctl.get("kern.osproductversion") ?? ""}`.trim(),
    coreKinds: coreKindsOf(sysctl),
    gpus: gpu.name === undefined ? [] : [{ name: gpu.name, ...(gpu.cores === undefined ? {} : { cores: gpu.cores }) }],
  };
}

async function linuxFacts(run: RunTool, root: string): Promise<PlatformFacts & { memoryBytes: number }> {
  const [room, osRelease, cpuinfo, board, nvidia, amd] = await Promise.all([
    readMemoryRoom(root),
    readSystemFile(`${root}/etc/os-release`),
    readSystemFile(`${root}/proc/cpuinfo`),
    readSystemFile(`${root}/proc/device-tree/model`),
    nvidiaGpus(run),
    readAmdGpus(root),
  ]);
  // ARM's /proc/cpuinfo names no model; the device tree names the board.
  const model = /^model name\s*: (.+)$/m.exec(cpuinfo ?? "")?.[1] ?? board?.replaceAll("\0", "");
  return {
    ...chipOf(model),
    memoryBytes: room?.totalBytes ?? totalmem(),
    osVersion: /^PRETTY_NAME="?([^"\n]{1,128})"?$/m.exec(osRelease ?? "")?.[1] ?? `Linux ${release()}`,
    coreKinds: [],
    gpus: [...nvidia, ...amd.map(({ name, memoryBytes }) => ({ name, memoryBytes }))],
  };
}

async function nvidiaGpus(run: RunTool): Promise<readonly GpuFacts[]> {
  const result = await run("nvidia-smi", NVIDIA_SMI_ARGS, new AbortController().signal);
  return parseNvidiaSmi(stdoutOf(result) ?? "").map(({ name, memoryBytes }) => ({
    name,
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
  }));
}

async function windowsGpus(run: RunTool): Promise<readonly GpuFacts[]> {
  const result = await run("powershell.exe", VIDEO_CONTROLLERS_ARGS, new AbortController().signal);
  return parseVideoControllers(stdoutOf(result) ?? "");
}

function chipOf(model: string | undefined): { readonly chip?: string } {
  const chip = model?.trim().slice(0, 256);
  return chip ? { chip } : {};
}
