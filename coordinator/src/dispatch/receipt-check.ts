import { createHash } from "node:crypto";
import { type BatchVerifier, entryOf, type ProofFailure, type Receipt, type SignedEntry } from "@hearth/attestation";
import type { ReceiptText, Usage } from "@hearth/protocol";
import type { AwaitedReceipt } from "../fleet/awaited-receipts.js";
import type { Background } from "../platform/background.js";
import type { Steps } from "../platform/steps.js";

/** What the coordinator knows of an exchange for which a provider signs a receipt. */
export interface ReceiptSubject {
  /** Checks the signatures of the provider's connection. */
  readonly batches: BatchVerifier;
  readonly requestId: string;
  readonly attemptId: string;
  readonly model: string;
  /** The hash of the model's weights that the provider advertises now. */
  readonly advertised: () => string | null;
  /** The request's plaintext as it was sealed. */
  readonly body: Uint8Array;
}

export interface ReceiptCheckDeps {
  readonly background: Background;
  /** The result of the check, told once. The consumer has the answer by then, whatever the result. */
  readonly checked: (outcome: "ok" | "missing" | ProofFailure) => void;
  /** Our own code threw during the check: the receipt counts as missing. */
  readonly undigested: (sizeBytes: number, thrown: unknown) => void;
}

/** What a receipt must say of a complete answer. */
interface Expected {
  readonly usage: Usage;
  readonly lastSeq: number;
  readonly responseHash: string;
  readonly weightsHashes: readonly (string | null)[];
  /** Hashed in the background; `undefined` until then. */
  requestHash: string | undefined;
}

/** Bytes of a request that are hashed in one step. */
const HASHED_AT_ONCE_BYTES = 512 * 1024;

/**
 * Gathers, chunk by chunk, what a provider's receipt must say about its answer, and compares the two when the receipt
 * comes. It does so in the background: no request waits for it.
 */
export class ReceiptCheck implements AwaitedReceipt {
  /** The receipt, once it has been found to be true; `undefined` when there is none. */
  readonly receipt: Promise<SignedEntry | undefined>;
  readonly #deps: ReceiptCheckDeps;
  readonly #subject: Omit<ReceiptSubject, "body">;
  readonly #weightsAtOpening: string | null;
  readonly #answer = createHash("sha256");
  #body: Uint8Array | undefined;
  #expected: Expected | undefined;
  #resolve: (receipt: SignedEntry | undefined) => void = () => {};

  constructor({ body, ...subject }: ReceiptSubject, deps: ReceiptCheckDeps) {
    this.#subject = subject;
    this.#body = body;
    this.#deps = deps;
    this.#weightsAtOpening = subject.advertised();
    this.receipt = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** A chunk of the answer's plaintext. */
  add(plaintext: Uint8Array): void {
    this.#answer.update(plaintext);
  }

  /**
   * The answer is complete, and a receipt may come. Call it once.
   *
   * @param lastSeq number of the final chunk
   */
  complete(usage: Usage, lastSeq: number): void {
    const expected: Expected = {
      usage,
      lastSeq,
      responseHash: this.#answer.digest("hex"),
      weightsHashes: [this.#weightsAtOpening, this.#subject.advertised()],
      requestHash: undefined,
    };
    this.#expected = expected;
    // Not only when the receipt comes: until it is hashed, the request stays in memory.
    if (this.#body !== undefined) this.#deps.background.add(hashSteps(this.#body, expected));
    this.#body = undefined;
  }

  came(receipt: ReceiptText): void {
    this.#deps.background.add(this.#steps(receipt));
  }

  missed(): void {
    this.#settle("missing", undefined);
  }

  // biome-ignore lint/correctness/useYield: one step; the signature is most of it
  *#steps(text: ReceiptText): Steps<void> {
    try {
      const entry = entryOf(text);
      const outcome = this.#verify(entry);
      this.#settle(outcome, outcome === "ok" ? entry : undefined);
    } catch (thrown) {
      this.#deps.undigested(text.blob.length, thrown);
      this.missed();
    }
  }

  #verify(entry: SignedEntry): "ok" | ProofFailure {
    const verdict = this.#subject.batches.verify(entry);
    if (verdict.type === "failed") return verdict.failure;
    return this.#agrees(verdict.value) ? "ok" : "mismatch";
  }

  #agrees(receipt: Receipt): boolean {
    const { requestId, attemptId, model } = this.#subject;
    const expected = this.#expected;
    return (
      expected !== undefined &&
      receipt.request_id === requestId &&
      receipt.attempt_id === attemptId &&
      receipt.model === model &&
      expected.weightsHashes.includes(receipt.weights_hash) &&
      receipt.last_seq === expected.lastSeq &&
      receipt.usage.prompt_tokens === expected.usage.prompt_tokens &&
      receipt.usage.completion_tokens === expected.usage.completion_tokens &&
      receipt.usage.cached_tokens === expected.usage.cached_tokens &&
      receipt.response_hash === expected.responseHash &&
      receipt.request_hash === expected.requestHash
    );
  }

  #settle(outcome: "ok" | "missing" | ProofFailure, receipt: SignedEntry | undefined): void {
    this.#deps.checked(outcome);
    this.#resolve(receipt);
  }
}

function* hashSteps(body: Uint8Array, expected: Expected): Steps<void> {
  const hash = createHash("sha256");
  for (let at = 0; at < body.length; at += HASHED_AT_ONCE_BYTES) {
    hash.update(body.subarray(at, at + HASHED_AT_ONCE_BYTES));
    if (at + HASHED_AT_ONCE_BYTES < body.length) yield;
  }
  expected.requestHash = hash.digest("hex");
}
