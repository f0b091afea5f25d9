import { MAX_OVERHEAD_BYTES } from "@hearth/e2e";
import { DATA_HEADER_BYTES, LIMITS } from "@hearth/protocol";
import { JobFailure } from "./job-failure.js";

/** An event larger than this cannot travel in one frame, bytes. */
export const MAX_EVENT_BYTES: number = LIMITS.frameBytes - DATA_HEADER_BYTES - MAX_OVERHEAD_BYTES;

const LF = 10;
const CR = 13;
const BLANK_LINE = Buffer.from("\n\n");

/** How much of a blank line has been seen: `\n`, or `\n\r`. */
type Seen = "nothing" | "lf" | "lf_cr";

/**
 * Cuts a byte stream of server-sent events behind blank lines, wherever the chunks happen to end. Lines end in LF or
 * CRLF; the lone CR that the standard also allows is sent by no backend. Linear in what it is given.
 */
export class SseSplitter {
  readonly #parts: Uint8Array[] = [];
  #pendingBytes = 0;
  #seen: Seen = "nothing";

  /**
   * Takes the next bytes.
   *
   * @returns the events that are now complete, as they came, put together to pieces for one frame each: at most
   * `LIMITS.responseChunkBytes`, but for a single larger event
   * @throws JobFailure when an event is larger than `MAX_EVENT_BYTES`
   */
  push(chunk: Uint8Array): Uint8Array[] {
    const pieces: Uint8Array[] = [];
    let start = 0;
    let end = 0;
    for (let next = this.#eventEnd(chunk, 0); next !== -1; next = this.#eventEnd(chunk, next)) {
      if (end > start && this.#pendingBytes + next - start > LIMITS.responseChunkBytes) {
        pieces.push(this.#cut(chunk.subarray(start, end)));
        start = end;
      }
      end = next;
    }
    if (end > start) pieces.push(this.#cut(chunk.subarray(start, end)));
    if (end < chunk.length) this.#keep(chunk.subarray(end));
    return pieces;
  }

  /** The stream has ended. @returns what was left of it, made complete; `undefined` when nothing but line ends was */
  finish(): Uint8Array | undefined {
    const rest = Buffer.concat([...this.#parts, BLANK_LINE]);
    this.#parts.length = 0;
    return rest.every((byte) => byte === LF || byte === CR) ? undefined : rest;
  }

  #cut(head: Uint8Array): Uint8Array {
    const piece = this.#parts.length === 0 ? head : Buffer.concat([...this.#parts, head]);
    this.#parts.length = 0;
    this.#pendingBytes = 0;
    if (piece.length > MAX_EVENT_BYTES) throw JobFailure.oversize();
    return piece;
  }

  #keep(rest: Uint8Array): void {
    this.#parts.push(rest);
    this.#pendingBytes += rest.length;
    if (this.#pendingBytes > MAX_EVENT_BYTES) throw JobFailure.oversize();
  }

  /** The index behind the next blank line, or -1 when this chunk holds no further one. */
  #eventEnd(chunk: Uint8Array, from: number): number {
    let at = from;
    while (at < chunk.length) {
      if (this.#seen === "nothing") {
        const lineEnd = chunk.indexOf(LF, at);
        if (lineEnd === -1) return -1;
        this.#seen = "lf";
        at = lineEnd + 1;
        continue;
      }
      const byte = chunk[at];
      at += 1;
      if (byte === LF) {
        this.#seen = "nothing";
        return at;
      }
      this.#seen = byte === CR && this.#seen === "lf" ? "lf_cr" : "nothing";
    }
    return -1;
  }
}
