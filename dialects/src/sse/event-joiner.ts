import { readEvents, type SseEvent } from "./sse-events.js";
import { EventTooLarge, SseSplitter } from "./sse-splitter.js";

/** Reads events that come in frames: whole ones, and those that were too large for a frame and come in several. */
export class EventJoiner {
  readonly #eventBytes: number;
  #splitter: SseSplitter | undefined;

  /** @param eventBytes bytes of one event at most */
  constructor(eventBytes: number) {
    this.#eventBytes = eventBytes;
  }

  /** Bytes that have come of an event that is not complete. */
  get heldBytes(): number {
    return this.#splitter?.heldBytes ?? 0;
  }

  /**
   * @param final nothing comes behind these bytes
   * @returns the events that are complete now; `undefined` when one is too large, or never will be complete
   */
  read(bytes: Buffer, final: boolean): SseEvent[] | undefined {
    const whole = this.#splitter === undefined ? readEvents(bytes) : undefined;
    if (whole !== undefined) return whole;
    const events = this.#join(bytes);
    return final && this.heldBytes > 0 ? undefined : events;
  }

  #join(bytes: Buffer): SseEvent[] | undefined {
    this.#splitter ??= new SseSplitter({ eventBytes: this.#eventBytes, pieceBytes: this.#eventBytes });
    try {
      const events = this.#splitter.push(bytes).flatMap((piece) => readEvents(viewOf(piece)) ?? []);
      if (this.#splitter.heldBytes === 0) this.#splitter = undefined;
      return events;
    } catch (thrown) {
      if (thrown instanceof EventTooLarge) return undefined;
      throw thrown;
    }
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
