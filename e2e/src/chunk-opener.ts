import type { ChunkAad } from "./binding.js";
import { isMark, type StreamKeys } from "./chunk-sealer.js";
import { E2eError, type E2eErrorCode } from "./error.js";
import { NonceSequence } from "./nonce-sequence.js";
import { type Primitives, TAG_BYTES } from "./primitives.js";
import { BUCKET_STEP_BYTES, MAX_CHUNK_BYTES, PADDED_HEADER_BYTES, readRecord } from "./record.js";

const MAX_CIPHERTEXT_BYTES = MAX_CHUNK_BYTES + PADDED_HEADER_BYTES + BUCKET_STEP_BYTES + TAG_BYTES;

/** Opens the chunks of one direction of one stream, in order. The first chunk that does not belong ends it for good. */
export class ChunkOpener {
  readonly #primitives: Primitives;
  readonly #key: Uint8Array;
  readonly #nonces: NonceSequence;
  readonly #aad: ChunkAad;
  #state: "open" | "finished" | "failed" = "open";

  constructor(primitives: Primitives, keys: StreamKeys, aad: ChunkAad) {
    this.#primitives = primitives;
    this.#key = keys.key;
    this.#nonces = new NonceSequence(keys.baseNonce);
    this.#aad = aad;
  }

  /** The final chunk was opened. A stream that ends before was cut short. */
  get finished(): boolean {
    return this.#state === "finished";
  }

  /**
   * Opens a chunk.
   *
   * @returns the plaintext, in memory of its own
   * @throws E2eError `out_of_sequence`, `open_failed`, `malformed_record`, `too_large`, all of which end the stream;
   * then `already_failed`; `already_finished` after the final chunk
   */
  open(ciphertext: Uint8Array, seq: number, final: boolean, mark: number): Uint8Array {
    if (this.#state === "finished") throw new E2eError("already_finished", "the final chunk was opened");
    if (this.#state === "failed") throw new E2eError("already_failed", "an earlier chunk was refused");
    if (seq !== this.#nonces.seq) throw this.#fail("out_of_sequence", "not the next chunk");
    if (ciphertext.length > MAX_CIPHERTEXT_BYTES) throw this.#fail("too_large", "a chunk has at most 32 MiB");
    // A mark that could not have been sealed would be cut to one that could.
    if (!isMark(mark)) throw this.#fail("open_failed", "no chunk carries such a mark");
    const aad = this.#aad.for(seq, final, mark);
    const record = this.#primitives.decrypt(this.#key, this.#nonces.take(), aad, ciphertext);
    if (record === undefined) throw this.#fail("open_failed", "the chunk is not authentic");
    const plaintext = readRecord(record);
    if (plaintext === undefined) throw this.#fail("malformed_record", "the chunk holds no valid record");
    if (final) this.#end("finished");
    return plaintext;
  }

  #fail(code: E2eErrorCode, message: string): E2eError {
    this.#end("failed");
    return new E2eError(code, message);
  }

  #end(state: "finished" | "failed"): void {
    this.#state = state;
    this.#key.fill(0);
  }
}
