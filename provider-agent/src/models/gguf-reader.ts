import type { FileHandle } from "node:fs/promises";
import { AgentError } from "../platform/agent-error.js";

/** Bytes read at once. */
const WINDOW_BYTES = 1024 * 1024;
/** A header may not be larger: the largest vocabularies in use come to some 20 MB. */
const MAX_HEADER_BYTES = 256 * 1024 * 1024;

/** Reads numbers and texts one after another, and only as much of the file as that takes. */
export class GgufReader {
  readonly #file: FileHandle;
  readonly #size: number;
  /** Reused: a window is never larger. */
  readonly #buffer: Buffer = Buffer.allocUnsafe(WINDOW_BYTES);
  #window: Buffer = Buffer.alloc(0);
  #windowStart = 0;
  #offset = 0;
  littleEndian = true;

  constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.#size = size;
  }

  /** Where the next value begins in the file. */
  get offset(): number {
    return this.#offset;
  }

  seek(offset: number): void {
    if (offset > this.#size) throw new AgentError("gguf_unreadable", "the file is cut off");
    if (offset > MAX_HEADER_BYTES) throw new AgentError("gguf_unreadable", "its header is too large");
    this.#offset = offset;
  }

  async u8(): Promise<number> {
    return (await this.bytes(1)).readUInt8();
  }

  async u32(): Promise<number> {
    const bytes = await this.bytes(4);
    return this.littleEndian ? bytes.readUInt32LE() : bytes.readUInt32BE();
  }

  /** @throws AgentError `gguf_unreadable` for a number that is larger than any size or count can be */
  async u64(): Promise<number> {
    const bytes = await this.bytes(8);
    const value = Number(this.littleEndian ? bytes.readBigUInt64LE() : bytes.readBigUInt64BE());
    if (!Number.isSafeInteger(value)) throw new AgentError("gguf_unreadable", "a number in it is impossibly large");
    return value;
  }

  async text(maxBytes: number): Promise<string> {
    const length = await this.u64();
    if (length > maxBytes) throw new AgentError("gguf_unreadable", "a text in it is too long");
    return (await this.bytes(length)).toString("utf8");
  }

  /** Passes over texts, many at a step: vocabularies have hundreds of thousands. */
  async skipTexts(count: number): Promise<void> {
    for (let left = count; left > 0; ) {
      left -= this.#skipTextsInWindow(left);
      if (left === 0) return;
      const length = await this.u64();
      this.seek(this.#offset + length);
      left -= 1;
    }
  }

  /** Valid until the next call. */
  async bytes(length: number): Promise<Buffer> {
    let start = this.#offset - this.#windowStart;
    if (start < 0 || start + length > this.#window.length) {
      await this.#fill(length);
      start = 0;
    }
    this.seek(this.#offset + length);
    return this.#window.subarray(start, start + length);
  }

  async #fill(length: number): Promise<void> {
    if (length > this.#size - this.#offset) throw new AgentError("gguf_unreadable", "the file is cut off");
    const buffer = length <= WINDOW_BYTES ? this.#buffer : Buffer.allocUnsafe(length);
    const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, this.#offset);
    if (bytesRead < length) throw new AgentError("gguf_unreadable", "the file is cut off");
    this.#window = buffer.subarray(0, bytesRead);
    this.#windowStart = this.#offset;
  }

  /** @returns how many there were whole */
  #skipTextsInWindow(count: number): number {
    const window = this.#window;
    let at = this.#offset - this.#windowStart;
    if (at < 0) return 0;
    let skipped = 0;
    while (skipped < count && at + 8 <= window.length) {
      const length = Number(this.littleEndian ? window.readBigUInt64LE(at) : window.readBigUInt64BE(at));
      if (length > window.length - at - 8) break;
      at += 8 + length;
      skipped += 1;
    }
    this.seek(this.#windowStart + at);
    return skipped;
  }
}
