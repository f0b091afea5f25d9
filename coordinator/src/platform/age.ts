import type { Clock } from "@hearth/platform";

/**
 * Starts to measure the age of something that must also age while this process is paused: a proof, a code, a sign-in.
 * `Clock.now()` stands still during a pause, and the wall clock may be set back, so the longer of the two counts.
 *
 * @returns the age at each call, ms
 */
export function startAge(clock: Clock): () => number {
  const bornAt = clock.now();
  const bornAtWall = clock.wallTime();
  return () => Math.max(clock.now() - bornAt, clock.wallTime() - bornAtWall);
}
