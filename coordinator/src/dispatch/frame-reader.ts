import { EventJoiner, errorInBody, type SseEvent } from "@hearth/dialects";
import type { ResponseOpener } from "@hearth/e2e";
import { DATA_MARKS, type DataFrame, type ErrorFrame, LIMITS } from "@hearth/protocol";
import type { ReceiptCheck } from "./receipt-check.js";

/**
 * Opens the frames of one stream, each once and in their order, and puts together what they hold: events, or the parts
 * of one body. The receipt is for what they hold.
 */
export class FrameReader {
  readonly #opener: ResponseOpener;
  readonly #receipts: Pick<ReceiptCheck, "add"> | undefined;
  readonly #joiner = new EventJoiner(LIMITS.responseEventBytes);
  readonly #parts: Buffer[] = [];
  #opened = 0;

  constructor(opener: ResponseOpener, receipts: Pick<ReceiptCheck, "add"> | undefined) {
    this.#opener = opener;
    this.#receipts = receipts;
  }

  /** Frames opened: the number that the next one must carry. */
  get opened(): number {
    return this.#opened;
  }

  /** The last one has come. */
  get finished(): boolean {
    return this.#opener.finished;
  }

  /** Bytes of an event that is not whole yet. */
  get heldBytes(): number {
    return this.#joiner.heldBytes;
  }

  /** @returns `undefined` for what is not this stream's next frame, whole and unaltered */
  open({
    ciphertext,
    seq,
    final,
    holds,
  }: Pick<DataFrame, "ciphertext" | "seq" | "final" | "holds">): Buffer | undefined {
    try {
      const plaintext = this.#opener.open(ciphertext, seq, final, DATA_MARKS[holds]);
      this.#opened += 1;
      this.#receipts?.add(plaintext);
      return Buffer.from(plaintext.buffer, plaintext.byteOffset, plaintext.byteLength);
    } catch {
      return undefined;
    }
  }

  /** @returns the events that a frame's text makes whole; `undefined` when one of them is too large */
  join(text: Buffer, final: boolean): readonly SseEvent[] | undefined {
    return this.#joiner.read(text, final);
  }

  /** A part of an answer that is one body. */
  gather(part: Buffer): void {
    this.#parts.push(part);
  }

  /** All that was gathered. */
  gathered(): SseEvent {
    const bytes = Buffer.concat(this.#parts);
    this.#parts.length = 0;
    return { bytes, droppedBytes: 0, name: "", data: bytes.toString("utf8") };
  }

  /** The backend's own error in an `error` frame; `undefined` where there is none, or none that opens. */
  openError({ sealed_body: sealed }: ErrorFrame): unknown {
    if (sealed === undefined) return undefined;
    const ciphertext = Buffer.from(sealed, "base64url");
    const plaintext = this.open({ ciphertext, seq: this.#opened, final: true, holds: "body" });
    return plaintext === undefined ? undefined : errorInBody(plaintext.toString("utf8"));
  }
}
