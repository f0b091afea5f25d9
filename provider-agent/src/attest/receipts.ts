import { createHash, type Hash } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import { entryText, type IdentitySigner, issueReceiptBatch, receiptEntry } from "@hearth/attestation";
import { randomText } from "@hearth/platform";
import { LIMITS, type ReceiptText, type RequestFrame, type Usage } from "@hearth/protocol";

export interface ReceiptsDeps {
  readonly signer: IdentitySigner;
  readonly wallTime: () => number;
  /** As it was advertised last; absent = it was not. */
  readonly weightsHash: (model: string) => string | undefined;
  /** Receipts that one signature stands for at most; absent = as many as the protocol allows. */
  readonly maxBatch?: number;
}

/** Batches that wait for a signer that does not come back: receipts beyond them are given up. */
const MAX_WAITING_BATCHES = 4;

interface Unsigned {
  readonly entry: Uint8Array;
  readonly resolve: (receipt: ReceiptText) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Signs for what was asked and what was answered. One signature is made at a time, for all receipts that were finished
 * while the last one was being made: for one alone when there is little to do.
 */
export class Receipts {
  readonly #deps: ReceiptsDeps;
  readonly #maxBatch: number;
  readonly #waiting: Unsigned[] = [];
  #signing = false;

  constructor(deps: ReceiptsDeps) {
    this.#deps = deps;
    this.#maxBatch = deps.maxBatch ?? LIMITS.receiptsPerBatch;
  }

  start(frame: RequestFrame): ReceiptDraft {
    const { wallTime, weightsHash } = this.#deps;
    return new ReceiptDraft(frame, { wallTime, weightsHash: weightsHash(frame.model) ?? null, sign: this.#sign });
  }

  readonly #sign = (entry: Uint8Array): Promise<ReceiptText> => {
    if (this.#waiting.length >= MAX_WAITING_BATCHES * this.#maxBatch) {
      return Promise.reject(new Error("too many receipts wait to be signed"));
    }
    const signed = new Promise<ReceiptText>((resolve, reject) => this.#waiting.push({ entry, resolve, reject }));
    if (!this.#signing) void this.#signAll();
    return signed;
  };

  /** Never rejects. */
  async #signAll(): Promise<void> {
    this.#signing = true;
    while (this.#waiting.length > 0) {
      // A key in this process signs without giving anybody a turn: what finishes in this one belongs together.
      await nextTurn();
      await this.#signBatch(this.#waiting.splice(0, this.#maxBatch));
    }
    this.#signing = false;
  }

  async #signBatch(batch: readonly Unsigned[]): Promise<void> {
    const { signer, wallTime } = this.#deps;
    const entries = batch.map(({ entry }) => entry);
    try {
      const signed = await issueReceiptBatch(signer, entries, wallTime());
      for (const [at, receipt] of signed.entries()) batch[at]?.resolve(entryText(receipt));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}

interface DraftDeps {
  readonly wallTime: () => number;
  readonly weightsHash: string | null;
  readonly sign: (entry: Uint8Array) => Promise<ReceiptText>;
}

/** One receipt while its request runs: holds hashes, never the bytes. */
export class ReceiptDraft {
  readonly #frame: RequestFrame;
  readonly #deps: DraftDeps;
  readonly #request: Hash = createHash("sha256");
  readonly #response: Hash = createHash("sha256");

  constructor(frame: RequestFrame, deps: DraftDeps) {
    this.#frame = frame;
    this.#deps = deps;
  }

  /** A part of the request's plaintext, in order. */
  request(part: Uint8Array): void {
    this.#request.update(part);
  }

  /** A chunk of the answer's plaintext, as it is sealed, in order. */
  response(plaintext: Uint8Array): void {
    this.#response.update(plaintext);
  }

  /** Has it signed; call it once, when the last chunk is sealed. @throws what the signer throws */
  finish({ usage, lastSeq }: { readonly usage: Usage; readonly lastSeq: number }): Promise<ReceiptText> {
    const { request_id, attempt_id, model } = this.#frame;
    const { wallTime, weightsHash, sign } = this.#deps;
    const facts = {
      request_id,
      attempt_id,
      model,
      weights_hash: weightsHash,
      request_hash: this.#request.digest("hex"),
      response_hash: this.#response.digest("hex"),
      usage,
      last_seq: lastSeq,
      issued_at_ms: Math.round(wallTime()),
    };
    return sign(receiptEntry(facts, Buffer.from(randomText(16), "base64url")));
  }
}
