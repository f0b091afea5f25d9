/**
 * Lets somebody change the context while answers are being generated in it.
 *
 * node-llama-cpp locks its context for as long as there is always one more token asked for, which with several answers
 * means until all but one have ended. Whoever needs that lock, to make room for a new prompt, would wait as long. So
 * everybody passes this gate before asking for a token, and it is closed until the lock has been had.
 */
export class DecodeGate {
  #closers = 0;
  #opened: Promise<void> = Promise.resolve();
  #open: () => void = () => undefined;

  /** Resolves once the gate is open. */
  async pass(): Promise<void> {
    while (this.#closers > 0) await this.#opened;
  }

  /** Runs `work` with the gate closed. */
  async whileClosed<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closers === 0) {
      this.#opened = new Promise((resolve) => {
        this.#open = resolve;
      });
    }
    this.#closers++;
    try {
      return await work();
    } finally {
      this.#closers--;
      if (this.#closers === 0) this.#open();
    }
  }
}
