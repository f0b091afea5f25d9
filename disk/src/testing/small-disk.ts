import { spawnSync } from "node:child_process";
import { closeSync, fstatSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A file system of its own that a test can fill. Disposing unmounts it. */
export interface SmallDisk extends Disposable {
  readonly path: string;
  /** The name of the file that `fill` makes in it. */
  readonly filler: string;
  /** Takes all the space that is left, but for so many pages of 4 KiB. */
  fill(sparePages?: number): void;
  /** Gives it back. */
  makeRoom(): void;
  makeReadOnly(): void;
}

const FILLER = "filler";
/** Of one page, so that not one is left. */
const PIECE = Buffer.alloc(4096);

/** @returns `undefined` where this user may mount no tmpfs */
export function smallDisk(sizeKib = 1024): SmallDisk | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return undefined;
  const path = mkdtempSync(join(tmpdir(), "hearth-disk-"));
  if (spawnSync("mount", ["-t", "tmpfs", "-o", `size=${sizeKib}k,mode=0700`, "tmpfs", path]).status !== 0) {
    rmSync(path, { recursive: true });
    return undefined;
  }
  return {
    path,
    filler: FILLER,
    fill: (sparePages = 0) => fill(join(path, FILLER), sparePages),
    makeRoom: () => rmSync(join(path, FILLER), { force: true }),
    makeReadOnly: () => void spawnSync("mount", ["-o", "remount,ro", path]),
    [Symbol.dispose]() {
      // Lazily: a process that a test has just ended may hold a file a moment longer.
      spawnSync("umount", ["-l", path]);
      rmSync(path, { recursive: true, force: true });
    },
  };
}

function fill(path: string, sparePages: number): void {
  const file = openSync(path, "a");
  try {
    while (writeSync(file, PIECE) > 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  } finally {
    ftruncateSync(file, fstatSync(file).size - sparePages * PIECE.length);
    closeSync(file);
  }
}
