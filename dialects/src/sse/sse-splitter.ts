import { EventEnds } from "./event-ends.js";
import { GrowingBytes } from "./growing-bytes.js";
import { BYTE_ORDER_MARK } from "./sse-events.js";

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

/** What was left at the end of a stream. */
export interface LastEvents {
  readonly events: Buffer;
  /** The last of them lacked its empty line, which has been put there. */
  readonly cutOff: boolean;
}

const LF = 10;
const CR = 13;
const BLANK_LINE = Buffer.from("\n\n");

/**
 * Cuts a byte stream of server-sent events behind the empty lines that end them, wherever its chunks happen to end. The
 * byte order mark that it may begin with is left out. Linear in what it is given.
 */
export class SseSplitter {
  readonly #limits: SplitterLimits;
  readonly #ends = new EventEnds();
  /** The event that has begun. */
  readonly #begun = new GrowingBytes();
  /** Bytes of a byte order mark that have come; `undefined` once it is known whether there is one. */
  #markBytes: number | undefined = 0;

  constructor(limits: SplitterLimits) {
    this.#limits = limits;
  }

  /** Bytes that have come of an event that is not complete. */
  get heldBytes(): number {
    return this.#begun.length;
  }

  /**
   * Takes the next bytes.
   *
   * @returns the events that are now complete, as they came, put together to pieces of at most `pieceBytes`, but for
   * a single larger event; a line end by itself goes along with the next one
   * @throws EventTooLarge when an event is larger than `eventBytes`
   */
  push(bytes: Uint8Array): Uint8Array[] {
    const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const chunk = this.#markBytes === undefined ? whole : this.#behindMark(whole, this.#markBytes);
    const pieces: Uint8Array[] = [];
    let start = 0;
    let end: number | undefined;
    let last = 0;
    for (const next of this.#ends.next(chunk)) {
      const isBare = isLineEnd(chunk, last, next) && (last > 0 || this.#begun.length === 0);
      last = next;
      if (isBare) continue;
      if (end !== undefined && this.#begun.length + next - start > this.#limits.pieceBytes) {
        pieces.push(this.#cut(chunk.subarray(start, end)));
        start = end;
      }
      end = next;
    }
    if (end !== undefined) pieces.push(this.#cut(chunk.subarray(start, end)));
    if ((end ?? 0) < chunk.length) this.#keep(chunk.subarray(end));
    return pieces;
  }

  /** The stream has ended. @returns what was left of it, made complete; `undefined` when nothing but line ends was */
  finish(): LastEvents | undefined {
    const cutOff = !this.#ends.finish();
    const mark = BYTE_ORDER_MARK.subarray(0, this.#markBytes ?? 0);
    const rest = Buffer.concat([mark, this.#begun.take(), ...(cutOff ? [BLANK_LINE] : [])]);
    this.#markBytes = undefined;
    return rest.every((byte) => byte === LF || byte === CR) ? undefined : { events: rest, cutOff };
  }

  /** @param seen bytes of the mark that have come before */
  #behindMark(chunk: Buffer, seen: number): Buffer {
    const more = Math.min(BYTE_ORDER_MARK.length - seen, chunk.length);
    if (!chunk.subarray(0, more).equals(BYTE_ORDER_MARK.subarray(seen, seen + more))) {
      this.#markBytes = undefined;
      return seen === 0 ? chunk : Buffer.concat([BYTE_ORDER_MARK.subarray(0, seen), chunk]);
    }
    this.#markBytes = seen + more === BYTE_ORDER_MARK.length ? undefined : seen + more;
    return chunk.subarray(more);
  }

  #cut(head: Uint8Array): Uint8Array {
    if (this.#begun.length === 0) return this.#within(head);
    this.#keep(head);
    return this.#begun.take();
  }

  #keep(rest: Uint8Array): void {
    this.#within({ length: this.#begun.length + rest.length });
    this.#begun.push(rest);
  }

  #within<T extends { readonly length: number }>(bytes: T): T {
    if (bytes.length > this.#limits.eventBytes) throw new EventTooLarge("an event is too large");
    return bytes;
  }
}

function isLineEnd(bytes: Buffer, from: number, to: number): boolean {
  return to - from <= 2 && (bytes[from] === LF || bytes[from] === CR);
}
