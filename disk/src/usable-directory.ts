import { closeSync, fsyncSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describeDiskFault, diskFaultCode } from "./disk-fault.js";

/** Bytes that are written to see whether a directory can be used: more than a file system keeps outside of its blocks. */
const PROBE_BYTES = 16 * 1024;

/** A directory or file that cannot be used. The message is one sentence for its owner: what is wrong, what to do. */
export class DiskError extends Error {
  /** Node's code, like `ENOSPC`, where there is one. */
  readonly code: string | undefined;

  /** @param what names it, with its path, and says what does not work */
  constructor(what: string, cause: unknown) {
    super(`${what}: ${describeDiskFault(cause)}.`, { cause });
    this.name = "DiskError";
    this.code = diskFaultCode(cause);
  }
}

/**
 * Makes the directory where there is none (0700), and finds out whether files can be kept there by keeping one: rights
 * and mount options do not tell of a full disk, and a full disk may show only when a file is synced.
 *
 * @param what names it in the error, like `The data directory`
 * @throws DiskError
 */
export function requireUsableDirectory(dir: string, what: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    probe(join(dir, `.probe-${process.pid}`));
  } catch (cause) {
    throw new DiskError(`${what} ${dir} cannot be used`, cause);
  }
}

function probe(path: string): void {
  const file = openSync(path, "w", 0o600);
  try {
    writeAll(file, Buffer.alloc(PROBE_BYTES));
    fsyncSync(file);
  } finally {
    closeSync(file);
    rmSync(path, { force: true });
  }
}

/** A nearly full disk takes a part first, and refuses only the rest. */
function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}
