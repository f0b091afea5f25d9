import {
  closeSync,
  constants,
  copyFileSync,
  fchmodSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { diskFaultCode } from "./disk-fault.js";

export interface WriteWholeOptions {
  /** A name beside the file that nobody else uses; removed whatever happens. */
  readonly draft: string;
  /** What becomes of a file that is there already: it is replaced, or it stays and the write fails with `EEXIST`. */
  readonly existing: "replace" | "keep";
  /** Who may read and write it, whatever the process's mask says; absent = its owner only (0600). */
  readonly mode?: number;
}

/**
 * Writes a file, whole or not at all: neither a full disk nor a power cut leaves a part of it.
 * When it returns, the content is on the disk.
 *
 * @throws the file system's error; what was there is as it was then
 */
export function writeWhole(path: string, content: string | Uint8Array, options: WriteWholeOptions): void {
  const { draft, existing, mode } = options;
  try {
    const file = openSync(draft, "wx", 0o600);
    try {
      writeFileSync(file, content);
      if (mode !== undefined) fchmodSync(file, mode);
      // A file that is renamed before its content is on the disk may be an empty one after a power cut.
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    if (existing === "replace") renameSync(draft, path);
    else keepExisting(draft, path);
  } finally {
    rmSync(draft, { force: true });
  }
  syncDirectory(dirname(path));
}

/** What file systems without links (exFAT, some mounts of containers) say to one. */
const NO_LINKS: readonly (string | undefined)[] = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"];

/** A link is complete from its first moment, and made only if there is nothing. */
function keepExisting(draft: string, path: string): void {
  try {
    linkSync(draft, path);
  } catch (error) {
    if (!NO_LINKS.includes(diskFaultCode(error))) throw error;
    copyFileSync(draft, path, constants.COPYFILE_EXCL);
  }
}

/** Puts a new name on the disk. Where directories cannot be synced (Windows), the system sees to it. */
function syncDirectory(dir: string): void {
  try {
    const handle = openSync(dir, "r");
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  } catch {
    // The file is there and whole; only how soon its name is on the disk is left to the system.
  }
}
