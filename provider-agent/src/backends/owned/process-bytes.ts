import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";

const KIB = 1_024;
/** Less is what questions about its health cost a process, not weights. */
const GRAIN_BYTES = KIB * KIB;

/**
 * How many bytes a process has taken in, in whole MiB: read from files, or, where it maps them, held in memory. While it
 * loads a model, that grows with the weights. Never rejects.
 *
 * @returns `undefined` where that cannot be told, as on Windows or of a process that is gone
 */
export async function bytesTakenIn(pid: number, signal: AbortSignal): Promise<number | undefined> {
  const bytes = process.platform === "darwin" ? await ofPs(pid, signal) : await ofProc(pid);
  return bytes === undefined ? undefined : Math.floor(bytes / GRAIN_BYTES) * GRAIN_BYTES;
}

/** proc_pid_io(5): `rchar` counts what was asked for, `read_bytes` what came from the disk, pages of mapped files too. */
async function ofProc(pid: number): Promise<number | undefined> {
  const [io, status] = await Promise.all([read(`/proc/${pid}/io`), read(`/proc/${pid}/status`)]);
  const counts = [
    numberIn(io, /^rchar: (\d+)$/m),
    numberIn(io, /^read_bytes: (\d+)$/m),
    numberIn(status, /^VmRSS:\s+(\d+) kB$/m, KIB),
  ].filter((count) => count !== undefined);
  return counts.length === 0 ? undefined : Math.max(...counts);
}

function ofPs(pid: number, signal: AbortSignal): Promise<number | undefined> {
  return new Promise((resolve) => {
    execFile("ps", ["-o", "rss=", "-p", String(pid)], { encoding: "utf8", signal }, (error, stdout) => {
      resolve(error === null ? numberIn(stdout, /^\s*(\d+)\s*$/, KIB) : undefined);
    });
  });
}

async function read(path: string): Promise<string> {
  return await readFile(path, "utf8").catch(() => "");
}

function numberIn(text: string, pattern: RegExp, unit = 1): number | undefined {
  const match = pattern.exec(text);
  return match === null ? undefined : Number(match[1]) * unit;
}
