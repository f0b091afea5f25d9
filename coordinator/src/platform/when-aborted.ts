const listening = new WeakMap<AbortSignal, Listeners>();

/**
 * Listens to a signal that outlives its listeners by far, and has many of them at a time: each is an entry of a set. A
 * listener of the signal itself takes microseconds to come and to go.
 *
 * @param heard called once, when the signal is aborted; not where it has been already
 */
export function whenAborted(signal: AbortSignal, heard: () => void): Disposable {
  let listeners = listening.get(signal);
  if (listeners === undefined) {
    listeners = new Listeners(signal);
    listening.set(signal, listeners);
  }
  return listeners.add(heard);
}

/** Those who listen to one signal, which has a listener as long as there is one of them. */
class Listeners {
  readonly #signal: AbortSignal;
  readonly #all = new Set<() => void>();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  add(heard: () => void): Disposable {
    if (this.#all.size === 0) this.#signal.addEventListener("abort", this.#tell);
    this.#all.add(heard);
    return { [Symbol.dispose]: () => this.#remove(heard) };
  }

  #remove(heard: () => void): void {
    if (this.#all.delete(heard) && this.#all.size === 0) this.#signal.removeEventListener("abort", this.#tell);
  }

  readonly #tell = (): void => {
    for (const heard of this.#all) heard();
  };
}
