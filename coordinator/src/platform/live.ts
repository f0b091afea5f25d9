/** A value that may be replaced at run time, so that it must be read anew at each use. */
export class Live<T> {
  #current: T;

  constructor(first: T) {
    this.#current = first;
  }

  get current(): T {
    return this.#current;
  }

  replace(next: T): void {
    this.#current = next;
  }

  /** A derived value, which is made again only when the value has been replaced. */
  derived<D>(make: (value: T) => D): () => D {
    let from = this.#current;
    let made = make(from);
    return () => {
      if (from !== this.#current) {
        from = this.#current;
        made = make(from);
      }
      return made;
    };
  }
}
