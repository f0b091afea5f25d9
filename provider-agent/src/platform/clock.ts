import { AwakeClock, type Clock, systemTime } from "@hearth/platform";

/** The machine's own clock. A pause of this process, like a sleep of its machine, counts for nobody. */
export const systemClock: Clock = new AwakeClock(systemTime({ keepsAlive: true }), systemTime({ keepsAlive: false }));

/** The time of day as this machine has it, ms since 1970. It may jump either way. */
export const systemWallTime = (): number => Date.now();
