import { readdirSync, readFileSync } from "node:fs";

/**
 * The processes that have `mark` in the environment they were started with, however deep their ancestors. Linux only.
 * @param {string} mark
 * @returns {{ pid: number, command: string }[]} without this process and its parent
 */
export function processesMarked(mark) {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid && pid !== process.ppid)
    .flatMap((pid) => {
      try {
        if (!readFileSync(`/proc/${pid}/environ`, "utf8").includes(mark)) return [];
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
        return command === "" ? [] : [{ pid, command }];
      } catch {
        return []; // It ended while we looked, or it is another user's.
      }
    });
}
