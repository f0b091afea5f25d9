/** An event is larger than its reader takes. */
export class EventTooLarge extends Error {
  override readonly name = "EventTooLarge";
}

export interface SplitterLimits {
  /** Bytes of one event at most. */
  readonly eventBytes: number;
  /** Bytes of the pieces that events are put together to; a single event may be larger. */
  readonly pieceBytes: number;
}

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
  readonly #limits: SplitterLimits;

  constructor(limits: SplitterLimits) {
    this.#limits = limits;
  }

  /**
   * Takes the next bytes.
   *
   * @returns the events that are now complete, as they came, put together to pieces of at most `pieceBytes`, but for
   * a single larger event
   * @throws EventTooLarge when an event is larger than `eventBytes`
   */
  push(chunk: Uint8Array): Uint8Array[] {
    const pieces: Uint8Array[] = [];
    let start = 0;
    let end = 0;
    for (let next = this.#eventEnd(chunk, 0); next !== -1; next = this.#eventEnd(chunk, next)) {
      if (end > start && this.#pendingBytes + next - start > this.#limits.pieceBytes) {
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
    if (piece.length > this.#limits.eventBytes) throw new EventTooLarge("an event is too large");
    return piece;
  }

  #keep(rest: Uint8Array): void {
    this.#parts.push(rest);
    this.#pendingBytes += rest.length;
    if (this.#pendingBytes > this.#limits.eventBytes) throw new EventTooLarge("an event is too large");
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
