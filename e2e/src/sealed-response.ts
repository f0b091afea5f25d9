import { type Binding, ChunkAad } from "./binding.js";
import { concat, utf8 } from "./bytes.js";
import { ChunkOpener } from "./chunk-opener.js";
import { ChunkSealer, type StreamKeys } from "./chunk-sealer.js";
import { expand, extract } from "./hkdf.js";
import { AEAD_KEY_BYTES, NONCE_BYTES, type Primitives } from "./primitives.js";
import type { Padding } from "./record.js";

/** Random bytes in front of the ciphertext of response chunk 0. */
export const RESPONSE_NONCE_BYTES = 32;

const KEY_LABEL = utf8("key");
const NONCE_LABEL = utf8("nonce");

/** The provider's end of the way back. */
export interface ResponseSealer {
  /**
   * Seals the next chunk.
   *
   * @param headroomBytes zero bytes to leave in front, for a frame header
   * @param mark 0 (the default) to 127: said of the chunk in the clear, and authenticated
   * @throws E2eError `already_finished`, `too_large`, `invalid_argument`, `sequence_exhausted`
   */
  seal(plaintext: Uint8Array, final: boolean, headroomBytes?: number, mark?: number): Uint8Array;
  /** The sequence number of the chunk that `seal` makes next: 0, 1, 2 … */
  readonly nextSeq: number;
}

/** The coordinator's end of the way back. */
export interface ResponseOpener {
  /**
   * Opens the next chunk, which must be what `final` and `mark` (default 0) say of it.
   *
   * @returns the plaintext, in memory of its own
   * @throws E2eError `out_of_sequence`, `open_failed`, `malformed_record`, `too_large`, all of which end the stream;
   * then `already_failed`; `already_finished` after the final chunk
   */
  open(ciphertext: Uint8Array, seq: number, final: boolean, mark?: number): Uint8Array;
  /** The final chunk was opened. A stream that ends before was cut short. */
  readonly finished: boolean;
}

/** What both ends of the way back take from an HPKE context. */
export interface ResponseBasis {
  readonly primitives: Primitives;
  /** 32 bytes that were exported for this response alone; wiped once its keys are made. */
  readonly secret: Uint8Array;
  readonly encapsulatedKey: Uint8Array;
  readonly binding: Binding;
}

/** The provider's end. Its random nonce keeps a request that is answered twice from using a key and nonce twice. */
export class ResponseSealerStream implements ResponseSealer {
  readonly #basis: ResponseBasis;
  readonly #padding: Padding;
  #chunks: ChunkSealer | undefined;

  constructor(basis: ResponseBasis, padding: Padding) {
    this.#basis = basis;
    this.#padding = padding;
  }

  get nextSeq(): number {
    return this.#chunks?.nextSeq ?? 0;
  }

  seal(plaintext: Uint8Array, final: boolean, headroomBytes = 0, mark = 0): Uint8Array {
    this.#chunks ??= this.#start();
    return this.#chunks.seal(plaintext, final, headroomBytes, mark);
  }

  #start(): ChunkSealer {
    const { primitives, binding } = this.#basis;
    const prefix = primitives.randomBytes(RESPONSE_NONCE_BYTES);
    const keys = deriveKeys(this.#basis, prefix);
    return new ChunkSealer(primitives, keys, new ChunkAad(binding, "response"), { padding: this.#padding, prefix });
  }
}

/** The coordinator's end. */
export class ResponseOpenerStream implements ResponseOpener {
  readonly #basis: ResponseBasis;
  #chunks: ChunkOpener | undefined;

  constructor(basis: ResponseBasis) {
    this.#basis = basis;
  }

  get finished(): boolean {
    return this.#chunks?.finished ?? false;
  }

  open(ciphertext: Uint8Array, seq: number, final: boolean, mark = 0): Uint8Array {
    if (this.#chunks !== undefined) return this.#chunks.open(ciphertext, seq, final, mark);
    // Whatever is wrong with a first chunk (another seq, a nonce cut short), the opener refuses it and stays refused.
    this.#chunks = this.#start(ciphertext.subarray(0, RESPONSE_NONCE_BYTES));
    return this.#chunks.open(ciphertext.subarray(RESPONSE_NONCE_BYTES), seq, final, mark);
  }

  #start(nonce: Uint8Array): ChunkOpener {
    const { primitives, binding } = this.#basis;
    const keys = deriveKeys(this.#basis, nonce);
    return new ChunkOpener(primitives, keys, new ChunkAad(binding, "response"));
  }
}

/** Key derivation of oblivious HTTP (RFC 9458 §4.4). */
function deriveKeys(basis: ResponseBasis, nonce: Uint8Array): StreamKeys {
  const { primitives, secret, encapsulatedKey } = basis;
  const prk = extract(primitives, concat(encapsulatedKey, nonce), secret);
  const keys = {
    key: expand(primitives, prk, KEY_LABEL, AEAD_KEY_BYTES),
    baseNonce: expand(primitives, prk, NONCE_LABEL, NONCE_BYTES),
  };
  secret.fill(0);
  prk.fill(0);
  return keys;
}
