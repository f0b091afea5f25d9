import { open, readdir } from "node:fs/promises";

/** No file of /proc or /sys that is read here is longer. */
const MAX_BYTES = 64 * 1024;

/** Reads the beginning of a file of the system; `undefined` when it is not there or not for us. */
export async function readSystemFile(path: string): Promise<string | undefined> {
  try {
    await using file = await open(path, "r");
    const buffer = Buffer.alloc(MAX_BYTES);
    // Files of /proc say that they are empty: read until nothing comes.
    let length = 0;
    while (length < MAX_BYTES) {
      const { bytesRead } = await file.read(buffer, length, MAX_BYTES - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return buffer.toString("utf8", 0, length);
  } catch {
    return undefined;
  }
}

/** A file that holds one number. */
export async function readSystemNumber(path: string): Promise<number | undefined> {
  const text = (await readSystemFile(path))?.trim();
  return text !== undefined && /^-?\d{1,19}$/.test(text) ? Number(text) : undefined;
}

/** Names in a folder, at most 256; none when it is not there. */
export async function listSystemFolder(path: string): Promise<readonly string[]> {
  try {
    return (await readdir(path)).slice(0, 256);
  } catch {
    return [];
  }
}
