import { AwakeClock, type Clock, systemTime } from "@hearth/platform";

const TIME = systemTime({ keepsAlive: false });

/** The machine's clock. Pauses of this process do not count, and timers do not keep it running. */
export const systemClock: Clock = new AwakeClock(TIME, TIME);
