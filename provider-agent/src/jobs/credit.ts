/** How many plaintext bytes a job may still send. Whoever needs some waits here; a single send may overshoot. */
export class Credit {
  #bytes: number;
  #waiting: (() => void) | undefined;
  #closed = false;

  constructor(initialBytes: number) {
    this.#bytes = initialBytes;
  }

  grant(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > 0) this.#wake();
  }

  spend(bytes: number): void {
    this.#bytes -= bytes;
  }

  /** Resolves when there is credit, or when nothing will be sent any more. */
  available(): Promise<void> {
    if (this.#bytes > 0 || this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  close(): void {
    this.#closed = true;
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }
}
