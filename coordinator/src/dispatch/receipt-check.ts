import { createHash } from "node:crypto";
import { type ProofFailure, type SignedBlob, type Verifier, verifyReceipt } from "@hearth/attestation";
import type { SignedBlobText, Usage } from "@hearth/protocol";

/** What this end knows of an exchange that a provider signs for. */
export interface ReceiptSubject {
  /** Of the provider's identity key. */
  readonly verifier: Verifier;
  readonly requestId: string;
  readonly attemptId: string;
  readonly model: string;
  /** Whether the provider has said this of the model's weights: when the attempt was opened, or since. */
  readonly hasAdvertised: (weightsHash: string | null) => boolean;
  /** The request's plaintext as it was sealed. */
  readonly body: Uint8Array;
}

/** Gathers, chunk by chunk, what a provider's receipt must say about its answer. */
export class ReceiptCheck {
  readonly #subject: ReceiptSubject;
  readonly #answer = createHash("sha256");

  constructor(subject: ReceiptSubject) {
    this.#subject = subject;
  }

  /** A chunk of the answer's plaintext. */
  add(plaintext: Uint8Array): void {
    this.#answer.update(plaintext);
  }

  /**
   * Compares. Call it once, when the answer is complete.
   *
   * @param lastSeq number of the final chunk
   */
  verify({ blob, signature }: SignedBlobText, usage: Usage, lastSeq: number): "ok" | ProofFailure {
    const { verifier, requestId, attemptId, model, hasAdvertised, body } = this.#subject;
    const signed: SignedBlob = {
      blob: Buffer.from(blob, "base64url"),
      signature: Buffer.from(signature, "base64url"),
    };
    const verdict = verifyReceipt(signed, verifier);
    if (verdict.type === "failed") return verdict.failure;
    const receipt = verdict.value;
    const agrees =
      receipt.request_id === requestId &&
      receipt.attempt_id === attemptId &&
      receipt.model === model &&
      hasAdvertised(receipt.weights_hash) &&
      receipt.last_seq === lastSeq &&
      receipt.usage.prompt_tokens === usage.prompt_tokens &&
      receipt.usage.completion_tokens === usage.completion_tokens &&
      receipt.usage.cached_tokens === usage.cached_tokens &&
      receipt.response_hash === this.#answer.digest("hex") &&
      receipt.request_hash === createHash("sha256").update(body).digest("hex");
    return agrees ? "ok" : "mismatch";
  }
}
