import { type Clock, repeat } from "@hearth/platform";

/** How often the clocks are compared, ms. */
export const TICK_MS = 2_000;
/** A tick that is later than this means that the machine slept, or that the clock was set, ms. */
export const JUMP_MS = 10_000;

export interface ClockJumpHooks {
  /** @param missedMs how much time passed unnoticed by the clock: its timers are late by that much */
  jumped(missedMs: number): void;
}

/**
 * Notices that the machine slept. A monotonic clock stands still in the meantime on Linux (`CLOCK_MONOTONIC`) and may
 * run on elsewhere, with every timer late: so both it and the time of day are looked at. A clock that is set forward
 * looks the same; one that is set back is ignored. `wallTime` is the time of day, ms.
 */
export function watchClockJumps(clock: Clock, wallTime: () => number, hooks: ClockJumpHooks): Disposable {
  let last = { now: clock.now(), wall: wallTime() };
  return repeat(clock, TICK_MS, () => {
    const here = { now: clock.now(), wall: wallTime() };
    const tickedMs = here.now - last.now;
    const wallMs = here.wall - last.wall;
    last = here;
    if (Math.max(tickedMs, wallMs) > TICK_MS + JUMP_MS) hooks.jumped(Math.max(0, wallMs - tickedMs));
  });
}
