import { LIMITS } from "@hearth/protocol";

/**
 * What a provider may send of one answer, and what it is granted back as that is taken: so an attempt never holds more
 * than its credit, one frame that overshoots it, and one event whose parts were granted back in advance.
 */
export class CreditWindow {
  readonly #grant: (bytes: number) => void;
  /** Received beyond what was granted back. */
  #outstandingBytes = 0;
  /** Taken, and not granted back yet. */
  #takenBytes = 0;
  /** Granted back before it was taken. */
  #advancedBytes = 0;

  constructor(grant: (bytes: number) => void) {
    this.#grant = grant;
  }

  /** @returns whether the provider has kept to its credit: one frame may overshoot it, two may not */
  received(bytes: number): boolean {
    this.#outstandingBytes += bytes;
    return this.#outstandingBytes <= LIMITS.initialCreditBytes + LIMITS.frameBytes;
  }

  taken(bytes: number): void {
    const advancedBytes = Math.min(bytes, this.#advancedBytes);
    this.#advancedBytes -= advancedBytes;
    this.#give(bytes - advancedBytes);
  }

  /** Grants back in advance what is held of an event: only what is whole can be taken, and the rest needs credit. */
  advance(heldBytes: number): void {
    const bytes = heldBytes - this.#advancedBytes;
    if (bytes <= 0) return;
    this.#advancedBytes += bytes;
    this.#give(bytes);
  }

  /** In halves of the window: short answers cost no credit frame at all. */
  #give(bytes: number): void {
    this.#takenBytes += bytes;
    if (this.#takenBytes < LIMITS.initialCreditBytes / 2) return;
    this.#outstandingBytes -= this.#takenBytes;
    this.#grant(this.#takenBytes);
    this.#takenBytes = 0;
  }
}
