import type { ReceiptText, RequestFrame, Usage } from "@hearth/protocol";

/** Follows one job and signs for it at the end. */
export interface ReceiptBuilder {
  /** A part of the request's plaintext, in order. */
  request(part: Uint8Array): void;
  /** A chunk of the answer's plaintext, exactly as it is sealed, in order. */
  response(plaintext: Uint8Array): void;
  /**
   * Called once, when the last chunk is sealed. It may be signed for together with others.
   *
   * @param facts `lastSeq` is that chunk's sequence number
   */
  finish(facts: { readonly usage: Usage; readonly lastSeq: number }): Promise<ReceiptText>;
}

export interface ReceiptIssuer {
  start(frame: RequestFrame): ReceiptBuilder;
}
