import { type Rng, seededRng } from "@hearth/coordinator/internals";

/** Draws of one reproducible sequence. */
export class Random implements Rng {
  readonly #rng: Rng;

  constructor(seed: number) {
    this.#rng = seededRng(seed);
  }

  next(): number {
    return this.#rng.next();
  }

  chance(probability: number): boolean {
    return this.#rng.next() < probability;
  }

  /** Uniform in [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.#rng.next();
  }

  /** Whole number in [low, high]. */
  whole(low: number, high: number): number {
    return low + Math.floor((high - low + 1) * this.#rng.next());
  }

  /** Short delays are common and long ones happen: log-uniform in [low, high). */
  skewed(low: number, high: number): number {
    return low * (high / low) ** this.#rng.next();
  }

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#rng.next() * list.length)] as T;
  }

  /** A key of the table, as often as its weight says. */
  weighted<K extends string>(table: Readonly<Record<K, number>>): K {
    const entries = Object.entries(table) as [K, number][];
    let left = this.#rng.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [key, weight] of entries) {
      left -= weight;
      if (left < 0) return key;
    }
    return (entries[0] as [K, number])[0];
  }
}

/** One number out of several, so that the parts of a scenario draw from sequences of their own. */
export function mixSeeds(...parts: readonly number[]): number {
  let hash = 0x811c9dc5;
  for (const part of parts) {
    hash = Math.imul(hash ^ (part >>> 0), 0x01000193);
    hash ^= hash >>> 15;
    hash = Math.imul(hash, 0x2c1b3c6d);
    hash ^= hash >>> 13;
  }
  return hash >>> 0;
}
