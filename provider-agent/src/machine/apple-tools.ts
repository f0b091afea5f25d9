import type { Thermal } from "./vitals-reading.js";

/** What `sysctl -i name…` prints, by name. */
export function parseSysctl(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const colon = line.indexOf(": ");
    if (colon > 0) values.set(line.slice(0, colon), line.slice(colon + 2).trim());
  }
  return values;
}

/** Cores of one kind. */
export interface CoreKind {
  /** As the system calls it: `Performance`, `Efficiency`, and on M5 Pro and Max `Super`. */
  readonly name: string;
  readonly count: number;
}

const UNNAMED_KINDS = ["Performance", "Efficiency"] as const;

/** Core kinds from `hw.perflevelN.*`, the fastest first, as sysctl.h orders them. None on Intel. */
export function coreKindsOf(sysctl: ReadonlyMap<string, string>): readonly CoreKind[] {
  const levels = Math.min(8, Number(sysctl.get("hw.nperflevels") ?? 0));
  const kinds: CoreKind[] = [];
  for (let level = 0; level < levels; level++) {
    const count = Number(sysctl.get(`hw.perflevel${level}.physicalcpu_max`));
    if (!Number.isInteger(count) || count < 1) continue;
    const name = sysctl.get(`hw.perflevel${level}.name`) ?? UNNAMED_KINDS[level];
    kinds.push({ name: name?.slice(0, 32) ?? `Level ${level}`, count });
  }
  return kinds;
}

/**
 * Memory that programs could have, bytes, from `vm_stat`: all but what Activity Monitor calls used (app memory, wired
 * and compressed). Its "Pages free" alone leaves out the file cache, which macOS gives up on demand.
 */
export function availableMemoryOf(vmStat: string, memoryBytes: number): number | undefined {
  const pageBytes = Number(/page size of (\d+) bytes/.exec(vmStat)?.[1]);
  const pages = (name: string): number => {
    const at = vmStat.indexOf(`${name}:`);
    return at < 0 ? Number.NaN : Number(/^\s*(\d+)/.exec(vmStat.slice(at + name.length + 1))?.[1]);
  };
  const app = pages("Anonymous pages") - pages("Pages purgeable");
  const used = (app + pages("Pages wired down") + pages("Pages occupied by compressor")) * pageBytes;
  return Number.isFinite(used) ? Math.max(0, Math.min(memoryBytes, memoryBytes - used)) : undefined;
}

/**
 * Pressure from `kern.memorystatus_level`, the percentage which `memory_pressure -Q` calls free. When the kernel itself
 * warns (`kern.memorystatus_vm_pressure_level`: 1 normal, 2 warn, 4 critical), it is at least as high as that.
 */
export function memoryPressureOf(sysctl: ReadonlyMap<string, string>): number | undefined {
  const freePercent = /^\d{1,3}$/.exec(sysctl.get("kern.memorystatus_level") ?? "")?.[0];
  if (freePercent === undefined) return undefined;
  const level = Number(sysctl.get("kern.memorystatus_vm_pressure_level") ?? 1);
  const atLeast = level >= 4 ? 0.95 : level >= 2 ? 0.8 : 0;
  return Math.max(atLeast, 1 - Number(freePercent) / 100);
}

/**
 * Levels of OSThermalNotification.h on macOS: nominal, moderate, heavy, trapping, sleeping. `thermald` publishes them
 * without privileges; `pmset -g therm` says nothing on Apple silicon, and `powermetrics` wants root.
 */
const THERMAL_LEVELS: readonly Thermal[] = ["nominal", "fair", "serious", "critical", "critical"];

/** Reads `notifyutil -g com.apple.system.thermalpressurelevel`, which prints the name and its state. */
export function parseThermalPressure(text: string): Thermal | undefined {
  const level = /^com\.apple\.system\.thermalpressurelevel (\d+)\s*$/m.exec(text)?.[1];
  return level === undefined ? undefined : THERMAL_LEVELS[Number(level)];
}

/** What `ioreg -r -d 1 -w 0 -c IOAccelerator` says of the first GPU. */
export interface AppleGpu {
  readonly name?: string;
  readonly cores?: number;
  /** 0–1. */
  readonly load?: number;
}

export function parseAccelerator(text: string): AppleGpu {
  const name = /"model" = "([^"]{1,128})"/.exec(text)?.[1];
  const cores = Number(/"gpu-core-count" = (\d{1,4})\b/.exec(text)?.[1]);
  // Intel's driver was seen to report more than 100.
  const percent = Number(/"Device Utilization %"=(\d{1,5})\b/.exec(text)?.[1]);
  return {
    ...(name === undefined ? {} : { name }),
    ...(cores > 0 ? { cores } : {}),
    ...(Number.isNaN(percent) ? {} : { load: Math.min(1, percent / 100) }),
  };
}
