/** How many ranges of ids are remembered. A coordinator that counts needs one. */
export const REMEMBERED_RANGES = 4_096;

/** From the first id to the last, both included. */
interface Range {
  first: number;
  last: number;
}

/**
 * The stream ids that a connection has used, open or ended: none may be used again, and a frame that was still under
 * way for an ended one is not an error. Holds ranges of neighbours, so that consecutive ids cost nothing.
 */
export class UsedStreams {
  /** Ascending, none next to another. */
  readonly #ranges: Range[] = [];

  /** @returns whether it is new */
  add(stream: number): boolean {
    const ranges = this.#ranges;
    const at = this.#rangeFrom(stream);
    const before = ranges[at - 1];
    const after = ranges[at];
    if (before !== undefined && stream <= before.last) return false;
    const joinsBefore = before?.last === stream - 1;
    const joinsAfter = after?.first === stream + 1;
    if (before && after && joinsBefore && joinsAfter) {
      before.last = after.last;
      ranges.splice(at, 1);
    } else if (before && joinsBefore) before.last = stream;
    else if (after && joinsAfter) after.first = stream;
    else ranges.splice(at, 0, { first: stream, last: stream });
    // Lowest first: ids grow, so that these have long ended.
    if (ranges.length > REMEMBERED_RANGES) ranges.shift();
    return true;
  }

  has(stream: number): boolean {
    const before = this.#ranges[this.#rangeFrom(stream) - 1];
    return before !== undefined && stream <= before.last;
  }

  /** The index of the first range that begins behind an id. */
  #rangeFrom(stream: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ranges[middle] as Range).first <= stream) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
