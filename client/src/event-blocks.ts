import { SealedTransportError } from "./error.js";

/** Characters of one event at most. */
const MAX_EVENT = 64 * 2 ** 20;

/** Cuts a text that comes in pieces into the blocks of an event stream, which end at an empty line. */
export class EventBlocks {
  #rest = "";
  /** Nothing before this can be the beginning of an empty line. */
  #searched = 0;

  /**
   * The blocks that this piece completes, each without its empty line.
   *
   * @throws SealedTransportError `malformed_answer` for an event without end
   */
  push(piece: string): string[] {
    this.#rest += piece;
    const blocks: string[] = [];
    for (;;) {
      const end = this.#rest.indexOf("\n\n", this.#searched);
      if (end === -1) break;
      blocks.push(this.#rest.slice(0, end));
      this.#rest = this.#rest.slice(end + 2);
      this.#searched = 0;
    }
    if (this.#rest.length > MAX_EVENT) throw new SealedTransportError("malformed_answer", "An event has no end.");
    this.#searched = Math.max(0, this.#rest.length - 1);
    return blocks;
  }
}
