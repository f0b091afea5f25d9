import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const onLinux = process.platform === "linux";

/** `sysconf(_SC_CLK_TCK)`: the unit of utime and stime in /proc/PID/stat. */
const ticksPerSecond = onLinux ? Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" })) : 100;

/**
 * User and system time that a process has spent so far in all its threads, µs. Linux counts in ticks of 10 ms: take
 * differences over a second or more.
 *
 * @throws Error when there is no such process
 */
export function cpuMicros(pid: number): number {
  if (!onLinux) return clockMicros(ps(pid, "time"));
  const [utime, stime] = cpuTicks(readFileSync(`/proc/${pid}/stat`, "utf8"));
  return ((utime + stime) * 1e6) / ticksPerSecond;
}

/** The same of this process's main thread alone; elsewhere than on Linux, of the whole process. */
export function mainThreadMicros(): number {
  if (!onLinux) return cpuMicros(process.pid);
  const [utime, stime] = cpuTicks(readFileSync(`/proc/self/task/${process.pid}/stat`, "utf8"));
  return ((utime + stime) * 1e6) / ticksPerSecond;
}

/** @throws Error when there is no such process */
export function rssBytes(pid: number): number {
  const kib = onLinux
    ? /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]
    : ps(pid, "rss").trim();
  return Number(kib) * 1024;
}

/** Fields 14 and 15 of /proc/PID/stat (proc(5)); the second field is a name that may hold spaces and brackets. */
export function cpuTicks(stat: string): readonly [utime: number, stime: number] {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return [Number(fields[11]), Number(fields[12])];
}

/** What `ps -o time=` prints: [[dd-]hh:]mm:ss with fractions on macOS. */
export function clockMicros(text: string): number {
  const [days, clock] = text.includes("-") ? text.split("-") : ["0", text];
  const seconds = (clock ?? "").split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
  return (Number(days) * 86_400 + seconds) * 1e6;
}

function ps(pid: number, column: string): string {
  return execFileSync("ps", ["-o", `${column}=`, "-p", String(pid)], { encoding: "utf8" });
}
