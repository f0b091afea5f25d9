import { createSealingContext, type PreparedPublicKey, type SealingContext } from "@hearth/e2e";
import type { Clock } from "@hearth/platform";
import { LIMITS, type SealingContextFrame } from "@hearth/protocol";

/** A provider's announced key. */
export interface ProviderKey {
  readonly keyId: string;
  readonly publicKey: PreparedPublicKey;
}

/** A context, with the announcement that the provider must get before the first request under it. */
export interface ProviderContext {
  readonly sealing: SealingContext;
  readonly announcement: Omit<SealingContextFrame, "type">;
}

interface Held extends ProviderContext {
  readonly keyId: string;
  readonly expiry: Disposable;
}

/**
 * One sealing context for each connection of a provider, so that its requests share one X25519 agreement. A context is
 * erased when it is as old as keys may get (`LIMITS.keyRotationMs`), when the provider announces another key, when its
 * number of attempts is used up, and when the connection ends.
 */
export class ProviderContexts {
  readonly #clock: Clock;
  readonly #create: typeof createSealingContext;
  readonly #held = new Map<object, Held>();

  /** @param create replaced by the simulator, which uses cheaper primitives */
  constructor(clock: Clock, create: typeof createSealingContext = createSealingContext) {
    this.#clock = clock;
    this.#create = create;
  }

  /** Number of contexts: at most one for each connection. */
  get size(): number {
    return this.#held.size;
  }

  /**
   * The context for the next attempt on a connection.
   *
   * @throws E2eError `invalid_key` for a key of low order
   */
  of(connection: object, key: ProviderKey): ProviderContext {
    const held = this.#held.get(connection);
    if (held !== undefined && held.keyId === key.keyId && !held.sealing.spent) return held;
    const sealing = this.#create(key.publicKey);
    const replaced = held?.announcement.context_id;
    this.forget(connection);
    const announcement = {
      context_id: sealing.contextId,
      key_id: key.keyId,
      encapsulated_key: Buffer.from(sealing.encapsulatedKey).toString("base64url"),
      ...(replaced === undefined ? {} : { replaces: replaced }),
    };
    const expiry = this.#clock.setTimer(LIMITS.keyRotationMs, () => sealing[Symbol.dispose]());
    const fresh = { sealing, announcement, keyId: key.keyId, expiry };
    this.#held.set(connection, fresh);
    return fresh;
  }

  /** The connection has ended, or its provider has lost the context: the next attempt gets a new one. */
  forget(connection: object): void {
    const held = this.#held.get(connection);
    if (held === undefined) return;
    this.#held.delete(connection);
    held.expiry[Symbol.dispose]();
    held.sealing[Symbol.dispose]();
  }
}
