import { AwakeClock, type Clock, systemTime } from "@hearth/platform";

const TIME = systemTime({ keepsAlive: false });

/** The machine's own clock. A pause of this process counts for nobody; timers do not keep it alive. */
export const systemClock: Clock = new AwakeClock(TIME, TIME);
