export { AwakeClock, type AwakeClockSettings, DEFAULT_AWAKE_SETTINGS } from "./awake-clock.js";
export { Backoff } from "./backoff.js";
export { BoundedMap, type BoundedMapHooks } from "./bounded-map.js";
export { type Clock, deadline, repeat, sleep } from "./clock.js";
export { describeFault, type Fault } from "./fault.js";
export { newSecret, randomId, randomText } from "./random-text.js";
export { type Rng, seededRng, systemRng } from "./rng.js";
export { Tally } from "./tally.js";
export { systemTime, type TimeSource } from "./time-source.js";
