import { readSystemFile, readSystemNumber } from "./system-file.js";

/** Memory that this process may use, bytes. In a container the container's limit counts. */
export interface MemoryRoom {
  readonly totalBytes: number;
  readonly availableBytes: number;
}

/** Reads /proc/meminfo: what new programs could have without swapping is MemAvailable, not MemFree. */
function parseMeminfo(text: string): MemoryRoom | undefined {
  const kib = (name: string): number => Number(new RegExp(`^${name}: +(\\d+) kB$`, "m").exec(text)?.[1]);
  const totalBytes = kib("MemTotal") * 1024;
  const availableBytes = kib("MemAvailable") * 1024;
  return Number.isNaN(totalBytes + availableBytes) ? undefined : { totalBytes, availableBytes };
}

/** The share of the last ten seconds in which some task waited for memory (Linux PSI), 0–1. */
export function parseMemoryStall(text: string): number | undefined {
  const percent = Number(/^some avg10=(\d+(?:\.\d+)?) /m.exec(text)?.[1]);
  return Number.isNaN(percent) ? undefined : Math.min(1, percent / 100);
}

/**
 * @param root of the file system; tests put a folder here
 */
export async function readMemoryRoom(root: string): Promise<MemoryRoom | undefined> {
  const room = parseMeminfo((await readSystemFile(`${root}/proc/meminfo`)) ?? "");
  if (room === undefined) return undefined;
  let { totalBytes, availableBytes } = room;
  for (const group of await groupFolders(root)) {
    const limit = await readGroupRoom(group);
    if (limit === undefined) continue;
    totalBytes = Math.min(totalBytes, limit.totalBytes);
    availableBytes = Math.min(availableBytes, limit.availableBytes);
  }
  return { totalBytes, availableBytes };
}

/** Deeper nesting than this is not seen. */
const MAX_DEPTH = 16;

/** The process's control group (cgroups(7), version 2) and those above it: each may have a limit of its own. */
async function groupFolders(root: string): Promise<readonly string[]> {
  const membership = await readSystemFile(`${root}/proc/self/cgroup`);
  const path = /^0::(\/.*)$/m.exec(membership ?? "")?.[1];
  if (path === undefined || path.split("/").includes("..")) return [`${root}/sys/fs/cgroup`];
  const parts = path.split("/").filter((part) => part !== "");
  const depths = Math.min(parts.length, MAX_DEPTH);
  return Array.from({ length: depths + 1 }, (_, depth) =>
    [`${root}/sys/fs/cgroup`, ...parts.slice(0, depth)].join("/"),
  );
}

async function readGroupRoom(folder: string): Promise<MemoryRoom | undefined> {
  // "max" is no number: no limit.
  const limit = await readSystemNumber(`${folder}/memory.max`);
  const used = await readSystemNumber(`${folder}/memory.current`);
  if (limit === undefined || used === undefined) return undefined;
  // The file cache counts as used, but goes before anything is refused.
  const stat = await readSystemFile(`${folder}/memory.stat`);
  const cache = Number(/^inactive_file (\d+)$/m.exec(stat ?? "")?.[1] ?? 0);
  return { totalBytes: limit, availableBytes: Math.max(0, limit - Math.max(0, used - cache)) };
}
