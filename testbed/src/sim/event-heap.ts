export interface HeapEntry {
  readonly at: number;
  /** Decides between entries of the same time: first come, first served. */
  readonly order: number;
}

/** A binary min-heap by time, then order. */
export class EventHeap<E extends HeapEntry> {
  readonly #entries: E[] = [];

  peek(): E | undefined {
    return this.#entries[0];
  }

  push(entry: E): void {
    const entries = this.#entries;
    let at = entries.length;
    entries.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = entries[parent] as E;
      if (!isBefore(entry, above)) break;
      entries[at] = above;
      at = parent;
    }
    entries[at] = entry;
  }

  pop(): E | undefined {
    const entries = this.#entries;
    const first = entries[0];
    const last = entries.pop();
    if (last !== undefined && entries.length > 0) this.#sink(last);
    return first;
  }

  #sink(entry: E): void {
    const entries = this.#entries;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= entries.length) break;
      if (child + 1 < entries.length && isBefore(entries[child + 1] as E, entries[child] as E)) child += 1;
      if (!isBefore(entries[child] as E, entry)) break;
      entries[at] = entries[child] as E;
      at = child;
    }
    entries[at] = entry;
  }
}

const isBefore = (a: HeapEntry, b: HeapEntry): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
