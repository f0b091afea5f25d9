import { open, stat } from "node:fs/promises";
import { describeFault } from "@hearth/platform";

export type BoundedText =
  | { readonly type: "read"; readonly text: string }
  | { readonly type: "absent" }
  /** `problem` is a short phrase, like `EACCES`. */
  | { readonly type: "unreadable"; readonly problem: string };

/** Reads a text file of at most so many bytes. Never rejects. */
export async function readBounded(path: string, maxBytes: number): Promise<BoundedText> {
  try {
    const { size, isFile } = await sizeOf(path);
    // Opening a pipe would block until something writes to it.
    if (!isFile) return { type: "unreadable", problem: "it is no file" };
    if (size > maxBytes) return { type: "unreadable", problem: "it is too large" };
    return { type: "read", text: await readStart(path, size) };
  } catch (error) {
    const { code } = describeFault(error);
    if (code === "ENOENT" || code === "ENOTDIR") return { type: "absent" };
    return { type: "unreadable", problem: code ?? "it cannot be read" };
  }
}

async function sizeOf(path: string): Promise<{ readonly size: number; readonly isFile: boolean }> {
  const found = await stat(path);
  return { size: found.size, isFile: found.isFile() };
}

/** As many bytes as the file had when it was measured, should it grow meanwhile. */
async function readStart(path: string, size: number): Promise<string> {
  const file = await open(path, "r");
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size), 0, size, 0);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}
