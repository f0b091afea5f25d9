import { hkdfSync } from "node:crypto";
import { type EncryptionKeyPair, importKeyPair } from "@hearth/e2e";
import { type Clock, repeat } from "@hearth/platform";
import { ReplaySet } from "./replay-set.js";

const HOUR_MS = 3_600_000;
/** How long a key is announced, ms of the wall clock: from midnight to midnight UTC. */
export const EPOCH_MS: number = 24 * HOUR_MS;
/** How far the clock of another coordinator with the same secret may be ahead when it announces the next key, ms. */
const MAX_SKEW_MS = 5 * 60_000;
/** For how many days ids of erased keys are remembered, so that a late request is told that its key has expired. */
const REMEMBERED_EPOCHS = 7;
/** How often keys are checked when nobody uses them, ms. A key is erased this much too late at most. */
const SWEEP_MS = 10 * 60_000;

/** A key that opens requests, and the requests it has opened. */
export interface SealingKey {
  readonly keyPair: EncryptionKeyPair;
  readonly replays: ReplaySet;
}

/** What all coordinators that announce the same keys have opened. */
export interface SharedReplays {
  /** @returns whether nobody has opened it before. @throws when that cannot be known now */
  claim(encapsulatedKey: Uint8Array): Promise<boolean>;
}

/** What consumers are told of a key. */
export interface AnnouncedSealingKey {
  readonly keyId: string;
  readonly publicKey: Uint8Array;
  /** The period in which requests are to be sealed to this key, wall clock ms. */
  readonly from: number;
  readonly until: number;
}

/** What is known of a key id. */
export type SealingKeyLookup =
  | { readonly type: "usable"; readonly key: SealingKey }
  | { readonly type: "expired" }
  | { readonly type: "unknown" };

/**
 * The keys that consumers seal requests to. Each day (UTC) has a key of its own, derived from the stored secret, and
 * its predecessor is accepted for one day more; then it is erased from memory together with its replay set. The day
 * never goes back, whatever the wall clock does: without the replay set, replays of an earlier day would be accepted.
 */
export class SealingKeys implements Disposable {
  readonly #secret: string;
  readonly #clock: Clock;
  readonly #keys = new Map<number, SealingKey>();
  readonly #sweeper: Disposable;
  #expired: readonly string[] = [];
  #epoch = -1;

  /** Absent = no other coordinator announces these keys. */
  readonly shared: SharedReplays | undefined;

  /** @param secret at least 128 bits of randomness, from which the keys of all days are derived */
  constructor(secret: string, clock: Clock, shared?: SharedReplays) {
    this.#secret = secret;
    this.shared = shared;
    this.#clock = clock;
    this.#turn();
    this.#sweeper = repeat(clock, SWEEP_MS, () => this.#turn());
  }

  /** The key to seal to now. */
  get current(): AnnouncedSealingKey {
    this.#turn();
    return this.#announced(this.#epoch);
  }

  /** The key that follows it. */
  get next(): AnnouncedSealingKey {
    this.#turn();
    return this.#announced(this.#epoch + 1);
  }

  find(keyId: string): SealingKeyLookup {
    this.#turn();
    for (const [epoch, key] of this.#keys) {
      if (key.keyPair.keyId === keyId && this.#accepts(epoch)) return { type: "usable", key };
    }
    return this.#expired.includes(keyId) ? { type: "expired" } : { type: "unknown" };
  }

  /** Erases all keys. Nothing can be opened afterwards. */
  [Symbol.dispose](): void {
    this.#sweeper[Symbol.dispose]();
    for (const { keyPair } of this.#keys.values()) keyPair.privateKey.erase();
  }

  #accepts(epoch: number): boolean {
    return epoch <= this.#epoch || this.#clock.wallTime() >= epoch * EPOCH_MS - MAX_SKEW_MS;
  }

  #announced(epoch: number): AnnouncedSealingKey {
    const { keyId, publicKey } = this.#keyOf(epoch).keyPair;
    return { keyId, publicKey, from: epoch * EPOCH_MS, until: (epoch + 1) * EPOCH_MS };
  }

  /** Brings the keys up to the day. */
  #turn(): void {
    const epoch = Math.floor(this.#clock.wallTime() / EPOCH_MS);
    if (epoch <= this.#epoch) return;
    this.#epoch = epoch;
    for (const [held, { keyPair }] of this.#keys) {
      if (held >= epoch - 1) continue;
      keyPair.privateKey.erase();
      this.#keys.delete(held);
    }
    for (const wanted of [epoch - 1, epoch, epoch + 1]) this.#keyOf(wanted);
    this.#expired = Array.from({ length: REMEMBERED_EPOCHS }, (_, back) => this.#idOf(epoch - 2 - back));
  }

  #keyOf(epoch: number): SealingKey {
    let key = this.#keys.get(epoch);
    if (key === undefined) {
      key = { keyPair: this.#derive(epoch), replays: new ReplaySet(this.#expand(`replays ${epoch}`)) };
      this.#keys.set(epoch, key);
    }
    return key;
  }

  #idOf(epoch: number): string {
    const { keyId, privateKey } = this.#derive(epoch);
    privateKey.erase();
    return keyId;
  }

  #derive(epoch: number): EncryptionKeyPair {
    const seed = this.#expand(`key ${epoch}`);
    try {
      return importKeyPair(seed);
    } finally {
      seed.fill(0);
    }
  }

  /** 32 bytes by HKDF-SHA256 (RFC 5869) with the purpose as info. */
  #expand(purpose: string): Uint8Array {
    return new Uint8Array(hkdfSync("sha256", this.#secret, "", `hearth-sealed/1 ${purpose}`, 32));
  }
}
