interface Counted<K> {
  readonly key: K;
  count: number;
}

/**
 * Counts by key in bounded memory, and knows the most frequent (Metwally et al., "Efficient Computation of Frequent and
 * Top-k Elements in Data Streams", 2005): a new key takes the place, and the count, of the rarest. What is counted more
 * often than one in `capacity` is always among them, and no count is too low.
 */
export class MostFrequent<K extends readonly string[]> {
  readonly #capacity: number;
  readonly #counted = new Map<string, Counted<K>>();

  /** @param capacity keys that are counted at once */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  add(key: K): void {
    const name = key.join("\0");
    const known = this.#counted.get(name);
    if (known !== undefined) known.count += 1;
    else this.#counted.set(name, { key, count: this.#makeRoom() + 1 });
  }

  /** The most frequent keys, the most frequent first. */
  top(most: number): readonly Readonly<Counted<K>>[] {
    return [...this.#counted.values()].sort((a, b) => b.count - a.count).slice(0, most);
  }

  /** @returns the count of whoever had to go */
  #makeRoom(): number {
    if (this.#counted.size < this.#capacity) return 0;
    let rarest: readonly [name: string, count: number] = ["", Number.POSITIVE_INFINITY];
    for (const [name, { count }] of this.#counted) if (count < rarest[1]) rarest = [name, count];
    this.#counted.delete(rarest[0]);
    return rarest[1];
  }
}
