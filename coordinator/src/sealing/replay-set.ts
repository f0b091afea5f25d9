import { createHash } from "node:crypto";

/** Slots of the first segment; each further one has twice as many as the one before. */
const FIRST_SLOTS = 4096;
/** Most of a segment's slots that are used, as a share: fuller ones are slow to search. */
const MAX_LOAD = 0.75;

/**
 * Requests that one key may open at most: ten segments, which take 32 MiB. Over the 24 hours in which a key is
 * announced that is 36 a second.
 */
export const MAX_REQUESTS_PER_KEY = FIRST_SLOTS * (2 ** 10 - 1) * MAX_LOAD;

/**
 * Remembers the encapsulated keys that were used with one key, for as long as that key opens anything. It never drops
 * one to make room for another.
 *
 * It keeps 64 bits of a salted hash. Among three million requests the chance that any two share them is 1 in 4 million;
 * the later one is then refused. Because of the salt nobody can search for requests that collide.
 */
export class ReplaySet {
  readonly #salt: Uint8Array;
  readonly #maxEntries: number;
  readonly #segments: Segment[] = [];
  #size = 0;

  constructor(salt: Uint8Array, maxEntries: number = MAX_REQUESTS_PER_KEY) {
    this.#salt = salt;
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    return this.#size;
  }

  /** No further request can be remembered without dropping another. */
  get full(): boolean {
    return this.#size >= this.#maxEntries;
  }

  has(encapsulatedKey: Uint8Array): boolean {
    const print = this.#fingerprint(encapsulatedKey);
    return this.#segments.some((segment) => segment.has(print));
  }

  /** @throws RangeError when it is full */
  add(encapsulatedKey: Uint8Array): void {
    if (this.full) throw new RangeError("the set is full");
    this.#openSegment().add(this.#fingerprint(encapsulatedKey));
    this.#size += 1;
  }

  /** The segment with free slots. A new one is added beside full ones: moving entries would stall all requests. */
  #openSegment(): Segment {
    const last = this.#segments.at(-1);
    if (last !== undefined && !last.full) return last;
    const next = new Segment(FIRST_SLOTS * 2 ** this.#segments.length);
    this.#segments.push(next);
    return next;
  }

  #fingerprint(encapsulatedKey: Uint8Array): Fingerprint {
    const digest = createHash("sha256").update(this.#salt).update(encapsulatedKey).digest();
    // Zero marks an empty slot.
    return { high: digest.readUInt32LE(0), low: digest.readUInt32LE(4) || 1 };
  }
}

interface Fingerprint {
  readonly high: number;
  readonly low: number;
}

/** A hash table of fixed size with linear probing, without removal. */
class Segment {
  readonly #words: Uint32Array;
  readonly #mask: number;
  #free: number;

  constructor(slots: number) {
    this.#words = new Uint32Array(slots * 2);
    this.#mask = slots - 1;
    this.#free = slots * MAX_LOAD;
  }

  get full(): boolean {
    return this.#free === 0;
  }

  has(print: Fingerprint): boolean {
    return this.#words[this.#find(print) * 2 + 1] !== 0;
  }

  add(print: Fingerprint): void {
    const slot = this.#find(print);
    this.#words[slot * 2] = print.high;
    this.#words[slot * 2 + 1] = print.low;
    this.#free -= 1;
  }

  /** The slot with the fingerprint, or the empty slot where it belongs. */
  #find({ high, low }: Fingerprint): number {
    const words = this.#words;
    let slot = high & this.#mask;
    while (words[slot * 2 + 1] !== 0 && (words[slot * 2] !== high || words[slot * 2 + 1] !== low)) {
      slot = (slot + 1) & this.#mask;
    }
    return slot;
  }
}
