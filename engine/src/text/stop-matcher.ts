export interface StopResult {
  /** Text that may be shown: no part of a stop sequence, and no possible beginning of one. */
  readonly text: string;
  /** The stop sequence that has ended it; `undefined` while none has. */
  readonly stop: string | undefined;
}

/**
 * Cuts a stream of text before the first stop sequence that is completed, however the pieces are split. Text that may still turn out to
 * be the beginning of a stop sequence is held back.
 */
export class StopMatcher {
  readonly #stops: readonly string[];
  #held = "";

  constructor(stops: readonly string[]) {
    this.#stops = stops;
  }

  push(piece: string): StopResult {
    const text = this.#held + piece;
    const found = this.#firstStop(text);
    if (found !== undefined) {
      this.#held = "";
      return { text: text.slice(0, found.start), stop: found.stop };
    }
    const keep = this.#heldLength(text);
    this.#held = text.slice(text.length - keep);
    return { text: text.slice(0, text.length - keep), stop: undefined };
  }

  /** The text held back, once nothing can follow it. */
  end(): string {
    const text = this.#held;
    this.#held = "";
    return text;
  }

  /** Where to cut. The sequence that is complete first wins, so that the cut does not depend on the pieces. */
  #firstStop(text: string): { readonly stop: string; readonly start: number } | undefined {
    let first: { stop: string; start: number; end: number } | undefined;
    for (const stop of this.#stops) {
      const start = text.indexOf(stop);
      const end = start + stop.length;
      if (start >= 0 && (first === undefined || end < first.end || (end === first.end && start < first.start))) {
        first = { stop, start, end };
      }
    }
    return first;
  }

  #heldLength(text: string): number {
    return Math.max(0, ...this.#stops.map((stop) => partialSuffixLength(text, stop)));
  }
}

/** The length of the longest end of `text` that is a beginning of `marker`, but not the whole of it. */
export function partialSuffixLength(text: string, marker: string): number {
  for (let length = Math.min(text.length, marker.length - 1); length > 0; length--) {
    if (text.endsWith(marker.slice(0, length))) return length;
  }
  return 0;
}
