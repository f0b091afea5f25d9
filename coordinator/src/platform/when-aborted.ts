const listening = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Listens to a signal that outlives its listeners by far, and has thousands of them: each is an entry of a set. A listener
 * of the signal itself takes microseconds to come and to go.
 *
 * @param heard called once, when the signal is aborted; not where it has been already
 */
export function whenAborted(signal: AbortSignal, heard: () => void): Disposable {
  const listeners = listening.get(signal) ?? listenersOf(signal);
  listeners.add(heard);
  return { [Symbol.dispose]: () => listeners.delete(heard) };
}

function listenersOf(signal: AbortSignal): Set<() => void> {
  const listeners = new Set<() => void>();
  listening.set(signal, listeners);
  signal.addEventListener(
    "abort",
    () => {
      for (const heard of listeners) heard();
    },
    { once: true },
  );
  return listeners;
}
