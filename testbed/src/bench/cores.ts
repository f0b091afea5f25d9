import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Which core a process is pinned to: the front alone on one, everything else on the other. */
export type Place = "front" | "rest";

/** The cores of this run, or `undefined` where processes cannot be pinned (no `taskset`, or one core). */
export type Cores = Readonly<Record<Place, number>> | undefined;

/** Finds two cores that this process may use. */
export function findCores(): Cores {
  if (process.platform !== "linux" || spawnSync("taskset", ["--version"]).status !== 0) return undefined;
  const list = /^Cpus_allowed_list:\s+(\S+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "";
  const [front, rest] = parseCpuList(list);
  return front === undefined || rest === undefined ? undefined : { front, rest };
}

/** Reads the kernel's list format: `0-2,5`. */
export function parseCpuList(list: string): number[] {
  return list.split(",").flatMap((range) => {
    const [from, to = from] = range.split("-").map(Number);
    if (range === "" || from === undefined || to === undefined) return [];
    return Array.from({ length: to - from + 1 }, (_, index) => from + index);
  });
}

/** Moves the bench's own process, which is the loader, to the core of everything but the front. */
export function pinSelf(cores: Cores): void {
  if (cores !== undefined) spawnSync("taskset", ["-a", "-c", "-p", String(cores.rest), String(process.pid)]);
}
