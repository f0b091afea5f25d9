import { E2eError } from "./error.js";
import { NONCE_BYTES } from "./primitives.js";

/** The last sequence number; both the wire and the associated data carry u32. */
export const MAX_SEQ = 0xffff_ffff;

/** The nonces of one key (RFC 9180 §5.2): the base nonce XOR the sequence number. No nonce is ever given twice. */
export class NonceSequence {
  readonly #base: Uint8Array;
  readonly #nonce: Uint8Array;
  #seq: number;

  constructor(baseNonce: Uint8Array, firstSeq = 0) {
    this.#base = baseNonce;
    this.#nonce = Uint8Array.from(baseNonce);
    this.#seq = firstSeq;
  }

  /** The sequence number that `take` answers next. */
  get seq(): number {
    return this.#seq;
  }

  /**
   * The nonce of the current sequence number, which is spent by it. The array is reused by the next call.
   *
   * @throws E2eError `sequence_exhausted` after 2³² nonces
   */
  take(): Uint8Array {
    const seq = this.#seq;
    if (seq > MAX_SEQ) throw new E2eError("sequence_exhausted", "a stream has 2^32 chunks at most");
    this.#seq = seq + 1;
    for (let i = 0; i < 4; i++) {
      const at = NONCE_BYTES - 4 + i;
      this.#nonce[at] = (this.#base[at] ?? 0) ^ (seq >>> (24 - 8 * i));
    }
    return this.#nonce;
  }
}
