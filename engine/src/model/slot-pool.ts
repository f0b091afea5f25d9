/** A slot on loan. Disposing it, at the latest when the answer has ended, hands it to whoever waits longest. */
export interface SlotLease<S> extends Disposable {
  readonly slot: S;
}

/** `full`: nobody may wait any more. `cancelled`: the caller's signal came while it waited. */
export type Admission<S> =
  | { readonly type: "admitted"; readonly lease: SlotLease<S> }
  | { readonly type: "full" }
  | { readonly type: "cancelled" };

export interface SlotCounts {
  readonly running: number;
  readonly idle: number;
  readonly queued: number;
}

/** A bounded number of slots, and a bounded queue of those who wait for one, first come first served. */
export class SlotPool<S> {
  readonly #idle: S[];
  readonly #total: number;
  readonly #maxQueued: number;
  readonly #waiting: ((slot: S) => void)[] = [];

  constructor(slots: readonly S[], maxQueued: number) {
    this.#idle = [...slots];
    this.#total = slots.length;
    this.#maxQueued = maxQueued;
  }

  get counts(): SlotCounts {
    return { running: this.#total - this.#idle.length, idle: this.#idle.length, queued: this.#waiting.length };
  }

  /** Takes the idle slot for which `preference` is highest, the one that has been idle longest among equals, or waits. */
  acquire(preference: (slot: S) => number, signal: AbortSignal): Promise<Admission<S>> {
    if (signal.aborted) return Promise.resolve({ type: "cancelled" });
    const best = this.#idle.reduce<S | undefined>(
      (found, slot) => (found === undefined || preference(slot) > preference(found) ? slot : found),
      undefined,
    );
    if (best !== undefined) {
      this.#idle.splice(this.#idle.indexOf(best), 1);
      return Promise.resolve({ type: "admitted", lease: this.#lease(best) });
    }
    if (this.#waiting.length >= this.#maxQueued) return Promise.resolve({ type: "full" });
    return this.#wait(signal);
  }

  #wait(signal: AbortSignal): Promise<Admission<S>> {
    return new Promise((resolve) => {
      const onAbort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(take), 1);
        resolve({ type: "cancelled" });
      };
      const take = (slot: S): void => {
        signal.removeEventListener("abort", onAbort);
        resolve({ type: "admitted", lease: this.#lease(slot) });
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiting.push(take);
    });
  }

  #lease(slot: S): SlotLease<S> {
    let released = false;
    return {
      slot,
      [Symbol.dispose]: () => {
        if (released) return;
        released = true;
        const next = this.#waiting.shift();
        if (next === undefined) this.#idle.push(slot);
        else next(slot);
      },
    };
  }
}
