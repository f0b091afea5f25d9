import { closeSync, openSync, readSync } from "node:fs";
import { describeFault } from "@hearth/platform";

const CHUNK_BYTES = 64 * 1024;
/** Standard input's descriptor. */
const STDIN = 0;

/**
 * Reads a small file whose name comes from outside: it may be a pipe or a device without end.
 *
 * @param path `-` for standard input
 * @returns at most `maxBytes` and one more, which shows the caller that there is more
 * @throws the file system's error
 */
export function readBounded(path: string, maxBytes: number): Buffer {
  const file = path === "-" ? STDIN : openSync(path, "r");
  try {
    const parts: Buffer[] = [];
    for (let left = maxBytes + 1; left > 0; ) {
      const part = Buffer.alloc(Math.min(left, CHUNK_BYTES));
      const read = readSync(file, part);
      if (read === 0) break;
      parts.push(part.subarray(0, read));
      left -= read;
    }
    return Buffer.concat(parts);
  } finally {
    if (file !== STDIN) closeSync(file);
  }
}

/** Why a file cannot be read, by the code of its file system. */
const WORDS: Readonly<Record<string, string>> = {
  ENOENT: "it is not there",
  ENOTDIR: "a file is in the place of a directory",
  EISDIR: "it is a directory",
  EACCES: "this user may not read it",
  EPERM: "reading it is not permitted",
  EIO: "its disk fails",
};

/** What is wrong, as the end of a sentence about a file that cannot be read. Quotes nothing of the error's message. */
export function describeReadFault(error: unknown): string {
  const code = describeFault(error).code ?? "unknown error";
  const words = WORDS[code];
  return words === undefined ? `the file system refuses (${code})` : `${words} (${code})`;
}
