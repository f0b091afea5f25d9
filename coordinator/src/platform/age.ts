import type { Clock } from "@hearth/platform";

/**
 * Starts to measure how old something becomes that a pause of this process must not keep young: a proof, a code, somebody
 * who is signed in. `Clock.now()` stands still over a pause, the wall clock may be set back: the longer of the two counts.
 *
 * @returns tells the age, ms
 */
export function startAge(clock: Clock): () => number {
  const bornAt = clock.now();
  const bornAtWall = clock.wallTime();
  return () => Math.max(clock.now() - bornAt, clock.wallTime() - bornAtWall);
}
