import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** A running process, told from any other that has or had its number. */
export interface ProcessInfo {
  readonly pid: number;
  /** Opaque; equal for the same process. */
  readonly started: string;
}

/**
 * When a process started, in the system's own words; `""` where the system does not tell.
 *
 * @returns undefined when there is no such process
 */
export function processStartedAt(pid: number): string | undefined {
  if (!exists(pid)) return undefined;
  switch (process.platform) {
    case "linux":
      return ofProc(pid);
    case "win32":
      return "";
    default:
      return ofPs(pid);
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It is there and another user's.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** proc(5): `starttime` is the 22nd field, in clock ticks since boot; the name, the 2nd, may hold spaces. */
function ofProc(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A zombie runs nothing.
    if (fields[0] === "Z" || fields[0] === "X") return undefined;
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot}/${fields[19] ?? ""}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? undefined : "";
  }
}

/** In one language and one time zone, so that a machine that travels tells the same. Exported for its test. */
export function ofPs(pid: number): string | undefined {
  try {
    const env = { LC_ALL: "C", TZ: "UTC0" };
    const args = ["-o", "lstart=", "-p", String(pid)];
    const stdout = execFileSync("/bin/ps", args, { encoding: "utf8", timeout: 5_000, env, stdio: "pipe" });
    return stdout.trim() || undefined;
  } catch {
    return undefined;
  }
}
