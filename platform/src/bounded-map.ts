export interface BoundedMapHooks<V> {
  /** An entry had to go because the map was full; not called for one that was deleted or replaced. */
  dropped?(value: V): void;
}

/** A map that holds so many entries at most: the one that was set longest ago makes room. */
export class BoundedMap<K, V> {
  readonly #entries = new Map<K, V>();
  readonly #max: () => number;
  readonly #hooks: BoundedMapHooks<V>;

  /** @param max entries, at least 1; a function is asked at each `set` */
  constructor(max: number | (() => number), hooks: BoundedMapHooks<V> = {}) {
    this.#max = typeof max === "number" ? () => max : max;
    this.#hooks = hooks;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  has(key: K): boolean {
    return this.#entries.has(key);
  }

  /** Adds or replaces; either way the entry is the youngest now. */
  set(key: K, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    const max = this.#max();
    for (const [oldest, dropped] of this.#entries) {
      if (this.#entries.size <= max) return;
      this.#entries.delete(oldest);
      this.#hooks.dropped?.(dropped);
    }
  }

  delete(key: K): boolean {
    return this.#entries.delete(key);
  }

  /** From the oldest to the youngest. */
  entries(): IterableIterator<[K, V]> {
    return this.#entries.entries();
  }
}
