/** An event larger than this cannot travel in one frame. */
export const MAX_EVENT_BYTES: number = 1024 * 1024 - 4 * 1024;

const LF = 10;
const CR = 13;

/** How much of a blank line has been seen: `\n`, or `\n\r`. */
type Seen = "nothing" | "lf" | "lf_cr";

/**
 * Cuts a byte stream of server-sent events behind each blank line, wherever the chunks happen to end. Lines end in LF
 * or CRLF; the lone CR that the standard also allows is sent by no backend. Linear in what it is given.
 */
export class SseSplitter {
  readonly #parts: Uint8Array[] = [];
  #bytes = 0;
  #seen: Seen = "nothing";

  /**
   * Takes the next bytes.
   *
   * @returns the events that are now complete, joined as they came; empty when none is
   * @throws RangeError when an event is larger than `MAX_EVENT_BYTES`
   */
  push(chunk: Uint8Array): Uint8Array {
    const end = this.#lastEventEnd(chunk);
    if (end === -1) {
      this.#keep(chunk);
      return new Uint8Array(0);
    }
    const head = chunk.subarray(0, end);
    const whole = this.#parts.length === 0 ? head : Buffer.concat([...this.#parts, head]);
    this.#parts.length = 0;
    this.#bytes = 0;
    this.#keep(chunk.subarray(end));
    return whole;
  }

  /** Bytes of an event that is not complete. */
  get pendingBytes(): number {
    return this.#bytes;
  }

  #keep(rest: Uint8Array): void {
    if (rest.length === 0) return;
    this.#parts.push(rest);
    this.#bytes += rest.length;
    if (this.#bytes > MAX_EVENT_BYTES) throw new RangeError("an event is larger than a frame can carry");
  }

  /** The index behind the last blank line in this chunk, or -1. */
  #lastEventEnd(chunk: Uint8Array): number {
    let end = -1;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at];
      if (byte === LF) {
        if (this.#seen === "nothing") this.#seen = "lf";
        else {
          end = at + 1;
          this.#seen = "nothing";
        }
      } else {
        this.#seen = byte === CR && this.#seen === "lf" ? "lf_cr" : "nothing";
      }
    }
    return end;
  }
}
