import { AwakeClock, systemTime } from "@hearth/platform";

/** Time as the coordinator sees it. Tests and the simulator put virtual time here. */
export interface Clock {
  /** Milliseconds since an arbitrary but fixed point; never goes back. */
  now(): number;
  /** How long ago this process last stood still for a while, ms; absent or infinite = it never has. */
  sincePause?(): number;
  /** Wall-clock milliseconds since 1970, for what people and other machines read. */
  wallTime(): number;
  /** Calls `fire` once, no sooner than `ms` from now, unless disposed before. Does not keep the process alive. */
  setTimer(ms: number, fire: () => void): Disposable;
}

const TIME = systemTime({ keepsAlive: false });

/** The machine's own clock. A pause of this process counts for nobody; timers do not keep it alive. */
export const systemClock: Clock = new AwakeClock(TIME, TIME);

/** Calls `fire` every `ms` until disposed; the next interval starts when `fire` returns. */
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
