import {
  type ContextOptions,
  createOpeningContext,
  type EncryptionKeyPair,
  type OpeningContext,
  type RequestOpener,
} from "@hearth/e2e";
import type { RequestFrame, SealingContextFrame } from "@hearth/protocol";

/** What a coordinator has set up with a scripted machine. Unlike an agent it keeps whatever came, for as long as it lives. */
export class OpeningContexts {
  readonly #options: ContextOptions;
  readonly #contexts = new Map<string, OpeningContext>();

  constructor(options: ContextOptions = {}) {
    this.#options = options;
  }

  add(frame: SealingContextFrame, keyPair: EncryptionKeyPair): void {
    const encapsulatedKey = Buffer.from(frame.encapsulated_key, "base64url");
    this.#contexts.set(frame.context_id, createOpeningContext(keyPair, encapsulatedKey, this.#options));
  }

  /** @throws Error when the coordinator names a context that it never set up */
  openerOf(frame: RequestFrame): RequestOpener {
    const context = this.#contexts.get(frame.context_id);
    if (context === undefined) throw new Error("the coordinator sent a request under a context it never set up");
    return context.attempt({ requestId: frame.request_id, attemptId: frame.attempt_id });
  }
}
