interface Waiter {
  readonly enter: () => void;
  readonly reject: (error: unknown) => void;
}

/** As many at once as there are connections; the others wait in their order. */
export class Slots {
  #free: number;
  #waiters: Waiter[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async enter(): Promise<void> {
    if (this.#free > 0) {
      this.#free--;
      return;
    }
    await new Promise<void>((enter, reject) => this.#waiters.push({ enter, reject }));
  }

  leave(): void {
    const next = this.#waiters.shift();
    if (next === undefined) this.#free++;
    else next.enter();
  }

  /** Nobody of those who wait now gets a turn. */
  turnAway(error: unknown): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { reject } of waiters) reject(error);
  }
}
