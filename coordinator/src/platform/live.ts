/** A value that may be replaced while the program runs: whoever uses it asks for it at each use. */
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

  /** Something that is made of the value, once for each that it has had. */
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
