import { type Clock, Rounds } from "@hearth/platform";
import { LIMITS } from "@hearth/protocol";

/** How often to check whether the next challenge is due, ms. Short, because proofs age while this process is paused. */
const ROUND_CHECK_MS = 5_000;

/** What all sessions of a node do again and again, on timers that they share. */
export interface SessionRounds {
  /** Every `LIMITS.pingIntervalMs`. */
  readonly liveness: Rounds;
  /** More often than proofs age. */
  readonly challenges: Rounds;
}

export function sessionRounds(clock: Clock): SessionRounds {
  return { liveness: new Rounds(clock, LIMITS.pingIntervalMs), challenges: new Rounds(clock, ROUND_CHECK_MS) };
}
