import { type ChunkAad, MAX_MARK } from "./binding.js";
import { E2eError } from "./error.js";
import { NonceSequence } from "./nonce-sequence.js";
import { type Primitives, TAG_BYTES } from "./primitives.js";
import { type Padding, recordBytes, writeRecord } from "./record.js";

/** The key and base nonce of one direction of one stream. Whoever is given them owns and wipes them. */
export interface StreamKeys {
  readonly key: Uint8Array;
  readonly baseNonce: Uint8Array;
}

/** How the chunks of a stream look. */
export interface ChunkFormat {
  readonly padding: Padding;
  /** Sent in the clear in front of the ciphertext of chunk 0. */
  readonly prefix?: Uint8Array;
}

const NO_PREFIX = new Uint8Array(0);

/** Seals the chunks of one direction of one stream, in order. */
export class ChunkSealer {
  readonly #primitives: Primitives;
  readonly #key: Uint8Array;
  readonly #nonces: NonceSequence;
  readonly #aad: ChunkAad;
  readonly #format: ChunkFormat;
  #finished = false;

  constructor(primitives: Primitives, keys: StreamKeys, aad: ChunkAad, format: ChunkFormat) {
    this.#primitives = primitives;
    this.#key = keys.key;
    this.#nonces = new NonceSequence(keys.baseNonce);
    this.#aad = aad;
    this.#format = format;
  }

  /** The sequence number of the chunk that `seal` makes next. */
  get nextSeq(): number {
    return this.#nonces.seq;
  }

  /**
   * Seals the next chunk into one allocation.
   *
   * @returns `headroomBytes` zero bytes, the prefix of chunk 0, ciphertext and tag
   * @throws E2eError `already_finished`, `too_large`, `invalid_argument`, `sequence_exhausted`; none spends a number
   */
  seal(plaintext: Uint8Array, final: boolean, headroomBytes: number, mark: number): Uint8Array {
    if (this.#finished) throw new E2eError("already_finished", "the final chunk was sealed");
    if (!isMark(mark)) throw new E2eError("invalid_argument", "a mark is a whole number from 0 to 127");
    if (!Number.isSafeInteger(headroomBytes) || headroomBytes < 0) {
      throw new E2eError("invalid_argument", "headroom is a whole number of bytes");
    }
    const { padding, prefix = NO_PREFIX } = this.#format;
    const seq = this.#nonces.seq;
    const start = headroomBytes + (seq === 0 ? prefix.length : 0);
    const out = new Uint8Array(start + recordBytes(plaintext.length, padding) + TAG_BYTES);
    if (seq === 0) out.set(prefix, headroomBytes);
    writeRecord(out, start, plaintext, padding);
    const nonce = this.#nonces.take();
    this.#primitives.encryptInPlace(this.#key, nonce, this.#aad.for(seq, final, mark), out.subarray(start));
    if (final) {
      this.#finished = true;
      this.#key.fill(0);
    }
    return out;
  }
}

/** Whether a number can travel as a chunk's mark. */
export const isMark = (mark: number): boolean => Number.isInteger(mark) && mark >= 0 && mark <= MAX_MARK;
