import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

/** Whether a process runs. One that has ended and that nobody has asked about yet still has its number, but no life. */
export function isRunning(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  const state = existsSync("/proc/self/stat") ? stateOnLinux(pid) : stateByPs(pid);
  return state !== "" && state !== "Z" && state !== "X";
}

/** The letter behind the program's name, which stands in parentheses and may hold anything. */
function stateOnLinux(pid: number): string {
  try {
    return /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, "latin1"))?.[1] ?? "";
  } catch {
    return "";
  }
}

function stateByPs(pid: number): string {
  try {
    return execFileSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" })
      .trim()
      .slice(0, 1);
  } catch {
    return "";
  }
}
