import { createOpeningContext, type KeyLease, type OpeningContext, type RequestOpener } from "@hearth/e2e";
import { BoundedMap } from "@hearth/platform";
import { LIMITS, type RequestFrame, type SealingContextFrame } from "@hearth/protocol";

/** The keys that contexts are set up to. */
export interface ContextKeys {
  /** @returns `undefined` for a key that is not known, or no longer */
  acquire(keyId: string): KeyLease | undefined;
  /** Whether it can still be acquired. */
  holds(keyId: string): boolean;
}

interface Held {
  readonly keyId: string;
  readonly context: OpeningContext;
}

/**
 * The sealing contexts of one connection. A context is erased when another replaces it, when its key is retired, when
 * too many others were used since, and with the connection; requests that have begun keep keys of their own.
 */
export class OpeningContexts implements Disposable {
  readonly #keys: ContextKeys;
  /** Set anew at each use, so that the least recently used one makes room. */
  readonly #held = new BoundedMap<string, Held>(LIMITS.contextsPerConnection, {
    dropped: ({ context }) => context[Symbol.dispose](),
  });

  constructor(keys: ContextKeys) {
    this.#keys = keys;
  }

  get size(): number {
    return this.#held.size;
  }

  /**
   * Sets a context up. One to a key that is gone, or that yields no secret, is not held: what comes under it does not
   * open, and the coordinator makes another.
   *
   * @returns whether the protocol allows it: a name serves once
   */
  add(frame: SealingContextFrame): boolean {
    if (this.#held.has(frame.context_id)) return false;
    this.#erase(frame.replaces);
    const context = this.#open(frame);
    if (context === undefined) return true;
    this.#held.set(frame.context_id, { keyId: frame.key_id, context });
    return true;
  }

  /** @returns `undefined` when its context is not held, or has had this attempt */
  openerOf(frame: RequestFrame): RequestOpener | undefined {
    const held = this.#held.get(frame.context_id);
    if (held === undefined) return undefined;
    if (!this.#keys.holds(held.keyId)) return this.#erase(frame.context_id);
    this.#held.set(frame.context_id, held);
    try {
      return held.context.attempt({ requestId: frame.request_id, attemptId: frame.attempt_id });
    } catch {
      return undefined;
    }
  }

  /** A key may have been retired: erases the contexts that were set up to it. */
  keysChanged(): void {
    for (const [id, { keyId }] of this.#held.entries()) if (!this.#keys.holds(keyId)) this.#erase(id);
  }

  [Symbol.dispose](): void {
    for (const [id] of this.#held.entries()) this.#erase(id);
  }

  #open(frame: SealingContextFrame): OpeningContext | undefined {
    using lease = this.#keys.acquire(frame.key_id);
    if (lease === undefined) return undefined;
    try {
      return createOpeningContext(lease.keyPair, Buffer.from(frame.encapsulated_key, "base64url"));
    } catch {
      return undefined;
    }
  }

  #erase(id: string | undefined): undefined {
    if (id === undefined) return;
    this.#held.get(id)?.context[Symbol.dispose]();
    this.#held.delete(id);
  }
}
