/** Raw time of the machine: what a clock is made from. */
export interface TimeSource {
  /** Milliseconds since an arbitrary but fixed point; never goes back. It may run on while the process stands still. */
  monotonic(): number;
  /** Wall-clock milliseconds since 1970. It may be set, either way. */
  wall(): number;
  /** Calls `fire` once, no sooner than about `ms` from now, unless disposed before. */
  setTimer(ms: number, fire: () => void): Disposable;
}

/** @param keepsAlive whether a timer that is set keeps the process from ending by itself */
export function systemTime({ keepsAlive }: { readonly keepsAlive: boolean }): TimeSource {
  return {
    monotonic: () => performance.now(),
    wall: () => Date.now(),
    setTimer(ms, fire) {
      const timer = setTimeout(fire, Math.ceil(ms));
      if (!keepsAlive) timer.unref();
      return { [Symbol.dispose]: () => clearTimeout(timer) };
    },
  };
}
