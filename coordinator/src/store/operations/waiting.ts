import { StoreError } from "../store-error.js";

/** Counts what waits, and lets nothing in beyond a bound or after the end. */
export class Waiting {
  readonly #max: number;
  #count = 0;
  #closed = false;
  #emptied: (() => void) | undefined;

  constructor(max: number) {
    this.#max = max;
  }

  /** @throws StoreError `closed` or `busy` */
  enter(): void {
    if (this.#closed) throw new StoreError("closed", "The store has been closed.");
    if (this.#count >= this.#max) {
      throw new StoreError("busy", `More than ${this.#max} operations wait for the database already.`);
    }
    this.#count++;
  }

  leave(): void {
    this.#count--;
    if (this.#count === 0) this.#emptied?.();
  }

  /** Lets nothing in any more. @returns once everything has left */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#count > 0) await new Promise<void>((resolve) => (this.#emptied = resolve));
  }
}
