import { hash } from "node:crypto";

/** Bytes of a hash. */
export const HASH_BYTES = 32;

/** RFC 9162 §2.1.1: leaves and nodes are hashed with a prefix of their own, so that neither can be taken for the other. */
const LEAF_PREFIX = 0x00;
const NODE_PREFIX = 0x01;

/** The hash of one entry: SHA-256(0x00 ‖ entry). */
export function leafHash(entry: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + entry.length);
  bytes[0] = LEAF_PREFIX;
  bytes.set(entry, 1);
  return hash("sha256", bytes, "buffer");
}

function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + left.length + right.length);
  bytes[0] = NODE_PREFIX;
  bytes.set(left, 1);
  bytes.set(right, 1 + left.length);
  return hash("sha256", bytes, "buffer");
}

/** A Merkle tree as in RFC 9162 §2.1 (and RFC 6962 §2.1), over at least one entry. */
export class MerkleTree {
  /** From the leaves' hashes to the one root. */
  readonly #levels: readonly (readonly Uint8Array[])[];

  /** @throws RangeError without an entry: the root of nothing is nothing that anybody would sign */
  constructor(entries: readonly Uint8Array[]) {
    if (entries.length === 0) throw new RangeError("A tree has at least one entry.");
    const levels = [entries.map(leafHash)];
    for (let level = levels[0]; level !== undefined && level.length > 1; level = levels.at(-1)) {
      levels.push(paired(level));
    }
    this.#levels = levels;
  }

  get root(): Uint8Array {
    return this.#levels.at(-1)?.[0] ?? new Uint8Array();
  }

  /**
   * What shows that an entry is in the tree (RFC 9162 §2.1.3.1): the hashes beside its way to the root, nearest first.
   *
   * @throws RangeError for an index that has no entry
   */
  proof(index: number): readonly Uint8Array[] {
    if (this.#levels[0]?.[index] === undefined) throw new RangeError(`There is no entry ${index}.`);
    const proof: Uint8Array[] = [];
    let at = index;
    for (const level of this.#levels) {
      const sibling = level[at % 2 === 0 ? at + 1 : at - 1];
      if (sibling !== undefined) proof.push(sibling);
      at = Math.floor(at / 2);
    }
    return proof;
  }
}

/** The level above: a node that has no partner goes up as it is. */
function paired(level: readonly Uint8Array[]): Uint8Array[] {
  const above: Uint8Array[] = [];
  for (let at = 0; at < level.length; at += 2) {
    const [left, right] = level.slice(at, at + 2);
    if (left !== undefined) above.push(right === undefined ? left : nodeHash(left, right));
  }
  return above;
}

/** Where an entry is said to be. */
export interface Inclusion {
  /** From 0. */
  readonly index: number;
  /** Entries of the tree. */
  readonly size: number;
  readonly proof: readonly Uint8Array[];
}

/**
 * The root of the tree that holds this entry at this place (RFC 9162 §2.1.3.2): whoever knows the true root compares.
 *
 * @returns `undefined` where no tree of that size has such a place, or a proof of that length for it
 */
export function rootOf(entry: Uint8Array, { index, size, proof }: Inclusion): Uint8Array | undefined {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) return undefined;
  let found = leafHash(entry);
  let at = index;
  let last = size - 1;
  for (const sibling of proof) {
    if (sibling.length !== HASH_BYTES || last === 0) return undefined;
    if (at % 2 === 0 && at < last) {
      found = nodeHash(found, sibling);
    } else {
      // The last node of a level may have come up from further below.
      while (at % 2 === 0 && at > 0) [at, last] = above(at, last);
      found = nodeHash(sibling, found);
    }
    [at, last] = above(at, last);
  }
  return last === 0 ? found : undefined;
}

const above = (at: number, last: number): [number, number] => [Math.floor(at / 2), Math.floor(last / 2)];
