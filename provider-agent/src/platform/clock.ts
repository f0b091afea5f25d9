import { AwakeClock, systemTime } from "@hearth/platform";

/** Time as the agent sees it. Tests put virtual time here. */
export interface Clock {
  /** Milliseconds since an arbitrary but fixed point; never goes back. */
  now(): number;
  /** Calls `fire` once, no sooner than `ms` from now, unless disposed before. */
  setTimer(ms: number, fire: () => void): Disposable;
}

/** The machine's own clock. A pause of this process, like a sleep of its machine, counts for nobody. */
export const systemClock: Clock = new AwakeClock(systemTime({ keepsAlive: true }), systemTime({ keepsAlive: false }));

/** The time of day as this machine has it, ms since 1970. It may jump either way. */
export const systemWallTime = (): number => Date.now();

/** Calls `fire` every `ms` until disposed. */
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
