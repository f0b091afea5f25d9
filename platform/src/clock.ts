/** Time as a program sees it. Tests and the simulator put virtual time here. */
export interface Clock {
  /** Milliseconds since an arbitrary but fixed point; never goes back. */
  now(): number;
  /** How long ago this process last stood still for a while, ms; absent or infinite = it never has. */
  sincePause?(): number;
  /** Wall-clock milliseconds since 1970, for what people and other machines read. It may jump either way. */
  wallTime(): number;
  /** Calls `fire` once, no sooner than `ms` from now, unless disposed before. */
  setTimer(ms: number, fire: () => void): Disposable;
}

/** Calls `fire` every `ms` until disposed; the next interval starts before `fire` runs. */
export function repeat(clock: Clock, ms: number, fire: () => void): Disposable {
  let timer: Disposable;
  const arm = (): void => {
    timer = clock.setTimer(ms, () => {
      arm();
      fire();
    });
  };
  arm();
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
}

/** Resolves after `ms`, or at once when the signal aborts. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = (): void => {
      timer[Symbol.dispose]();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = clock.setTimer(ms, end);
    signal.addEventListener("abort", end, { once: true });
  });
}

/** A signal that aborts with its parent or after `ms`, to be disposed when what it bounds has ended. */
export function deadline(clock: Clock, ms: number, parent: AbortSignal): Disposable & { readonly signal: AbortSignal } {
  const own = new AbortController();
  const abort = (): void => own.abort(parent.reason);
  const timer = clock.setTimer(ms, () => own.abort());
  if (parent.aborted) abort();
  else parent.addEventListener("abort", abort, { once: true });
  return {
    signal: own.signal,
    [Symbol.dispose]() {
      timer[Symbol.dispose]();
      parent.removeEventListener("abort", abort);
    },
  };
}
