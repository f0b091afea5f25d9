import { defaultPrimitives } from "#default-primitives";
import { type EncryptionKeyPair, generateKeyPair } from "./key-pair.js";
import type { Primitives } from "./primitives.js";

/** The use of a key by one request. Dispose it when the request is over; disposing twice counts once. */
export interface KeyLease extends Disposable {
  readonly keyPair: EncryptionKeyPair;
}

/** The public half of a key, to be announced. */
export type AnnouncedKey = Pick<EncryptionKeyPair, "keyId" | "publicKey">;

interface Entry {
  readonly keyPair: EncryptionKeyPair;
  users: number;
  retired: boolean;
}

/**
 * A provider's keys over time: one that is announced, and its predecessor for requests that were sealed before the
 * coordinator heard of the change. Older keys are retired: nothing can acquire them, and each is erased when its last
 * user is done. The ring has no clock; its owner decides when to rotate.
 */
export class KeyRing implements Disposable {
  readonly #primitives: Primitives;
  #current: Entry;
  #previous: Entry | undefined;

  constructor(primitives: Primitives = defaultPrimitives) {
    this.#primitives = primitives;
    this.#current = this.#fresh();
  }

  /** The key to announce. */
  get current(): AnnouncedKey {
    const { keyId, publicKey } = this.#current.keyPair;
    return { keyId, publicKey };
  }

  /**
   * Makes a new key current. Its predecessor can still be acquired until the next `rotate` or `retirePrevious`.
   *
   * @returns the new key, to be announced
   */
  rotate(): AnnouncedKey {
    this.retirePrevious();
    this.#previous = this.#current;
    this.#current = this.#fresh();
    return this.current;
  }

  /** Retires the previous key: call it once no request sealed to it can still be on its way. */
  retirePrevious(): void {
    if (this.#previous !== undefined) retire(this.#previous);
    this.#previous = undefined;
  }

  /**
   * Takes a key into use.
   *
   * @returns `undefined` for a key that was never this ring's or is retired
   */
  acquire(keyId: string): KeyLease | undefined {
    const entry = this.#find(keyId);
    if (entry === undefined) return undefined;
    entry.users += 1;
    let released = false;
    return {
      keyPair: entry.keyPair,
      [Symbol.dispose](): void {
        if (released) return;
        released = true;
        entry.users -= 1;
        eraseUnused(entry);
      },
    };
  }

  /** Whether a key can be acquired. */
  holds(keyId: string): boolean {
    return this.#find(keyId) !== undefined;
  }

  /** Retires every key. Those in use are erased when their last user is done. */
  [Symbol.dispose](): void {
    this.retirePrevious();
    retire(this.#current);
  }

  #find(keyId: string): Entry | undefined {
    return [this.#current, this.#previous].find((held) => held?.keyPair.keyId === keyId && !held.retired);
  }

  #fresh(): Entry {
    return { keyPair: generateKeyPair(this.#primitives), users: 0, retired: false };
  }
}

function retire(entry: Entry): void {
  entry.retired = true;
  eraseUnused(entry);
}

function eraseUnused(entry: Entry): void {
  if (entry.retired && entry.users === 0) entry.keyPair.privateKey.erase();
}
