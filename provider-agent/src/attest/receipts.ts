import { createHash, type Hash } from "node:crypto";
import { type IdentitySigner, issueReceipt } from "@hearth/attestation";
import type { RequestFrame, SignedBlobText, Usage } from "@hearth/protocol";
import { textOf } from "./prover.js";

export interface ReceiptsDeps {
  readonly signer: IdentitySigner;
  readonly wallTime: () => number;
  /** As it was advertised last; absent = it was not. */
  readonly weightsHash: (model: string) => string | undefined;
}

/** Signs for what was asked and what was answered. */
export class Receipts {
  readonly #deps: ReceiptsDeps;

  constructor(deps: ReceiptsDeps) {
    this.#deps = deps;
  }

  start(frame: RequestFrame): ReceiptDraft {
    return new ReceiptDraft(frame, this.#deps, this.#deps.weightsHash(frame.model) ?? null);
  }
}

/** One receipt while its request runs: holds hashes, never the bytes. */
export class ReceiptDraft {
  readonly #frame: RequestFrame;
  readonly #deps: ReceiptsDeps;
  readonly #weightsHash: string | null;
  readonly #request: Hash = createHash("sha256");
  readonly #response: Hash = createHash("sha256");

  constructor(frame: RequestFrame, deps: ReceiptsDeps, weightsHash: string | null) {
    this.#frame = frame;
    this.#deps = deps;
    this.#weightsHash = weightsHash;
  }

  /** A part of the request's plaintext, in order. */
  request(part: Uint8Array): void {
    this.#request.update(part);
  }

  /** A chunk of the answer's plaintext, as it is sealed, in order. */
  response(plaintext: Uint8Array): void {
    this.#response.update(plaintext);
  }

  /** Signs; call it once, when the last chunk is sealed. */
  async finish({ usage, lastSeq }: { readonly usage: Usage; readonly lastSeq: number }): Promise<SignedBlobText> {
    const { request_id, attempt_id, model } = this.#frame;
    const signed = await issueReceipt(this.#deps.signer, {
      request_id,
      attempt_id,
      model,
      weights_hash: this.#weightsHash,
      request_hash: this.#request.digest("hex"),
      response_hash: this.#response.digest("hex"),
      usage,
      last_seq: lastSeq,
      issued_at_ms: this.#deps.wallTime(),
    });
    return textOf(signed);
  }
}
