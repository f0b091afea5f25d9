/** A connection that lasted this long was good: the next one goes to the same coordinator, ms. */
export const STABLE_MS = 10_000;
/** After this long with another coordinator than the first, the first is tried again when the connection ends, ms. */
export const HOME_AFTER_MS = 600_000;

/**
 * Which coordinator to dial. They are tried in the order given; one that was good is dialled again before the others.
 * A working connection is never given up for a coordinator that stands earlier in the list: only when it ends anyway
 * does the search begin with the first again, if that has had time to recover.
 */
export class CoordinatorList {
  readonly #urls: readonly string[];
  #at = 0;

  /** @param urls at least one; repetitions count once */
  constructor(urls: readonly string[]) {
    this.#urls = [...new Set(urls)];
  }

  get current(): string {
    return this.#urls[this.#at] as string;
  }

  /** There is another one to go to. */
  get hasOther(): boolean {
    return this.#urls.length > 1;
  }

  /** The current one is leaving or cannot be reached. */
  skip(): void {
    this.#at = (this.#at + 1) % this.#urls.length;
  }

  /** A connection to the current one has ended after it was registered for this long, ms; 0 = it never was. */
  ended(servedMs: number): void {
    if (servedMs < STABLE_MS) this.skip();
    else if (servedMs >= HOME_AFTER_MS) this.#at = 0;
  }
}
